"""REST APIs and HTTP APIs, read from CloudFormation: a ``Body``, or resources, methods, routes and integrations."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

from terrella.kernel import TerrellaError
from terrella.services.gateway.cors import Cors
from terrella.services.gateway.integrations import (
    Integration,
    LambdaIntegration,
    Payload,
    function_of_uri,
    http_integration,
    payload_version,
    rest_integration,
    timeout_s,
)
from terrella.services.gateway.routes import ANY, DEFAULT_ROUTE, METHODS
from terrella.services.gateway.support import GatewayResource, refuse_unsupported

_ANY_METHOD = "x-amazon-apigateway-any-method"
_INTEGRATION = "x-amazon-apigateway-integration"


@dataclass(frozen=True, slots=True)
class Method:
    """One method (``GET``, ``ANY``) of a path (``/items/{id}``, ``$default``), and what stands behind it."""

    method: str
    path: str
    integration: Integration


@dataclass(frozen=True, slots=True)
class RestApi:
    """A REST API (payload 1.0). ``execute_api``: it is also served under its execute-api name."""

    api_id: str
    name: str
    methods: tuple[Method, ...]
    binary_media_types: tuple[str, ...] = ()
    execute_api: bool = True

    @classmethod
    def from_cloudformation(
        cls,
        physical_id: str,
        properties: Mapping[str, Any],
        resources: Iterable[GatewayResource] = (),
        methods: Iterable[GatewayResource] = (),
        logical_id: str = "",
    ) -> Self:
        """Read an ``AWS::ApiGateway::RestApi``; ``resources`` and ``methods`` are those that stand beside it.

        Raises ``TerrellaError`` for what is refused, naming it and where it stands.
        """
        resource = GatewayResource("AWS::ApiGateway::RestApi", physical_id, properties, logical_id)
        refuse_unsupported([resource])
        types = (properties.get("EndpointConfiguration") or {}).get("Types") or []
        body = _mapping(properties.get("Body") or {}, f"{resource}: Body")
        if "PRIVATE" in types:
            raise TerrellaError(f"{resource}: EndpointConfiguration PRIVATE is refused: there are no VPCs here")
        _refuse_in_body(body, str(resource))
        read = [*_methods_of_body(body, resource), *_methods_of_resources(list(resources), methods)]
        media_types = properties.get("BinaryMediaTypes") or body.get("x-amazon-apigateway-binary-media-types") or []
        return cls(
            physical_id,
            str(properties.get("Name") or _title(body) or physical_id),
            tuple(read),
            tuple(str(media_type).replace("~1", "/") for media_type in media_types),
            not _is_true(properties.get("DisableExecuteApiEndpoint")) and not _disabled_in(body),
        )


@dataclass(frozen=True, slots=True)
class HttpApi:
    """An HTTP API (payload 2.0 or 1.0). ``default_stage``: a quick create, which makes its ``$default`` stage."""

    api_id: str
    name: str
    methods: tuple[Method, ...]
    cors: Cors | None = None
    execute_api: bool = True
    default_stage: bool = False

    @classmethod
    def from_cloudformation(
        cls,
        physical_id: str,
        properties: Mapping[str, Any],
        routes: Iterable[GatewayResource] = (),
        integrations: Iterable[GatewayResource] = (),
        logical_id: str = "",
    ) -> Self:
        """Read an ``AWS::ApiGatewayV2::Api``; ``routes`` and ``integrations`` are those that stand beside it.

        Raises ``TerrellaError`` for what is refused, naming it and where it stands.
        """
        resource = GatewayResource("AWS::ApiGatewayV2::Api", physical_id, properties, logical_id)
        refuse_unsupported([resource])
        if str(properties.get("ProtocolType", "HTTP")).upper() != "HTTP":
            raise TerrellaError(f"{resource}: ProtocolType {properties['ProtocolType']} is refused: only HTTP is built")
        body = _mapping(properties.get("Body") or {}, f"{resource}: Body")
        _refuse_in_body(body, str(resource))
        read = [*_methods_of_body(body, resource), *_methods_of_routes(routes, integrations)]
        target = properties.get("Target")
        if target:
            method, path = _route_key(str(properties.get("RouteKey") or DEFAULT_ROUTE), str(resource))
            function = function_of_uri(str(target), f"{resource}: Target")
            read.append(Method(method, path, LambdaIntegration(function, Payload.HTTP_V2, 30.0)))
        cors = properties.get("CorsConfiguration") or body.get("x-amazon-apigateway-cors")
        return cls(
            physical_id,
            str(properties.get("Name") or _title(body) or physical_id),
            tuple(read),
            Cors.read(cors, str(resource)) if cors else None,
            not _is_true(properties.get("DisableExecuteApiEndpoint")) and not _disabled_in(body),
            bool(target),
        )


Api = RestApi | HttpApi


def _mapping(value: Any, where: str) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise TerrellaError(f"{where} is {type(value).__name__}, expected a mapping")
    return value


def _is_true(value: Any) -> bool:
    return str(value).lower() == "true"


def _title(body: Mapping[str, Any]) -> str:
    return str((body.get("info") or {}).get("title") or "")


def _disabled_in(body: Mapping[str, Any]) -> bool:
    inside = body.get("x-amazon-apigateway-endpoint-configuration") or {}
    return _is_true(inside.get("disableExecuteApiEndpoint"))


# bodies


def _refuse_in_body(body: Mapping[str, Any], where: str) -> None:
    for name, why in (
        ("x-amazon-apigateway-policy", "resource policies are not built yet, and the API would stand open"),
        ("x-amazon-apigateway-gateway-responses", "the gateway's own answers cannot be changed yet"),
        ("x-amazon-apigateway-request-validator", "request validators are not built yet"),
    ):
        if body.get(name):
            raise TerrellaError(f"{where}: {name} in the Body is refused: {why}")


def _refuse_in_operation(body: Mapping[str, Any], operation: Mapping[str, Any], where: str) -> None:
    for requirement in operation.get("security", body.get("security")) or ():
        # SAM writes ``NONE`` for an event that takes itself out of the API's default authorizer.
        names = [name for name in requirement if name != "NONE"]
        if names:
            raise TerrellaError(
                f"{where}: it requires {', '.join(names)}: authorizers, IAM and API keys are not built yet, and the "
                "method would stand open"
            )
    authorization = (operation.get("x-amazon-apigateway-auth") or {}).get("type", "NONE")
    if str(authorization).upper() != "NONE":
        raise TerrellaError(f"{where}: x-amazon-apigateway-auth {authorization} is refused: it is not built yet")
    if operation.get("x-amazon-apigateway-request-validator"):
        raise TerrellaError(f"{where}: x-amazon-apigateway-request-validator is refused: validators are not built yet")


def _operations(path_item: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for name, operation in path_item.items():
        if name == _ANY_METHOD:
            yield ANY, operation or {}
        elif name.upper() in METHODS:
            yield name.upper(), operation or {}


def _referenced(body: Mapping[str, Any], value: Any, where: str) -> Any:
    """Follow ``$ref`` to a place in the same body."""
    for _ in range(8):
        if not (isinstance(value, Mapping) and "$ref" in value):
            return value
        target: Any = body
        for step in str(value["$ref"]).removeprefix("#/").split("/"):
            target = target.get(step.replace("~1", "/").replace("~0", "~")) if isinstance(target, Mapping) else None
        if target is None:
            raise TerrellaError(f"{where}: {value['$ref']} is not found in the Body")
        value = target
    raise TerrellaError(f"{where}: references in the Body go in a circle")


def _methods_of_body(body: Mapping[str, Any], resource: GatewayResource) -> Iterator[Method]:
    read_integration = http_integration if resource.type == "AWS::ApiGatewayV2::Api" else rest_integration
    for path, item in _mapping(body.get("paths") or {}, f"{resource}: Body.paths").items():
        item = _mapping(_referenced(body, item, f"{resource}, {path}") or {}, f"{resource}: {path}")
        for method, operation in _operations(item):
            where = f"{resource}, {method} {path}"
            _refuse_in_operation(body, operation, where)
            yield Method(method, path, read_integration(_referenced(body, operation.get(_INTEGRATION), where), where))


# resources and methods, routes and integrations


def _paths(resources: Sequence[GatewayResource]) -> dict[str, str]:
    """The path of each ``AWS::ApiGateway::Resource`` by its id; the one parent that is not among them is the root."""
    by_id = {resource.physical_id: resource for resource in resources}
    roots = {str(resource.properties.get("ParentId")) for resource in resources} - by_id.keys()
    if len(roots) > 1:
        raise TerrellaError(
            f"{resources[0]}: the resources of this API hang from {len(roots)} parents that are unknown "
            f"({', '.join(sorted(roots))}), expected one, the API's RootResourceId"
        )
    paths: dict[str, str] = {}

    def path_of(resource: GatewayResource, depth: int = 0) -> str:
        if depth > len(by_id):
            raise TerrellaError(f"{resource}: its ParentId leads back to itself")
        parent = by_id.get(str(resource.properties.get("ParentId")))
        above = path_of(parent, depth + 1) if parent else ""
        return f"{above}/{resource.properties.get('PathPart', '')}"

    for resource in resources:
        paths[resource.physical_id] = path_of(resource)
    return paths


_REST_NAMES = {
    "Type": "type",
    "Uri": "uri",
    "IntegrationHttpMethod": "httpMethod",
    "TimeoutInMillis": "timeoutInMillis",
    "RequestParameters": "requestParameters",
    "RequestTemplates": "requestTemplates",
}


def _methods_of_resources(resources: Sequence[GatewayResource], methods: Iterable[GatewayResource]) -> Iterator[Method]:
    refuse_unsupported(resources)
    paths = _paths(resources)
    for resource in methods:
        refuse_unsupported([resource])
        where = str(resource)
        properties = resource.properties
        if str(properties.get("AuthorizationType", "NONE")).upper() != "NONE":
            raise TerrellaError(
                f"{where}: AuthorizationType {properties['AuthorizationType']} is refused: not built yet"
            )
        given = properties.get("Integration") or {}
        definition = {ours: given.get(theirs) for theirs, ours in _REST_NAMES.items()}
        definition["responses"] = {
            answer.get("SelectionPattern") or "default": {
                "statusCode": answer.get("StatusCode"),
                "responseParameters": answer.get("ResponseParameters"),
                "responseTemplates": answer.get("ResponseTemplates"),
            }
            for answer in given.get("IntegrationResponses") or ()
        }
        path = paths.get(str(properties.get("ResourceId")), "/")
        yield Method(str(properties.get("HttpMethod", "")).upper(), path, rest_integration(definition, where))


def _route_key(key: str, where: str) -> tuple[str, str]:
    if key == DEFAULT_ROUTE:
        return ANY, DEFAULT_ROUTE
    method, _, path = key.partition(" ")
    if method not in METHODS | {ANY} or not path.startswith("/"):
        raise TerrellaError(f"{where}: the route key is {key!r}, expected $default or a method and a path: GET /items")
    return method, path


def _methods_of_routes(routes: Iterable[GatewayResource], integrations: Iterable[GatewayResource]) -> Iterator[Method]:
    by_id: dict[str, Integration] = {}
    for resource in integrations:
        refuse_unsupported([resource])
        where = str(resource)
        properties = resource.properties
        if properties.get("IntegrationType") != "AWS_PROXY":
            raise TerrellaError(
                f"{where}: IntegrationType {properties.get('IntegrationType')} is refused; only AWS_PROXY to a "
                "function is built"
            )
        by_id[resource.physical_id] = LambdaIntegration(
            function_of_uri(str(properties.get("IntegrationUri", "")), where),
            payload_version(properties.get("PayloadFormatVersion", "1.0"), where),
            timeout_s(properties.get("TimeoutInMillis"), 30.0, where),
        )
    for resource in routes:
        refuse_unsupported([resource])
        properties = resource.properties
        if str(properties.get("AuthorizationType", "NONE")).upper() != "NONE":
            raise TerrellaError(
                f"{resource}: AuthorizationType {properties['AuthorizationType']} is refused: not built yet"
            )
        method, path = _route_key(str(properties.get("RouteKey", "")), str(resource))
        target = str(properties.get("Target", "")).removeprefix("integrations/")
        if target not in by_id:
            raise TerrellaError(f"{resource}: its Target {properties.get('Target')!r} is no integration of this API")
        yield Method(method, path, by_id[target])
