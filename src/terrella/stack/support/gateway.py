"""API Gateway: REST APIs, HTTP APIs, their stages and names."""

from terrella.stack.support.model import (
    ANY,
    BOOLEAN,
    TAGS,
    TEXT,
    TEXTS,
    Kind,
    ResourceType,
    Verdict,
    honoured,
    inert,
    refused,
)

_LOGS = inert("access logs are not written here")
_ACCESS = inert("access is not judged here")
_THROTTLES = inert("nothing is throttled, cached or traced here")
_CERTIFICATE = inert("the application is served without TLS here")
_BODY_INSTEAD = "routes are read from the API's OpenAPI Body, as SAM writes it"
_REGIONAL_NAME = "d-{lower:10}.execute-api.{region}.amazonaws.com"
_REST = "AWS::ApiGateway::"
_HTTP = "AWS::ApiGatewayV2::"


def _refused(names: str, prefix: str, reason: str, identity: str = "{lower:6}") -> list[ResourceType]:
    return [ResourceType(prefix + name, Verdict.REFUSED, reason, identity=identity) for name in names.split()]


_REST_TYPES = [
    ResourceType(
        _REST + "RestApi",
        Verdict.HONOURED,
        identity="{lower:10}",
        attributes={"RootResourceId": "{lower:11}", "RestApiId": "{id}"},
        properties={
            "Name": TEXT,
            "Description": TEXT,
            "Body": ANY,
            "BodyS3Location": refused("an API's definition cannot be had from S3 here: put it in the template"),
            "BinaryMediaTypes": TEXTS,
            "CloneFrom": refused("not built"),
            "DisableExecuteApiEndpoint": BOOLEAN,
            "EndpointConfiguration": inert("every API is regional here"),
            "EndpointAccessMode": _ACCESS,
            "Parameters": inert("every API is regional here"),
            "FailOnWarnings": inert("what is not understood is refused here"),
            "Mode": inert("the body is always the whole definition here"),
            "MinimumCompressionSize": inert("answers are not compressed here"),
            "ApiKeySourceType": inert("API keys are not built yet; a definition that asks for one is refused"),
            "Policy": _ACCESS,
            "SecurityPolicy": _CERTIFICATE,
            "Tags": TAGS,
        },
    ),
    ResourceType(
        _REST + "Deployment",
        Verdict.HONOURED,
        identity="{lower:6}",
        attributes={"DeploymentId": "{id}"},
        properties={
            "RestApiId": TEXT,
            "StageName": TEXT,
            "Description": TEXT,
            "StageDescription": inert("settings of stages stand at the stage here"),
            "DeploymentCanarySettings": refused("canaries are not built"),
        },
    ),
    ResourceType(
        _REST + "Stage",
        Verdict.HONOURED,
        named_by="StageName",
        identity="{lower:6}",
        properties={
            "RestApiId": TEXT,
            "DeploymentId": TEXT,
            "StageName": TEXT,
            "Description": TEXT,
            "Variables": honoured(Kind.TEXT_MAP),
            "MethodSettings": _THROTTLES,
            "CacheClusterEnabled": _THROTTLES,
            "CacheClusterSize": _THROTTLES,
            "TracingEnabled": _THROTTLES,
            "AccessLogSetting": _LOGS,
            "ClientCertificateId": _CERTIFICATE,
            "DocumentationVersion": inert("documentation is not served here"),
            "CanarySetting": refused("canaries are not built"),
            "Tags": TAGS,
        },
    ),
    ResourceType(
        _REST + "DomainName",
        Verdict.HONOURED,
        named_by="DomainName",
        attributes={
            "RegionalDomainName": _REGIONAL_NAME,
            "RegionalHostedZoneId": "Z{UPPER:13}",
            "DistributionDomainName": "d{lower:13}.cloudfront.net",
            "DistributionHostedZoneId": "Z2FDTNDATAQYW2",
            "DomainNameArn": "arn:{partition}:apigateway:{region}::/domainnames/{id}",
        },
        replaced_by=frozenset({"DomainName"}),
        properties={
            "DomainName": TEXT,
            "RegionalCertificateArn": _CERTIFICATE,
            "CertificateArn": _CERTIFICATE,
            "OwnershipVerificationCertificateArn": _CERTIFICATE,
            "SecurityPolicy": _CERTIFICATE,
            "EndpointAccessMode": _ACCESS,
            "EndpointConfiguration": inert("every domain name is regional here"),
            "RoutingMode": honoured(
                Kind.TEXT, allowed="BASE_PATH_MAPPING_ONLY", otherwise="routing rules are not built"
            ),
            "MutualTlsAuthentication": refused("the application is served without TLS here"),
            "Tags": TAGS,
        },
    ),
    ResourceType(
        _REST + "BasePathMapping",
        Verdict.HONOURED,
        identity="{property:DomainName}|{logical}",
        properties={"DomainName": TEXT, "RestApiId": TEXT, "Stage": TEXT, "BasePath": TEXT},
    ),
    ResourceType(_REST + "Account", Verdict.INERT, "access logs are not written here", attributes={"Id": "{id}"}),
    ResourceType(_REST + "ClientCertificate", Verdict.INERT, "the application is served without TLS here"),
    ResourceType(_REST + "DocumentationPart", Verdict.INERT, "documentation is not served here"),
    ResourceType(_REST + "DocumentationVersion", Verdict.INERT, "documentation is not served here"),
    ResourceType(
        _REST + "Resource", Verdict.REFUSED, _BODY_INSTEAD, identity="{lower:6}", attributes={"ResourceId": "{id}"}
    ),
    *_refused("Method", _REST, _BODY_INSTEAD),
    *_refused("Authorizer", _REST, "authorizers are not built yet"),
    *_refused("Model RequestValidator GatewayResponse", _REST, _BODY_INSTEAD),
    *_refused("UsagePlan ApiKey UsagePlanKey", _REST, "API keys and usage plans are not built yet", "{lower:10}"),
    *_refused(
        "VpcLink DomainNameV2 BasePathMappingV2 DomainNameAccessAssociation", _REST, "private APIs are not built"
    ),
]

