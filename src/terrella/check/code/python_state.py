"""State that a Python function keeps in its process or on its disk: gone with the process, unknown to every other."""

import ast
import re
from collections.abc import Iterator

from terrella.check.code.python_names import (
    Function,
    assigned,
    called_name,
    functions_of,
    module_statements,
    own_names,
    text_of,
)

_MAKERS = frozenset({"dict", "list", "set", "defaultdict", "OrderedDict", "Counter", "deque"})
_CHANGERS = frozenset(
    {"append", "add", "update", "extend", "insert", "setdefault", "appendleft", "push", "pop", "popleft", "remove"}
)
_MADE_ANEW = re.compile(
    r"cache|memo|client|conn|pool|session|resource|config|setting|secret|param|lru|singleton|instance|loaded|warm|init"
    r"|regist|handler|route|plugin|environ|model|keys|token|cred|template|schema|header|log|metric",
    re.IGNORECASE,
)
"""Names of what is only remembered to save time, or is filled once: losing it costs nothing but that time."""
_WRITABLE = ("/tmp", "/mnt/", "/dev/", "/efs", "s3:")  # noqa: S108 - Lambda's own scratch directory, not ours
_DATABASES = frozenset({("sqlite3", "connect"), ("shelve", "open"), ("dbm", "open")})


def kept_state(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Line and what is kept, each name once."""
    mutable, counters = _module_state(tree)
    seen: set[str] = set()
    functions = list(functions_of(tree))
    emptied = {name for function in functions for name in _emptied(function)}
    for function in functions:
        for line, name in _changed(function, mutable, counters):
            if name not in seen and name not in emptied:
                seen.add(name)
                yield line, f"{function.name} changes {name}, which is the module's"


def _module_state(tree: ast.Module) -> tuple[set[str], set[str]]:
    """The module's names of collections, and those of numbers and texts."""
    mutable: set[str] = set()
    counters: set[str] = set()
    for statement in module_statements(tree.body):
        named = assigned(statement)
        if named is None or _MADE_ANEW.search(named[0]):
            continue
        name, value = named
        if isinstance(value, ast.List | ast.Dict | ast.Set | ast.ListComp | ast.DictComp) or (
            isinstance(value, ast.Call) and called_name(value) in _MAKERS
        ):
            mutable.add(name)
        elif isinstance(value, ast.Constant) and isinstance(value.value, int | float | str):
            counters.add(name)
    return mutable, counters


def _emptied(function: Function) -> Iterator[str]:
    """Names that a function makes anew before it uses them."""
    shared = {name for node in ast.walk(function) if isinstance(node, ast.Global) for name in node.names}
    for node in ast.walk(function):
        if isinstance(node, ast.Assign):
            yield from (one.id for one in node.targets if isinstance(one, ast.Name) and one.id in shared)
        elif isinstance(node, ast.Call) and called_name(node) == "clear" and isinstance(node.func, ast.Attribute):
            yield node.func.value.id if isinstance(node.func.value, ast.Name) else ""


def _changed(function: Function, mutable: set[str], counters: set[str]) -> Iterator[tuple[int, str]]:
    """Line and name, wherever a function changes what is the module's; not where it only remembers an answer."""
    local = own_names(function)
    remembered = {
        name.id
        for node in ast.walk(function)
        if isinstance(node, ast.Compare) and any(isinstance(one, ast.In | ast.NotIn) for one in node.ops)
        for name in ast.walk(node)
        if isinstance(name, ast.Name)
    }
    for node in ast.walk(function):
        if isinstance(node, ast.AugAssign) and isinstance(node.target, ast.Name):
            name = node.target.id
            if name in (mutable | counters) - local:
                yield node.lineno, name
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in _CHANGERS:
            owner = node.func.value
            if isinstance(owner, ast.Name) and owner.id in mutable - local - remembered:
                yield node.lineno, owner.id
        elif isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Store | ast.Del):
            inner: ast.expr = node
            while isinstance(inner, ast.Subscript):
                inner = inner.value
            if isinstance(inner, ast.Name) and inner.id in mutable - local - remembered:
                yield node.lineno, inner.id


def kept_files(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Line and what is written to disk, by a name that stands in the code."""
    scripts = {id(node) for part in tree.body if _is_script(part) for node in ast.walk(part)}
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call) or id(node) in scripts or not node.args:
            continue
        path = text_of(node.args[0])
        if path is None:
            continue
        owner = (
            node.func.value.id if isinstance(node.func, ast.Attribute) and isinstance(node.func.value, ast.Name) else ""
        )
        name = called_name(node)
        if (owner, name) in _DATABASES and ":memory:" not in path and not path.startswith(("/mnt/", "/efs")):
            yield node.lineno, f"{owner}.{name} keeps {path} on the function's own disk"
        elif name == "open" and not owner:
            mode = text_of(node.args[1]) if len(node.args) > 1 else _keyword(node, "mode")
            writes = bool(mode) and any(letter in str(mode) for letter in "wax+")
            if writes and not path.startswith(_WRITABLE):
                yield node.lineno, f"{path} is written, where a function may write nowhere but under /tmp"
            elif writes and "a" in str(mode) and path.startswith("/tmp"):  # noqa: S108 - Lambda's scratch directory
                yield node.lineno, f"{path} is added to, as if it were still there at the next call"


def _keyword(call: ast.Call, name: str) -> str | None:
    return next((text_of(one.value) for one in call.keywords if one.arg == name), None)


def _is_script(part: ast.stmt) -> bool:
    """Whether it is ``if __name__ == "__main__"``, or ``main``: not run by Lambda."""
    return (isinstance(part, ast.If) and "__main__" in ast.dump(part.test)) or (
        isinstance(part, Function) and part.name == "main"
    )
