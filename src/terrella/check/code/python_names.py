"""What a piece of Python says about names: which are the module's, which are a function's own."""

import ast
from collections.abc import Iterator

Function = ast.FunctionDef | ast.AsyncFunctionDef


def module_statements(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    """The statements that run when the module is loaded, those in ``if`` and ``try`` too, but not ``__main__``."""
    for statement in body:
        if isinstance(statement, ast.If):
            if "__main__" not in ast.dump(statement.test):
                yield from module_statements([*statement.body, *statement.orelse])
        elif isinstance(statement, ast.Try):
            parts = [*statement.body, *statement.orelse, *statement.finalbody]
            yield from module_statements(parts)
            for handler in statement.handlers:
                yield from module_statements(handler.body)
        else:
            yield statement


def functions_of(tree: ast.Module) -> Iterator[Function]:
    """Every function and method; one that stands in another belongs to that one too."""
    for node in ast.walk(tree):
        if isinstance(node, Function) and node.name not in ("main", "__init__"):
            yield node


def own_names(function: Function) -> set[str]:
    """The names that are local to a function: its parameters, and what it binds without ``global``."""
    arguments = function.args
    every = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs, arguments.vararg, arguments.kwarg]
    names = {one.arg for one in every if one is not None}
    declared_global: set[str] = set()
    for node in ast.walk(function):
        if isinstance(node, ast.Global):
            declared_global |= set(node.names)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            names.add(node.id)
        elif isinstance(node, ast.arg):
            names.add(node.arg)
        elif isinstance(node, ast.alias):
            names.add((node.asname or node.name).partition(".")[0])
    return names - declared_global


def assigned(statement: ast.stmt) -> tuple[str, ast.expr] | None:
    """Name and value of ``name = value``; None for any other statement."""
    if isinstance(statement, ast.Assign) and len(statement.targets) == 1:
        target = statement.targets[0]
        if isinstance(target, ast.Name):
            return target.id, statement.value
    if isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name) and statement.value:
        return statement.target.id, statement.value
    return None


def called_name(call: ast.Call) -> str:
    """The last part of what is called: ``client`` of ``boto3.client``."""
    if isinstance(call.func, ast.Attribute):
        return call.func.attr
    return call.func.id if isinstance(call.func, ast.Name) else ""


def text_of(node: ast.AST | None) -> str | None:
    """A constant text; None for anything else."""
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else None