_HTTP_TYPES = [
    ResourceType(
        _HTTP + "Api",
        Verdict.HONOURED,
        identity="{lower:10}",
        attributes={
            "ApiId": "{id}",
            "ApiEndpoint": "https://{id}.execute-api.{region}.amazonaws.com",
            "ExecuteApiArn": "arn:{partition}:execute-api:{region}:{account}:{id}",
        },
        properties={
            "Name": TEXT,
            "Description": TEXT,
            "Body": ANY,
            "ProtocolType": honoured(Kind.TEXT, allowed="HTTP", otherwise="WebSocket APIs are not built yet"),
            "CorsConfiguration": ANY,
            "DisableExecuteApiEndpoint": BOOLEAN,
            "Version": inert("nobody sees it here"),
            "FailOnWarnings": inert("what is not understood is refused here"),
            "DisableSchemaValidation": inert("it concerns WebSocket APIs"),
            "BasePath": inert("the stage's path is used here"),
            "IpAddressType": inert("regions have IPv4 addresses here"),
            "BodyS3Location": refused("an API's definition cannot be had from S3 here: put it in the template"),
            "RouteKey": refused(_BODY_INSTEAD),
            "Target": refused(_BODY_INSTEAD),
            "CredentialsArn": _ACCESS,
            "RouteSelectionExpression": refused("WebSocket APIs are not built yet"),
            "ApiKeySelectionExpression": refused("WebSocket APIs are not built yet"),
            "Tags": TAGS,
        },
    ),
    ResourceType(
        _HTTP + "Stage",
        Verdict.HONOURED,
        named_by="StageName",
        identity="{lower:6}",
        properties={
            "ApiId": TEXT,
            "StageName": TEXT,
            "AutoDeploy": inert("a stage always serves the newest definition here"),
            "DeploymentId": inert("a stage always serves the newest definition here"),
            "Description": TEXT,
            "StageVariables": honoured(Kind.TEXT_MAP),
            "DefaultRouteSettings": _THROTTLES,
            "RouteSettings": _THROTTLES,
            "AccessLogSettings": _LOGS,
            "ClientCertificateId": _CERTIFICATE,
            "Tags": TAGS,
        },
    ),
    ResourceType(
        _HTTP + "DomainName",
        Verdict.HONOURED,
        named_by="DomainName",
        attributes={
            "RegionalDomainName": _REGIONAL_NAME,
            "RegionalHostedZoneId": "Z{UPPER:13}",
            "DomainNameArn": "arn:{partition}:apigateway:{region}::/domainnames/{id}",
        },
        replaced_by=frozenset({"DomainName"}),
        properties={
            "DomainName": TEXT,
            "DomainNameConfigurations": inert("every domain name is regional, without TLS, here"),
            "RoutingMode": honoured(Kind.TEXT, allowed="API_MAPPING_ONLY", otherwise="routing rules are not built"),
            "MutualTlsAuthentication": refused("the application is served without TLS here"),
            "Tags": TAGS,
        },
    ),
    ResourceType(
        _HTTP + "ApiMapping",
        Verdict.HONOURED,
        identity="{lower:6}",
        attributes={"ApiMappingId": "{id}"},
        properties={"ApiId": TEXT, "DomainName": TEXT, "Stage": TEXT, "ApiMappingKey": TEXT},
    ),
    ResourceType(_HTTP + "Deployment", Verdict.INERT, "a stage always serves the newest definition here"),
    *_refused(
        "Route Integration RouteResponse IntegrationResponse Model ApiGatewayManagedOverrides", _HTTP, _BODY_INSTEAD
    ),
    *_refused("Authorizer", _HTTP, "authorizers are not built yet"),
    *_refused("VpcLink RoutingRule", _HTTP, "not built"),
]

TYPES = [*_REST_TYPES, *_HTTP_TYPES]
