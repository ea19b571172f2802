"""Regions that are written out in Python."""

import ast
from collections.abc import Iterator

from terrella.check.code.python_names import called_name, text_of
from terrella.check.regions import INTENDED, is_region, pinned

GLOBAL_SERVICES = frozenset(
    {"iam", "route53", "route53domains", "cloudfront", "organizations", "ce", "pricing", "budgets", "support"}
    | {"health", "shield", "globalaccelerator", "account", "cur", "savingsplans", "networkmanager", "artifact"}
    | {"route53-recovery-control-config", "route53-recovery-cluster", "marketplace-catalog", "waf", "ecr-public", "acm"}
)
"""What AWS answers in one region only, whoever asks (``acm``: certificates of distributions)."""
_ALWAYS_SET = frozenset({"AWS_REGION", "AWS_DEFAULT_REGION"})


def pinned_in_python(tree: ast.Module, environment: frozenset[str]) -> Iterator[tuple[int, str]]:
    """Line and what stands there; ``environment`` are the variables that the template sets."""
    silent = _unread(tree)
    for node in ast.walk(tree):
        if id(node) in silent:
            continue
        if isinstance(node, ast.Call):
            yield from _in_call(node, environment)
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            yield from _in_assignment(node)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            for text, region in pinned(node.value):
                yield node.lineno, f"{text} is in {region} only"


def _unread(tree: ast.Module) -> set[int]:
    """Documentation, comparisons and what only a script runs: no address that anything is sent to."""
    found: set[int] = set()
    for node in ast.walk(tree):
        is_text = isinstance(node, ast.Expr) and text_of(node.value) is not None
        is_script = isinstance(node, ast.If) and "__main__" in ast.dump(node.test)
        if is_text or is_script or isinstance(node, ast.Compare):
            found |= {id(one) for one in ast.walk(node)}
    return found


def _in_call(call: ast.Call, environment: frozenset[str]) -> Iterator[tuple[int, str]]:
    name = called_name(call)
    service = text_of(call.args[0]) if call.args else None
    given = [one.value for one in call.keywords if one.arg in ("region_name", "region")]
    if name in ("client", "resource"):
        given += call.args[1:2]
    for value in given:
        region = text_of(value)
        if region is not None and is_region(region) and service not in GLOBAL_SERVICES:
            yield value.lineno, f"{service or name} is asked in {region}, wherever the function runs"
    asks_environment = name == "getenv" or (name == "get" and "environ" in ast.dump(call.func))
    if asks_environment and len(call.args) > 1:
        variable, default = text_of(call.args[0]) or "", text_of(call.args[1])
        is_set = variable in environment or variable in _ALWAYS_SET or INTENDED.search(variable) is not None
        if default is not None and is_region(default) and not is_set:
            yield call.lineno, f"{variable} is not set by the template, so {default} is used in every region"


def _in_assignment(node: ast.Assign | ast.AnnAssign) -> Iterator[tuple[int, str]]:
    region = text_of(node.value)
    if region is None or not is_region(region):
        return
    for target in node.targets if isinstance(node, ast.Assign) else [node.target]:
        name = target.id if isinstance(target, ast.Name) else ""
        if isinstance(target, ast.Subscript):
            name = text_of(target.slice) or ""
        if "region" in name.lower() and not INTENDED.search(name):
            yield node.lineno, f"{name} is {region}, wherever the function runs"
