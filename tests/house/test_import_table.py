"""The house rules are tests: who may import whom, no cycles, sizes, and calls that only the edges may make."""

import ast
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src" / "terrella"
MODULES = sorted(SOURCE.rglob("*.py"))

SERVICES = {"services"}
LOWER = {"kernel", "wire", "journal", "services", "traffic", "stack"}
MAY_IMPORT: dict[str, set[str]] = {
    "kernel": set(),
    "wire": {"kernel"},
    "journal": {"kernel"},
    "services": {"kernel", "wire", "journal"},
    "traffic": {"kernel", "wire"},
    "stack": {"kernel", "wire"},
    "check": {"kernel", "wire", "stack", "traffic"},
    "region": LOWER,
    "world": {"kernel", "wire", "region", "traffic", "stack"},
    "gameday": {"kernel", "wire", "world"},
    "testing": LOWER | {"region", "world", "gameday", "check"},
    "cli": LOWER | {"region", "world", "gameday", "check"},
}
FILE_LINES_MAX = 620
FUNCTION_LINES_MAX = 70
PUBLIC_DOORS_ONLY = {"region", "world", "cli", "gameday", "check", "testing"}
AMBIENT = {"time.time", "time.time_ns", "time.monotonic", "uuid.uuid4", "random.random", "datetime.now"}
EDGES = {"kernel/clock.py", "kernel/ids.py"}


def module_name(path: Path) -> str:
    parts = ("terrella", *path.relative_to(SOURCE).with_suffix("").parts)
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def room_of(module: str) -> str:
    """``terrella.services.tables.x`` is in the room ``services/tables``; everything else in its first folder."""
    parts = module.split(".")
    if len(parts) < 2:
        return ""
    return "/".join(parts[1:3]) if parts[1] == "services" and len(parts) > 2 else parts[1]


@cache
def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text())


def imports_of(path: Path) -> list[tuple[str, int]]:
    found = []
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.Import):
            found += [(alias.name, node.lineno) for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            assert node.level == 0, f"{path}:{node.lineno}: relative imports hide where a name comes from"
            found.append((node.module, node.lineno))
            found += [(f"{node.module}.{alias.name}", node.lineno) for alias in node.names]
    return [(name, line) for name, line in found if name.split(".")[0] == "terrella"]


def every(broken_in: Callable[[Path], Iterator[str]]) -> str:
    """What is found in all modules, a line each: one test a rule, for there are hundreds of modules."""
    return "\n".join(f"{path.relative_to(SOURCE)}:{broken}" for path in MODULES for broken in broken_in(path))


def test_a_room_imports_only_what_the_table_allows() -> None:
    """Function-level imports included: a late import is still an import."""

    def broken_in(path: Path) -> Iterator[str]:
        room = room_of(module_name(path))
        for imported, line in imports_of(path) if path.parent != SOURCE else ():
            other = room_of(imported)
            if other in ("", room, "__version__"):
                continue
            if other.split("/")[0] not in MAY_IMPORT[room.split("/")[0]]:
                yield f"{line}: {room} may not import {other}"
            if room.startswith("services/") and other.startswith("services/"):
                yield f"{line}: one service may not import another, {other}"

    assert every(broken_in) == ""


def test_other_rooms_are_entered_by_their_public_door() -> None:
    """``from terrella.traffic import X``, never ``from terrella.traffic.health import X``, above the services."""

    def broken_in(path: Path) -> Iterator[str]:
        room = room_of(module_name(path))
        for node in ast.walk(tree_of(path)) if room in PUBLIC_DOORS_ONLY else ():
            if not isinstance(node, ast.ImportFrom) or not (node.module or "").startswith("terrella."):
                continue
            other = room_of(node.module or "")
            door = "terrella." + other.replace("/", ".")
            if other not in (room, "wire", "") and node.module != door:
                yield f"{node.lineno}: {node.module} is behind the door {door}"

    assert every(broken_in) == ""


def test_no_import_cycles() -> None:
    """Between modules, as far as they are imported when they load."""
    known = {module_name(path) for path in MODULES}
    edges: dict[str, set[str]] = {}
    for path in MODULES:
        targets: set[str] = set()
        for node in tree_of(path).body:
            if isinstance(node, ast.ImportFrom) and node.module:
                names = [f"{node.module}.{alias.name}" for alias in node.names]
                targets |= {name if name in known else node.module for name in names} & known
        edges[module_name(path)] = targets - {module_name(path)}
    state: dict[str, int] = {}

    def visit(module: str, trail: tuple[str, ...]) -> None:
        if state.get(module) == 2:
            return
        assert state.get(module) != 1, "import cycle: " + " -> ".join((*trail[trail.index(module) :], module))
        state[module] = 1
        for target in sorted(edges.get(module, ())):
            visit(target, (*trail, module))
        state[module] = 2

    for module in sorted(edges):
        visit(module, ())


def test_files_and_functions_stay_small() -> None:
    """A file is read in one sitting, a function on one screen."""

    def broken_in(path: Path) -> Iterator[str]:
        lines = path.read_text().count("\n")
        if lines > FILE_LINES_MAX:
            yield f"1: {lines} lines"
        for node in ast.walk(tree_of(path)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                lines = (node.end_lineno or node.lineno) - node.lineno + 1
                if lines > FUNCTION_LINES_MAX:
                    yield f"{node.lineno}: {node.name} has {lines} lines"

    assert every(broken_in) == ""


def test_time_and_randomness_are_passed_in() -> None:
    """Only the kernel's edges read the machine's clocks and randomness."""

    def broken_in(path: Path) -> Iterator[str]:
        if str(path.relative_to(SOURCE)) in EDGES:
            return
        for node in ast.walk(tree_of(path)):
            if (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Attribute)
                and isinstance(node.func.value, ast.Name)
            ):
                called = f"{node.func.value.id}.{node.func.attr}"
                if called in AMBIENT:
                    yield f"{node.lineno}: {called} is passed in, not called"

    assert every(broken_in) == ""


def test_every_room_says_what_lives_there() -> None:
    """A room's ``__init__.py`` opens with a paragraph."""
    for folder in sorted({path.parent for path in MODULES}):
        init = folder / "__init__.py"
        assert init.exists(), f"{folder} is no package"
        assert ast.get_docstring(tree_of(init)), f"{init} says nothing"
