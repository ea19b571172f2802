"""The example in a world of three regions, as it is and with something planted in it."""

import shutil
from collections.abc import Callable
from pathlib import Path
from textwrap import dedent, indent
from typing import Any

import pytest
from tests.unit.stack.conftest import translations

from terrella.check import Finding, check_template, check_world
from terrella.stack import load_template

__all__ = ["translations"]  # SAM's translator runs in this process here, too
ITEMS = Path(__file__).parents[2] / "fixtures" / "stack" / "items"
REGIONS: dict[str, dict[str, Any]] = {"us-east-1": {}, "us-west-2": {}, "eu-west-1": {}}

Check = Callable[..., list[Finding]]
Judge = Callable[..., list[Finding]]


@pytest.fixture(scope="session")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One cache for all tests."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
def check(tmp_path: Path, cache: Path) -> Check:
    """Check the example; each two texts replace one by the other in it, other arguments go to ``check_world``."""

    def checked(*changes: str, regions: Any = None, **more: Any) -> list[Finding]:
        shutil.copytree(ITEMS, tmp_path / "items", dirs_exist_ok=True)
        path = tmp_path / "items" / "template.yaml"
        text = path.read_text()
        for old, new in zip(changes[::2], changes[1::2], strict=True):
            assert old in text
            text = text.replace(old, new)
        path.write_text(text)
        settings: dict[str, Any] = {
            "world": "globe",
            "stack_name": "items",
            "account": "000000000000",
            "lint": False,
        } | more
        return check_world(load_template(path, cache), regions or REGIONS, **settings)

    return checked


@pytest.fixture
def line_of(tmp_path: Path) -> Callable[[str], int]:
    """The line of the checked template on which a text stands."""

    def found(text: str) -> int:
        lines = (tmp_path / "items" / "template.yaml").read_text().splitlines()
        (line,) = [number for number, content in enumerate(lines, 1) if text in content]
        return line

    return found


@pytest.fixture
def judge(tmp_path: Path, cache: Path) -> Judge:
    """Judge resources as a template without a world, or, given ``regions``, in one; ``files`` lie beside it."""

    def judged(
        resources: str, *, files: dict[str, str] | None = None, regions: Any = None, **more: Any
    ) -> list[Finding]:
        for name, text in (files or {}).items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(dedent(text))
        path = tmp_path / "template.yaml"
        head = "Transform: AWS::Serverless-2016-10-31\n" if "AWS::Serverless::" in resources else ""  # it takes time
        text = dedent(resources).lstrip("\n")
        path.write_text(head + (text if "Resources:" in text else f"Resources:\n{indent(text, '  ')}"))
        template = load_template(path, cache)
        if regions is None:
            return check_template(template, lint=False, **more)
        settings: dict[str, Any] = {"world": "w", "stack_name": "w", "account": "000000000000", "lint": False} | more
        return check_world(template, regions, **settings)

    return judged
