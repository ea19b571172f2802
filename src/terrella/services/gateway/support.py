"""What of API Gateway's resources is honoured, inert (taken, without effect here) or refused, and why.

The table is what the gateway itself refuses by, and what ``docs/services/gateway.md`` shows.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from terrella.kernel import TerrellaError


class Verdict(StrEnum):
    """What happens to a resource or property of a template."""

    HONOURED = "honoured"
    INERT = "inert"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Support:
    """The verdict on a resource type (``property`` empty) or on one property of it."""

    resource_type: str
    property: str
    verdict: Verdict
    note: str = ""


@dataclass(frozen=True, slots=True)
class GatewayResource:
    """One API Gateway resource of a stack: CloudFormation's type, what ``Ref`` gives, its resolved properties."""

    type: str
    physical_id: str
    properties: Mapping[str, Any] = field(default_factory=dict)
    logical_id: str = ""

    def __str__(self) -> str:
        return f"{self.logical_id or self.physical_id} ({self.type})"


_HONOURED, _INERT, _REFUSED = Verdict.HONOURED, Verdict.INERT, Verdict.REFUSED
_V1, _V2 = "AWS::ApiGateway::", "AWS::ApiGatewayV2::"
_LABEL = "a label"
_IAM = "IAM is not enforced here"
_LOGS = "the region's own metrics and logs show requests"
_AUTHORIZER = "authorizers are not built yet, and the API would stand open"
_TEMPLATES = "mapping templates (VTL) are not built yet"
_PARAMETERS = "parameter mapping is not built yet"
_MUTUAL_TLS = "mutual TLS is not built yet, and the API would stand open"

