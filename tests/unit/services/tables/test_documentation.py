"""docs/services/tables.md lists exactly the operations that there are, and the parameters that they refuse."""

import re
from pathlib import Path

from terrella.services.tables import OPERATIONS
from terrella.services.tables.cloudformation import NOT_ACTING
from terrella.wire.aws import load_service_model

PAGE = (Path(__file__).parents[4] / "docs" / "services" / "tables.md").read_text()
ROWS = dict(re.findall(r"^\| ([A-Z]\w+) \| ?(.*?) ?\|$", PAGE, re.MULTILINE))


def test_the_page_lists_every_operation_and_no_other() -> None:
    assert list(ROWS) == sorted(OPERATIONS)


def test_the_model_knows_every_operation() -> None:
    assert set(OPERATIONS) <= set(load_service_model("dynamodb").operation_names)


def test_the_parameters_that_the_page_names_exist() -> None:
    for operation, notes in ROWS.items():
        refused = re.match(r"not (.*?)\. |not (.*)", notes + " ")
        if refused:
            named = re.findall(r"`([A-Z]\w+)`", refused[0])
            assert set(named) <= {*load_service_model("dynamodb").members(operation), "AttributesToGet"}, operation


def test_the_page_names_what_is_declared_without_effect() -> None:
    for declared in NOT_ACTING:
        assert f"`{declared}`" in PAGE
