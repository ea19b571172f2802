"""A health check that fails when something fails which other regions depend on too."""

import re
from collections.abc import Iterator

from terrella.check.code import FunctionCode, functions, routes_of_path, used_by
from terrella.check.findings import Place, Rule, Severity
from terrella.check.source import literal, mapping
from terrella.check.view import WorldView

_OUTSIDE = re.compile(
    r"\brequests\.(?:get|post|put|head|request)\(|\burlopen\(|\bhttpx\.|\burllib3\.|\bhttp\.client\.|\bfetch\(\s*[\"'`]http"
    r"|\baxios\b|\bhttps?\.(?:get|request)\(|\bpsycopg2?\b|\bpymysql\b|\bcreateConnection\("
)
_AWS = re.compile(r"\bboto3\.(?:client|resource)\(|\bnew \w+Client\(|\bnew AWS\.\w+\(")


def _find(view: WorldView) -> Iterator[Place]:
    every = functions(view)
    for one in view.declared("AWS::Route53::HealthCheck"):
        path = literal(mapping(one.properties, "HealthCheckConfig").get("ResourcePath", ""))
        if not path.startswith("/"):
            continue
        for function in routes_of_path(every, path.partition("?")[0]):
            asks = _asks(function)
            if asks is not None:
                name = function.declared.logical_id
                line = view.line("Resources", one.logical_id, "Properties", "HealthCheckConfig", "ResourcePath")
                yield Place(line, f"{one.logical_id} is answered by {name}, which asks {asks} before it answers")


def _asks(function: FunctionCode) -> str | None:
    """What a function depends on; only the handler's file is read, as far as the handler uses it.

    One that answers several routes does more than to answer the check: nothing is said of it.
    """
    if not function.sources or len({route for _, route in function.routes}) > 1:
        return None
    text = used_by(function.sources[0], function.handler)
    if _OUTSIDE.search(text):
        return "a server elsewhere"
    return "another service of AWS" if _AWS.search(text) else None


RULE = Rule(
    id="deep-health-check",
    number=9110,
    severity=Severity.WARNING,
    alone=Severity.WARNING,
    explanation="A health check that asks a dependency fails when the dependency does: if all regions share it "
    "(a global table, an identity provider, a server elsewhere), all regions are unhealthy together,"
    " and failing over helps nobody.",
    fix="Let the check's path answer for this region alone, without asking anything; watch dependencies "
    "by alarms, and let people or a plan decide.",
    find=_find,
)
