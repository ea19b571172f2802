"""A world in a directory of its own, at addresses that no other test uses."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.e2e.worlds import free_base, give_back

WriteWorld = Callable[..., Path]
SOURCE = Path(__file__).parents[3] / "src"


@pytest.fixture(autouse=True)
def processes_find_terrella(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever directory they are started in, and whether or not it is installed."""
    monkeypatch.setenv("PYTHONPATH", str(SOURCE))


@pytest.fixture
def base() -> Iterator[str]:
    """The first half of addresses that nobody else on this machine has."""
    claimed = free_base()
    yield claimed
    give_back(claimed)


@pytest.fixture
def write_world(tmp_path: Path, base: str) -> WriteWorld:
    """Write world.yaml and an empty template; regions as given, more keys as text."""

    def write(*regions: str, more: str = "") -> Path:
        (tmp_path / "template.yaml").write_text("Resources: {}\n")
        listed = "".join(f"  {region}:\n" for region in regions)
        text = f'template: template.yaml\nname: items\nregions:\n{listed}addresses: {{base: "{base}"}}\n{more}'
        path = tmp_path / "world.yaml"
        path.write_text(text)
        return path

    return write
