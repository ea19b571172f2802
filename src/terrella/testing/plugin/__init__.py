"""pytest's plugin ``terrella``: a ``world`` fixture, for tests of an application in several regions.

pytest loads this module in every run, so it imports nothing but pytest: all the rest comes with the fixture's first
use. ``World`` and its kin can be imported from here for annotations. docs/pytest.md tells how it is used.
"""

from collections.abc import Generator, Iterator
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from terrella.testing.plugin.convergence import Convergence
    from terrella.testing.plugin.errors import WorldError
    from terrella.testing.plugin.faults import Fault
    from terrella.testing.plugin.http import HttpClient, Response
    from terrella.testing.plugin.pool import Pool
    from terrella.testing.plugin.world import Link, LogLine, Region, World

__all__ = [
    "Convergence",
    "Fault",
    "HttpClient",
    "Link",
    "LogLine",
    "Region",
    "Response",
    "World",
    "WorldError",
    "world",
]

_INI = "terrella_world_yaml"
_MARKER = (
    "terrella(world_yaml=PATH, profile=NAME, skip_unsupported=BOOL):"
    " which world the fixture `world` runs, from the test's directory, and how"
)
_HOMES = {
    "Convergence": "convergence",
    "Fault": "faults",
    "HttpClient": "http",
    "Link": "world",
    "LogLine": "world",
    "Region": "world",
    "Response": "http",
    "World": "world",
    "WorldError": "errors",
}


def __getattr__(name: str) -> Any:
    """The classes that tests may name, when they do."""
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{home}"), name)


def pytest_addoption(parser: pytest.Parser) -> None:
    """The ini setting that names the application."""
    parser.addini(_INI, "the world.yaml of the application under test, from the ini file's directory", default="")


def pytest_configure(config: pytest.Config) -> None:
    """The marker, for --strict-markers."""
    config.addinivalue_line("markers", _MARKER)


@pytest.fixture(scope="session")
def _terrella_pool(pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory) -> Iterator["Pool"]:
    from terrella.kernel import SystemClock
    from terrella.testing.plugin.pool import Pool

    cache = getattr(pytestconfig, "cache", None)
    pool = Pool(
        lambda: tmp_path_factory.mktemp("terrella-world"),
        Path(cache.mkdir("terrella")) if cache is not None else None,
        SystemClock(),
    )
    try:
        yield pool
    finally:
        pool.close()


@pytest.fixture
def world(request: pytest.FixtureRequest, _terrella_pool: "Pool") -> "World":
    """A world of several regions, like new, and this test's alone."""
    from terrella.kernel import TerrellaError
    from terrella.testing.plugin.application import Application, find_world_yaml

    config, node = request.config, request.node
    here = Path(node.path).parent
    given: dict[str, Any] = {}
    for marker in reversed(list(node.iter_markers("terrella"))):  # the nearest one has the last word
        given |= marker.kwargs
    unknown = given.keys() - {"world_yaml", "profile", "skip_unsupported"}
    if unknown:
        pytest.fail(f"found {', '.join(sorted(unknown))} in a marker, expected {_MARKER}", pytrace=False)
    ini = str(config.getini(_INI))
    try:
        if "world_yaml" in given:
            path = here / str(given["world_yaml"])
        elif ini:
            path = (config.inipath.parent if config.inipath is not None else config.rootpath) / ini
        else:
            path = find_world_yaml(here, config.rootpath)
        application = Application(path.resolve(), given.get("profile"), bool(given.get("skip_unsupported", False)))
        return _terrella_pool.lend(application)
    except TerrellaError as error:
        raise pytest.fail.Exception(str(error), pytrace=False) from None


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """A failing test's report tells of its world."""
    report = yield
    used = getattr(item, "funcargs", {}).get("world")
    if report.failed and report.when == "call" and used is not None and type(used).__module__.startswith(__name__):
        from terrella.testing.plugin.sections import sections_of

        report.sections.extend(sections_of(used))
    return report
