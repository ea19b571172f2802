"""Taking the projected parts out of an item."""

from collections.abc import Iterable
from typing import Any

from terrella.services.tables.expressions.evaluation import find
from terrella.services.tables.expressions.tree import Path
from terrella.services.tables.values import Item


class _Sparse(dict[int, Any]):
    """List elements by index, until it is known which there are."""


def project(paths: Iterable[Path], item: Item) -> Item:
    """The parts of an item that the paths name, in the item's own structure; list elements move together."""
    root: dict[str, Any] = {}
    for path in paths:
        found = find(path, item)
        if found is None:
            continue
        if len(path.parts) == 1:
            root[path.parts[0]] = found  # type: ignore[index]  # a path begins with a name
            continue
        inner: Any = root
        for part, following in zip(path.parts, path.parts[1:], strict=False):
            kind = "L" if isinstance(following, int) else "M"
            inner = inner.setdefault(part, {}).setdefault(kind, _Sparse() if kind == "L" else {})
        inner[path.parts[-1]] = found
    return {name: _settle(value) for name, value in root.items()}


def _settle(value: Any) -> Any:
    """A copy in which the sparse lists are lists. What was found whole is left alone."""
    ((kind, content),) = value.items()
    if isinstance(content, _Sparse):
        return {kind: [_settle(content[index]) for index in sorted(content)]}
    if kind == "M":
        return {kind: {name: _settle(inner) for name, inner in content.items()}}
    return value
