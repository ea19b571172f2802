"""Which world a test gets: by its place, by the ini file, by markers."""

import subprocess
import sys
from pathlib import Path

import pytest

CONFTEST = """
import pytest

class Pool:
    def lend(self, application):
        return application

@pytest.fixture(scope="session")
def _terrella_pool():
    return Pool()
"""
TESTS = """
import pytest

def told(world):
    return (world.path.relative_to(ROOT).as_posix(), world.profile, world.skip_unsupported)

def test_by_place(world):
    assert told(world) == BY_PLACE

@pytest.mark.terrella(world_yaml="shop.yaml", profile="aws")
class TestMarked:
    def test_by_marker(self, world):
        assert told(world) == ("tests/shop.yaml", "aws", False)

    @pytest.mark.terrella(profile="fast", skip_unsupported=True)
    def test_by_both_markers_the_nearest_first(self, world):
        assert told(world) == ("tests/shop.yaml", "fast", True)

@pytest.mark.terrella(world="shop.yaml")
def test_by_a_marker_that_says_nothing_known(world):
    raise AssertionError

@pytest.mark.terrella(profile="slow")
def test_by_a_profile_that_is_none(world):
    raise AssertionError
"""


@pytest.mark.parametrize(
    ("ini", "by_place"),
    [
        ("", "('world.yaml', None, False)"),
        ("terrella_world_yaml = other/world.yaml", "('other/world.yaml', None, False)"),
    ],
)
def test_which_world_a_test_gets(tmp_path: Path, ini: str, by_place: str) -> None:
    (tmp_path / "tests").mkdir()
    (tmp_path / "world.yaml").touch()
    (tmp_path / "pytest.ini").write_text(f"[pytest]\naddopts = --strict-markers\n{ini}\n")
    (tmp_path / "conftest.py").write_text(CONFTEST)
    head = f"from pathlib import Path\nROOT, BY_PLACE = Path({str(tmp_path)!r}).resolve(), {by_place}\n"
    (tmp_path / "tests" / "test_it.py").write_text(head + TESTS)
    plugins = ("-p", "no:cacheprovider", "-p", "terrella.testing.plugin")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", *plugins],
        cwd=tmp_path,
        env={"PYTHONPATH": ":".join(sys.path), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert "3 passed, 2 errors" in done.stdout, done.stdout + done.stderr
    assert "found world in a marker, expected terrella(world_yaml=PATH" in done.stdout
    assert "found the profile 'slow', expected aws or fast" in done.stdout
