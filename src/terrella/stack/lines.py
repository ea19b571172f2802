"""Which line of a source file each node of a tree stands on, in a form that goes through JSON."""

from collections.abc import Iterable
from typing import Any

from terrella.stack.errors import PathStep

LineTree = Any
"""An int (a scalar's line), or ``[line, {key: LineTree}]``, or ``[line, [LineTree, …]]``."""


def line_at(tree: LineTree, path: Iterable[PathStep]) -> tuple[int, int]:
    """The line of the node at ``path``, or of its nearest ancestor that is there, and how many steps led to it."""
    depth = 0
    for step in path:
        if not isinstance(tree, list):
            break
        inner = tree[1]
        is_there = step in inner if isinstance(inner, dict) else isinstance(step, int) and step < len(inner)
        if not is_there:
            break
        tree = inner[step]
        depth += 1
    return (tree[0] if isinstance(tree, list) else tree), depth