_TABLE: dict[str, dict[str, tuple[Verdict, str]]] = {
    _V1 + "RestApi": {
        "": (_HONOURED, "an API of its own in each region, whatever its endpoint type"),
        "ApiKeySourceType": (_INERT, "methods that require an API key are refused"),
        "BinaryMediaTypes": (_HONOURED, ""),
        "Body": (_HONOURED, "OpenAPI 2 and 3 with Lambda proxy integrations, and mocks that answer fixed text"),
        "BodyS3Location": (_REFUSED, "only a Body that stands in the template is read"),
        "CloneFrom": (_REFUSED, "only a Body, or methods in the template, are read"),
        "Description": (_INERT, _LABEL),
        "DisableExecuteApiEndpoint": (_HONOURED, ""),
        "EndpointAccessMode": (_INERT, "there is no TLS here"),
        "EndpointConfiguration": (_HONOURED, "REGIONAL and EDGE are served alike; PRIVATE is refused"),
        "FailOnWarnings": (_INERT, "what is not understood is always refused"),
        "MinimumCompressionSize": (_INERT, "responses are not compressed"),
        "Mode": (_INERT, "the whole definition is taken each time"),
        "Name": (_HONOURED, ""),
        "Parameters": (_INERT, "they tell the import how to read a Body"),
        "Policy": (_REFUSED, "resource policies are not built yet, and the API would stand open"),
        "SecurityPolicy": (_INERT, "there is no TLS here"),
        "Tags": (_INERT, _LABEL),
        "Version": (_INERT, _LABEL),
    },
    _V1 + "Resource": {
        "": (_HONOURED, ""),
        "ParentId": (_HONOURED, ""),
        "PathPart": (_HONOURED, ""),
        "RestApiId": (_HONOURED, ""),
    },
    _V1 + "Method": {
        "": (_HONOURED, ""),
        "ApiKeyRequired": (_REFUSED, "API keys are not built yet, and the method would stand open"),
        "AuthorizationScopes": (_REFUSED, _AUTHORIZER),
        "AuthorizationType": (_HONOURED, "NONE; any other is refused"),
        "AuthorizerId": (_REFUSED, _AUTHORIZER),
        "HttpMethod": (_HONOURED, ""),
        "Integration": (_HONOURED, "AWS_PROXY to Lambda, and MOCK that answers fixed text"),
        "MethodResponses": (_INERT, "a proxy integration's answer is not filtered"),
        "OperationName": (_INERT, _LABEL),
        "RequestModels": (_INERT, "they are only used by validators, which are refused"),
        "RequestParameters": (_INERT, "they are only used by validators and mappings, which are refused"),
        "RequestValidatorId": (_REFUSED, "request validators are not built yet"),
        "ResourceId": (_HONOURED, ""),
        "RestApiId": (_HONOURED, ""),
    },
    _V1 + "Deployment": {
        "": (_HONOURED, "a change of the API is served at once, with or without a new deployment"),
        "DeploymentCanarySettings": (_REFUSED, "canary releases are not built yet"),
        "Description": (_INERT, _LABEL),
        "RestApiId": (_HONOURED, ""),
        "StageDescription": (_HONOURED, "its Variables; the rest is inert"),
        "StageName": (_HONOURED, "makes the stage"),
    },
    _V1 + "Stage": {
        "": (_HONOURED, ""),
        "AccessLogSetting": (_INERT, _LOGS),
        "CacheClusterEnabled": (_INERT, "nothing is cached"),
        "CacheClusterSize": (_INERT, "nothing is cached"),
        "CanarySetting": (_REFUSED, "canary releases are not built yet"),
        "ClientCertificateId": (_INERT, "functions see no certificates"),
        "DeploymentId": (_HONOURED, "shown in events; the stage serves the API as it is"),
        "Description": (_INERT, _LABEL),
        "DocumentationVersion": (_INERT, _LABEL),
        "MethodSettings": (_INERT, "nothing is throttled or cached; " + _LOGS),
        "RestApiId": (_HONOURED, ""),
        "StageName": (_HONOURED, ""),
        "Tags": (_INERT, _LABEL),
        "TracingEnabled": (_INERT, "trace ids are passed on; nothing is sent to X-Ray"),
        "Variables": (_HONOURED, "in events and in integration URIs"),
    },
    _V1 + "DomainName": {
        "": (_HONOURED, ""),
        "CertificateArn": (_INERT, "there is no TLS here"),
        "DomainName": (_HONOURED, ""),
        "EndpointAccessMode": (_INERT, "there is no TLS here"),
        "EndpointConfiguration": (_INERT, "REGIONAL and EDGE are served alike"),
        "MutualTlsAuthentication": (_REFUSED, _MUTUAL_TLS),
        "OwnershipVerificationCertificateArn": (_INERT, "there is no TLS here"),
        "RegionalCertificateArn": (_INERT, "there is no TLS here"),
        "RoutingMode": (_HONOURED, "BASE_PATH_MAPPING_ONLY; routing rules are refused"),
        "SecurityPolicy": (_INERT, "there is no TLS here"),
        "Tags": (_INERT, _LABEL),
    },
    _V1 + "BasePathMapping": {
        "": (_HONOURED, "the longest base path wins"),
        "BasePath": (_HONOURED, ""),
        "DomainName": (_HONOURED, ""),
        "RestApiId": (_HONOURED, ""),
        "Stage": (_HONOURED, "without it, the path names the stage"),
    },
    _V2 + "Api": {
        "": (_HONOURED, "HTTP APIs; WebSocket APIs are refused"),
        "ApiKeySelectionExpression": (_INERT, "only WebSocket APIs use it"),
        "BasePath": (_INERT, "it tells the import how to read a Body"),
        "Body": (_HONOURED, "OpenAPI 3 with Lambda proxy integrations"),
        "BodyS3Location": (_REFUSED, "only a Body that stands in the template is read"),
        "CorsConfiguration": (_HONOURED, ""),
        "CredentialsArn": (_INERT, _IAM),
        "Description": (_INERT, _LABEL),
        "DisableExecuteApiEndpoint": (_HONOURED, ""),
        "DisableSchemaValidation": (_INERT, "only WebSocket APIs use it"),
        "FailOnWarnings": (_INERT, "what is not understood is always refused"),
        "IpAddressType": (_INERT, "the region's address is an IPv4 address"),
        "Name": (_HONOURED, ""),
        "ProtocolType": (_HONOURED, "HTTP; WEBSOCKET is refused"),
        "RouteKey": (_HONOURED, "of a quick create"),
        "RouteSelectionExpression": (_INERT, "HTTP APIs always route by method and path"),
        "Tags": (_INERT, _LABEL),
        "Target": (_HONOURED, "of a quick create: a function's ARN"),
        "Version": (_INERT, _LABEL),
    },
    _V2 + "Route": {
        "": (_HONOURED, ""),
        "ApiId": (_HONOURED, ""),
        "ApiKeyRequired": (_REFUSED, "HTTP APIs know no API keys"),
        "AuthorizationScopes": (_REFUSED, _AUTHORIZER),
        "AuthorizationType": (_HONOURED, "NONE; any other is refused"),
        "AuthorizerId": (_REFUSED, _AUTHORIZER),
        "ModelSelectionExpression": (_INERT, "only WebSocket APIs use it"),
        "OperationName": (_INERT, _LABEL),
        "RequestModels": (_INERT, "only WebSocket APIs use them"),
        "RequestParameters": (_INERT, "only WebSocket APIs use them"),
        "RouteKey": (_HONOURED, ""),
        "RouteResponseSelectionExpression": (_INERT, "only WebSocket APIs use it"),
        "Target": (_HONOURED, ""),
    },
    _V2 + "Integration": {
        "": (_HONOURED, ""),
        "ApiId": (_HONOURED, ""),
        "ConnectionId": (_REFUSED, "VPC links are not built"),
        "ConnectionType": (_INERT, "INTERNET; it does not concern functions"),
        "ContentHandlingStrategy": (_INERT, "only WebSocket APIs use it"),
        "CredentialsArn": (_INERT, _IAM),
        "Description": (_INERT, _LABEL),
        "IntegrationMethod": (_INERT, "functions are always invoked by POST"),
        "IntegrationSubtype": (_REFUSED, "integrations with other AWS services are not built"),
        "IntegrationType": (_HONOURED, "AWS_PROXY; any other is refused"),
        "IntegrationUri": (_HONOURED, "a function of this region"),
        "PassthroughBehavior": (_INERT, "only WebSocket APIs use it"),
        "PayloadFormatVersion": (_HONOURED, "1.0 and 2.0"),
        "RequestParameters": (_REFUSED, _PARAMETERS),
        "RequestTemplates": (_REFUSED, _TEMPLATES),
        "ResponseParameters": (_REFUSED, _PARAMETERS),
        "TemplateSelectionExpression": (_INERT, "only WebSocket APIs use it"),
        "TimeoutInMillis": (_HONOURED, ""),
        "TlsConfig": (_INERT, "it does not concern functions"),
    },
    _V2 + "Stage": {
        "": (_HONOURED, ""),
        "AccessLogSettings": (_INERT, _LOGS),
        "ApiId": (_HONOURED, ""),
        "AutoDeploy": (_INERT, "a change of the API is served at once"),
        "ClientCertificateId": (_INERT, "functions see no certificates"),
        "DefaultRouteSettings": (_INERT, "nothing is throttled; " + _LOGS),
        "DeploymentId": (_INERT, "the stage serves the API as it is"),
        "Description": (_INERT, _LABEL),
        "RouteSettings": (_INERT, "nothing is throttled; " + _LOGS),
        "StageName": (_HONOURED, ""),
        "StageVariables": (_HONOURED, "in events and in integration URIs"),
        "Tags": (_INERT, _LABEL),
    },
    _V2 + "Deployment": {
        "": (_INERT, "a change of the API is served at once"),
        "ApiId": (_INERT, ""),
        "Description": (_INERT, _LABEL),
        "StageName": (_INERT, "the stage is a resource of its own"),
    },
    _V2 + "DomainName": {
        "": (_HONOURED, ""),
        "DomainName": (_HONOURED, ""),
        "DomainNameConfigurations": (_INERT, "there is no TLS here"),
        "MutualTlsAuthentication": (_REFUSED, _MUTUAL_TLS),
        "RoutingMode": (_HONOURED, "API_MAPPING_ONLY; routing rules are refused"),
        "Tags": (_INERT, _LABEL),
    },
    _V2 + "ApiMapping": {
        "": (_HONOURED, "for HTTP APIs and REST APIs; the longest key wins"),
        "ApiId": (_HONOURED, ""),
        "ApiMappingKey": (_HONOURED, ""),
        "DomainName": (_HONOURED, ""),
        "Stage": (_HONOURED, ""),
    },
    _V1 + "Account": {"": (_INERT, _IAM)},
    _V1 + "ClientCertificate": {"": (_INERT, "functions see no certificates")},
    _V1 + "DocumentationPart": {"": (_INERT, _LABEL)},
    _V1 + "DocumentationVersion": {"": (_INERT, _LABEL)},
    _V1 + "Model": {"": (_INERT, "models are only used by validators, which are refused")},
    _V1 + "ApiKey": {"": (_REFUSED, "API keys are not built yet")},
    _V1 + "Authorizer": {"": (_REFUSED, _AUTHORIZER)},
    _V1 + "GatewayResponse": {"": (_REFUSED, "the gateway's own answers cannot be changed yet")},
    _V1 + "RequestValidator": {"": (_REFUSED, "request validators are not built yet")},
    _V1 + "UsagePlan": {"": (_REFUSED, "usage plans are not built yet")},
    _V1 + "UsagePlanKey": {"": (_REFUSED, "usage plans are not built yet")},
    _V1 + "VpcLink": {"": (_REFUSED, "there are no VPCs here")},
    _V2 + "Authorizer": {"": (_REFUSED, _AUTHORIZER)},
    _V2 + "VpcLink": {"": (_REFUSED, "there are no VPCs here")},
}

SUPPORT: tuple[Support, ...] = tuple(
    Support(resource_type, name, verdict, note)
    for resource_type, rows in _TABLE.items()
    for name, (verdict, note) in rows.items()
)


def verdict_of(resource_type: str, property_name: str = "") -> Support:
    """The verdict on a resource type or on one of its properties; what is not in the table is refused."""
    verdict, note = _TABLE.get(resource_type, {}).get(property_name, (Verdict.REFUSED, "it is not built"))
    return Support(resource_type, property_name, verdict, note)


def refuse_unsupported(resources: Iterable[GatewayResource]) -> None:
    """Raise ``TerrellaError`` for the first resource or property that is refused; empty values do not count."""
    for resource in resources:
        support = verdict_of(resource.type)
        if support.verdict is Verdict.REFUSED:
            raise TerrellaError(f"{resource}: {resource.type} is refused: {support.note}")
        if len(_TABLE[resource.type]) == 1:
            continue
        for name, value in resource.properties.items():
            support = verdict_of(resource.type, name)
            if support.verdict is Verdict.REFUSED and value not in (None, False, "", [], {}):
                raise TerrellaError(f"{resource}: {name} is refused: {support.note}")
