"""The profiles' figures have sources, and the document shows them as they are."""

from dataclasses import fields
from pathlib import Path

from terrella.kernel import PROFILE_SOURCES, PROFILES, Profile

LIMITS = Path(__file__).parents[2] / "docs" / "limits.md"


def test_each_figure_has_a_source() -> None:
    assert set(PROFILE_SOURCES) == {field.name for field in fields(Profile)} - {"name"}


def test_the_document_shows_each_figure() -> None:
    lines = LIMITS.read_text().splitlines()
    for name, source in PROFILE_SOURCES.items():
        aws, fast = (getattr(PROFILES[profile], name) for profile in ("aws", "fast"))
        assert f"| `{name}` | {aws:g} | {fast:g} | {source} |" in lines
