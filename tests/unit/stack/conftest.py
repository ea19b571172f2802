"""Templates for the tests of this room: text in, stack out."""

import shutil
from collections.abc import Callable
from pathlib import Path
from textwrap import dedent
from typing import Any

import msgspec
import pytest

from terrella.stack import Stack, Template, evaluate, load_template, template
from terrella.stack.translation_job import Job, Outcome
from terrella.stack.translator import translate

ITEMS = Path(__file__).parents[2] / "fixtures" / "stack" / "items"

Write = Callable[[str], Path]
Load = Callable[[str], Template]
Evaluate = Callable[..., Stack]


@pytest.fixture(autouse=True)
def translations(monkeypatch: pytest.MonkeyPatch) -> list[Job]:
    """The jobs that go to the translator, which runs in this process: a process for each takes too long."""
    jobs: list[Job] = []

    def translated(path: Path, job: Job) -> Outcome:
        jobs.append(job)
        return translate(msgspec.json.decode(msgspec.json.encode(job), type=Job))

    monkeypatch.setattr(template, "run_translator", translated)
    return jobs


@pytest.fixture(scope="session")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One cache for all tests: what is translated once need not be translated again."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Write text as ``template.yaml``, indentation taken off."""

    def written(text: str) -> Path:
        path = tmp_path / "template.yaml"
        path.write_text(dedent(text).lstrip("\n"))
        return path

    return written


@pytest.fixture
def load(write: Write, cache: Path) -> Load:
    """Text to a template."""
    return lambda text: load_template(write(text), cache)


def in_region(template: Template, region: str = "us-west-2", **parameters: Any) -> Stack:
    return evaluate(
        template, region=region, parameters=parameters, stack_name="items", account="000000000000", world="globe"
    )


@pytest.fixture
def stack_of(load: Load) -> Evaluate:
    """Text to the stack of one region."""
    return lambda text, region="us-west-2", **parameters: in_region(load(text), region, **parameters)


@pytest.fixture
def items(tmp_path: Path, cache: Path) -> Template:
    """A copy of the example: three functions, an API, a global table, a weighted record and its health check."""
    shutil.copytree(ITEMS, tmp_path / "items")
    return load_template(tmp_path / "items" / "template.yaml", cache)
