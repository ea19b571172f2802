"""``terrella parked`` as it is shown."""

import io
from typing import Any

from rich.console import Console

from terrella.cli.parked import parked_table


def test_a_record_is_shown_with_where_it_is_whose_it_is_and_why() -> None:
    entry: dict[str, Any] = {
        "in": "eu-west-1",
        "table": "items",
        "region": "us-east-1",
        "incarnation": "e1",
        "sequence": 7,
        "key": b"a1".hex(),
        "bytes": 4100,
        "reason": "IndexError: [list] is empty",
    }
    console = Console(width=80, file=io.StringIO(), highlight=False)
    console.print(parked_table([entry, {**entry, "key": None}]))
    assert isinstance(console.file, io.StringIO)
    _, first, second = console.file.getvalue().splitlines()
    assert first.split(maxsplit=7)[:7] == ["eu-west-1", "items", "us-east-1", "#7", "a1", "4.1", "kB"]
    assert first.rstrip().endswith("IndexError: [list] is empty")
    assert second.split()[4] == "?"
