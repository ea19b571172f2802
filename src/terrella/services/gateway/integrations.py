"""What stands behind a route: a function, or a mock that answers fixed text. Read from OpenAPI extensions."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any

from terrella.kernel import Arn, TerrellaError

_INVOCATION_URI = re.compile(r"arn:[^:]+:apigateway:[^:]*:lambda:path/\d{4}-\d\d-\d\d/functions/(.+)/invocations")
_STAGE_VARIABLE = re.compile(r"\$\{stageVariables\.([A-Za-z0-9_]+)\}")
_TIMEOUT_MS_MIN = 50


class Payload(Enum):
    """How a function is asked and answers."""

    REST = auto()
    HTTP_V1 = auto()
    HTTP_V2 = auto()


@dataclass(frozen=True, slots=True)
class LambdaIntegration:
    """A function by its ARN, which may hold ``${stageVariables.name}``."""

    function: str
    payload: Payload
    timeout_s: float

    def function_of_stage(self, variables: Mapping[str, str], own_region: str, where: str) -> str:
        """The ARN with the stage's variables filled in; raises ``TerrellaError`` unless it is a function here."""

        def value(match: re.Match[str]) -> str:
            name = match.group(1)
            if name not in variables:
                raise TerrellaError(f"{where}: the integration uses the stage variable {name}, which the stage lacks")
            return variables[name]

        name = _STAGE_VARIABLE.sub(value, self.function)
        arn = Arn.parse(name)
        if arn.service != "lambda" or not arn.resource.startswith("function:"):
            raise TerrellaError(f"{where}: the integration's target is {name}, expected the ARN of a function")
        if arn.region != own_region:
            raise TerrellaError(
                f"{where}: the function {name} is in {arn.region}; an API in {own_region} that needs another region "
                "to serve is not rehearsed here"
            )
        return name


@dataclass(frozen=True, slots=True)
class MockIntegration:
    """A fixed response; headers in lower case."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes


Integration = LambdaIntegration | MockIntegration


def function_of_uri(uri: str, where: str) -> str:
    """The function's ARN in an integration's URI; a bare function ARN is taken, too."""
    match = _INVOCATION_URI.fullmatch(uri)
    if match:
        return match.group(1)
    if uri.startswith("arn:") and ":lambda:" in uri and ":function:" in uri and ":apigateway:" not in uri:
        return uri
    raise TerrellaError(
        f"{where}: the integration's URI is {uri!r}, expected "
        "arn:aws:apigateway:REGION:lambda:path/2015-03-31/functions/FUNCTION-ARN/invocations"
    )


def timeout_s(milliseconds: Any, default_s: float, where: str) -> float:
    """An integration's time-out in seconds; raises ``TerrellaError`` if it is not a number of at least 50 ms."""
    if milliseconds is None:
        return default_s
    try:
        value = int(milliseconds)
    except (TypeError, ValueError):
        value = 0
    if value < _TIMEOUT_MS_MIN:
        raise TerrellaError(f"{where}: timeoutInMillis is {milliseconds!r}, expected at least {_TIMEOUT_MS_MIN}")
    return value / 1000


def payload_version(version: Any, where: str) -> Payload:
    """An HTTP API integration's ``payloadFormatVersion``."""
    known = {"1.0": Payload.HTTP_V1, "2.0": Payload.HTTP_V2}
    if str(version) not in known:
        raise TerrellaError(f"{where}: payloadFormatVersion is {version!r}, expected 1.0 or 2.0")
    return known[str(version)]


def rest_integration(definition: Mapping[str, Any] | None, where: str) -> Integration:
    """Read ``x-amazon-apigateway-integration`` of a REST API's method."""
    if not definition:
        raise TerrellaError(f"{where}: it has no x-amazon-apigateway-integration, so nothing would answer")
    kind = str(definition.get("type", "")).lower()
    if kind == "mock":
        return _mock(definition, where)
    if kind != "aws_proxy":
        raise TerrellaError(
            f"{where}: the integration type {kind or 'that is missing'} is refused; aws_proxy and mock are built"
        )
    _refuse_mappings(definition, where)
    method = str(definition.get("httpMethod", "")).upper()
    if method != "POST":
        raise TerrellaError(
            f"{where}: the integration's httpMethod is {method or 'missing'}; a Lambda proxy integration only works "
            "with POST, whatever the client's method is"
        )
    function = function_of_uri(str(definition.get("uri", "")), where)
    return LambdaIntegration(function, Payload.REST, timeout_s(definition.get("timeoutInMillis"), 29.0, where))


def http_integration(definition: Mapping[str, Any] | None, where: str) -> Integration:
    """Read ``x-amazon-apigateway-integration`` of an HTTP API's route."""
    if not definition:
        raise TerrellaError(f"{where}: it has no x-amazon-apigateway-integration, so nothing would answer")
    kind = str(definition.get("type", "")).lower()
    if kind != "aws_proxy" or definition.get("integrationSubtype"):
        raise TerrellaError(
            f"{where}: the integration type {definition.get('integrationSubtype') or kind or 'that is missing'} is "
            "refused; only aws_proxy to a function is built"
        )
    _refuse_mappings(definition, where)
    return LambdaIntegration(
        function_of_uri(str(definition.get("uri", "")), where),
        payload_version(definition.get("payloadFormatVersion", "1.0"), where),
        timeout_s(definition.get("timeoutInMillis"), 30.0, where),
    )


def _refuse_mappings(definition: Mapping[str, Any], where: str) -> None:
    # Its ``responses`` are let through: a proxy integration ignores them on AWS, too.
    for name in ("requestParameters", "responseParameters", "requestTemplates"):
        if definition.get(name):
            raise TerrellaError(f"{where}: {name} of the integration are refused: parameter mapping is not built yet")


def _is_static(text: str) -> bool:
    return "$" not in text and "#" not in text


def _mock_status(definition: Mapping[str, Any], where: str) -> str:
    template = (definition.get("requestTemplates") or {}).get("application/json")
    try:
        status = str(json.loads(template)["statusCode"]) if template and _is_static(template) else ""
    except (ValueError, KeyError, TypeError):
        status = ""
    if not status:
        raise TerrellaError(
            f"{where}: a mock integration needs requestTemplates with application/json: '{{\"statusCode\": 200}}' "
            "(mapping templates in VTL are not built yet)"
        )
    return status


def _mock(definition: Mapping[str, Any], where: str) -> MockIntegration:
    status = _mock_status(definition, where)
    responses: Mapping[str, Any] = definition.get("responses") or {}
    chosen = next(
        (answer for pattern, answer in responses.items() if pattern != "default" and re.fullmatch(pattern, status)),
        responses.get("default"),
    )
    if chosen is None:
        raise TerrellaError(f"{where}: the mock integration has no response for status {status}, and no default one")
    headers: list[tuple[str, str]] = []
    for target, value in (chosen.get("responseParameters") or {}).items():
        prefix, _, name = target.rpartition(".")
        text = str(value)
        if prefix != "method.response.header" or not (len(text) > 1 and text[0] == text[-1] == "'"):
            raise TerrellaError(f"{where}: the mock's response parameter {target} is {text}; only fixed text is built")
        headers.append((name.lower(), text[1:-1]))
    body = (chosen.get("responseTemplates") or {}).get("application/json") or ""
    if not _is_static(body):
        raise TerrellaError(f"{where}: the mock's response template is VTL, which is not built yet; fixed text is")
    if not any(name == "content-type" for name, _ in headers):
        headers.insert(0, ("content-type", "application/json"))
    return MockIntegration(int(chosen.get("statusCode", status)), tuple(headers), body.encode())
