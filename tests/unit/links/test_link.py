"""What a link can be."""

from typing import Any

import msgspec
import pytest

from terrella.wire.links import Link


@pytest.mark.parametrize(
    "given",
    [
        {"delay_ms": -1.0},
        {"delay_ms": float("inf")},
        {"jitter_ms": -0.5},
        {"loss": 1.5},
        {"loss": -0.1},
        {"loss": float("nan")},
        {"bandwidth_bytes_per_s": 0.0},
        {"bandwidth_bytes_per_s": -5.0},
    ],
)
def test_what_no_link_can_be_is_refused_where_it_is_made(given: dict[str, Any]) -> None:
    """The control APIs and ``world.yaml`` all end here: a bandwidth of 0 stopped a region."""
    with pytest.raises(ValueError, match=f"found {next(iter(given))}"):
        Link(**given)
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(given, Link)
