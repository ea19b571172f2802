"""What of a module one of its functions uses."""

import ast

from terrella.check.code.files import SourceFile
from terrella.check.code.python_names import Function, module_statements


def used_by(source: SourceFile, name: str) -> str:
    """The code of a handler, and of whatever it uses of its own module, in turn.

    All of the module where that cannot be told: it is no Python, or has no function of that name.
    """
    tree = source.tree
    parts = _parts(tree) if tree is not None else {}
    if not isinstance(parts.get(name), Function):
        return source.text
    used: dict[str, ast.stmt] = {}
    waiting = [name]
    while waiting:
        one = waiting.pop()
        if one in used or one not in parts:
            continue
        used[one] = parts[one]
        waiting += [node.id for node in ast.walk(parts[one]) if isinstance(node, ast.Name)]
    return "\n".join(ast.get_source_segment(source.text, part) or "" for part in used.values())


def _parts(tree: ast.Module) -> dict[str, ast.stmt]:
    """What the module defines, by name. An import is none: its name says at each use what it is of."""
    found: dict[str, ast.stmt] = {}
    for statement in module_statements(tree.body):
        if isinstance(statement, Function | ast.ClassDef):
            found[statement.name] = statement
            continue
        for node in ast.walk(statement):
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
                found[node.id] = statement
    return found
