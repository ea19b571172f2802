"""docs/services/monitoring.md says what the code has."""

import re
from pathlib import Path

from terrella.services.monitoring.operations import OPERATIONS

PAGE = (Path(__file__).parents[4] / "docs" / "services" / "monitoring.md").read_text()


def test_operations() -> None:
    assert re.findall(r"^\| `(\w+)` \|", PAGE, re.MULTILINE) == sorted(OPERATIONS)
