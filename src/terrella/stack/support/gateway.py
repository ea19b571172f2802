"""API Gateway: REST APIs, HTTP APIs, their stages and names."""

from terrella.stack.support.model import (
    ANY,
    BOOLEAN,
    NUMBER,
    TAGS,
    TEXT,
    TEXTS,
    Kind,
    ResourceType,
    Verdict,
    each,
    honoured,
    inert,
    refused,
)

_LABEL = inert("a label")
_LOGS = inert("the region's own metrics and logs show requests")
_IAM = inert("access is not judged here")
_NO_TLS = inert("there is no TLS here")
_NOT_CACHED = inert("nothing is throttled or cached here")
_AT_ONCE = inert("a change of the API is served at once")
_WEBSOCKET_ONLY = inert("only WebSocket APIs use it")
_S3_BODY = refused("only a Body that stands in the template is read")
_MUTUAL_TLS = refused("mutual TLS is not built yet, and the API would stand open")
_AUTHORIZER = refused("authorizers are not built yet, and the API would stand open")
_PARAMETERS = refused("parameter mapping is not built yet")
_NO_AUTHORIZATION = honoured(Kind.TEXT, allowed="NONE", otherwise=_AUTHORIZER.reason)
_REGIONAL_NAME = "d-{lower:10}.execute-api.{region}.amazonaws.com"
_REST = "AWS::ApiGateway::"
_HTTP = "AWS::ApiGatewayV2::"


def _whole(names: str, prefix: str, verdict: Verdict, reason: str, identity: str = "{lower:6}") -> list[ResourceType]:
    """Types whose properties need not be told apart."""
    return [ResourceType(prefix + name, verdict, reason, identity=identity) for name in names.split()]


_REST_TYPES = [
    ResourceType(
        _REST + "RestApi",
        Verdict.HONOURED,
        identity="{lower:10}",
        attributes={"RootResourceId": "{lower:11}", "RestApiId": "{id}"},
        properties={
            "Name": TEXT,
            "Body": honoured(note="OpenAPI 2 and 3 with Lambda proxy integrations, and mocks that answer fixed text"),
            "BinaryMediaTypes": TEXTS,
            "DisableExecuteApiEndpoint": BOOLEAN,
            "EndpointConfiguration": honoured(
                members={
                    "Types": honoured(Kind.TEXTS, allowed="REGIONAL|EDGE", otherwise="private APIs are not built"),
                    "VpcEndpointIds": refused("private APIs are not built"),
                    "IpAddressType": inert("the region's address is an IPv4 address"),
                }
            ),
            "BodyS3Location": _S3_BODY,
            "CloneFrom": refused("only a Body, or methods in the template, are read"),
            "Policy": refused("resource policies are not built yet, and the API would stand open"),
            "ApiKeySourceType": inert("methods that require an API key are refused"),
            "EndpointAccessMode": _NO_TLS,
            "SecurityPolicy": _NO_TLS,
            "Parameters": inert("they tell the import how to read a Body"),
            "FailOnWarnings": inert("what is not understood is always refused"),
            "Mode": inert("the whole definition is taken each time"),
            "MinimumCompressionSize": inert("responses are not compressed"),
            **each("Description Tags Version", _LABEL),
        },
    ),
    ResourceType(
        _REST + "Resource",
        Verdict.HONOURED,
        identity="{lower:6}",
        attributes={"ResourceId": "{id}"},
        properties=each("ParentId PathPart RestApiId", TEXT),
    ),
    ResourceType(
        _REST + "Method",
        Verdict.HONOURED,
        identity="{property:RestApiId}|{property:ResourceId}|{property:HttpMethod}",
        properties={
            **each("HttpMethod ResourceId RestApiId", TEXT),
            "Integration": honoured(note="AWS_PROXY to Lambda, and MOCK that answers fixed text"),
            "AuthorizationType": _NO_AUTHORIZATION,
            "AuthorizationScopes": _AUTHORIZER,
            "AuthorizerId": _AUTHORIZER,
            "ApiKeyRequired": honoured(
                Kind.BOOLEAN, allowed="false", otherwise="API keys are not built yet, and the method would stand open"
            ),
            "RequestValidatorId": refused("request validators are not built yet"),
            "MethodResponses": inert("a proxy integration's answer is not filtered"),
            "OperationName": _LABEL,
            **each(
                "RequestModels RequestParameters", inert("only validators and mappings, which are refused, use them")
            ),
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
            "StageDescription": honoured(note="its Variables; the rest is inert"),
            "Description": _LABEL,
            "DeploymentCanarySettings": refused("canary releases are not built yet"),
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
            "Variables": honoured(Kind.TEXT_MAP),
            **each("MethodSettings CacheClusterEnabled CacheClusterSize", _NOT_CACHED),
            "TracingEnabled": inert("nothing is sent to X-Ray"),
            "AccessLogSetting": _LOGS,
            "ClientCertificateId": inert("functions see no certificates"),
            **each("Description DocumentationVersion Tags", _LABEL),
            "CanarySetting": refused("canary releases are not built yet"),
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
            "RoutingMode": honoured(
                Kind.TEXT, allowed="BASE_PATH_MAPPING_ONLY", otherwise="routing rules are not built yet"
            ),
            "MutualTlsAuthentication": _MUTUAL_TLS,
            **each(
                "RegionalCertificateArn CertificateArn OwnershipVerificationCertificateArn SecurityPolicy"
                " EndpointAccessMode",
                _NO_TLS,
            ),
            "EndpointConfiguration": inert("REGIONAL and EDGE are served alike"),
            "Tags": TAGS,
        },
    ),
    ResourceType(
        _REST + "BasePathMapping",
        Verdict.HONOURED,
        identity="{property:DomainName}|{property:BasePath}",
        properties=each("DomainName RestApiId Stage BasePath", TEXT),
    ),
    ResourceType(_REST + "Account", Verdict.INERT, _IAM.reason, attributes={"Id": "{id}"}),
    *_whole("ClientCertificate", _REST, Verdict.INERT, "functions see no certificates"),
    *_whole("DocumentationPart DocumentationVersion", _REST, Verdict.INERT, "documentation is not served here"),
    *_whole("Model", _REST, Verdict.INERT, "models are only used by validators, which are refused"),
    *_whole("Authorizer", _REST, Verdict.REFUSED, _AUTHORIZER.reason),
    *_whole("RequestValidator", _REST, Verdict.REFUSED, "request validators are not built yet"),
    *_whole("GatewayResponse", _REST, Verdict.REFUSED, "the gateway's own answers cannot be changed yet"),
    *_whole(
        "UsagePlan ApiKey UsagePlanKey",
        _REST,
        Verdict.REFUSED,
        "API keys and usage plans are not built yet",
        "{lower:10}",
    ),
    *_whole(
        "VpcLink DomainNameV2 BasePathMappingV2 DomainNameAccessAssociation",
        _REST,
        Verdict.REFUSED,
        "private APIs are not built",
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
            "Body": honoured(note="OpenAPI 3 with Lambda proxy integrations"),
            "ProtocolType": honoured(Kind.TEXT, allowed="HTTP", otherwise="WebSocket APIs are not built yet"),
            "CorsConfiguration": ANY,
            "DisableExecuteApiEndpoint": BOOLEAN,
            "RouteKey": TEXT,
            "Target": TEXT,
            "BodyS3Location": _S3_BODY,
            "CredentialsArn": _IAM,
            "FailOnWarnings": inert("what is not understood is always refused"),
            "BasePath": inert("it tells the import how to read a Body"),
            "IpAddressType": inert("the region's address is an IPv4 address"),
            "RouteSelectionExpression": inert("HTTP APIs always route by method and path"),
            **each("DisableSchemaValidation ApiKeySelectionExpression", _WEBSOCKET_ONLY),
            **each("Description Tags Version", _LABEL),
        },
    ),
    ResourceType(
        _HTTP + "Route",
        Verdict.HONOURED,
        identity="{lower:7}",
        attributes={"RouteId": "{id}"},
        properties={
            **each("ApiId RouteKey Target", TEXT),
            "AuthorizationType": _NO_AUTHORIZATION,
            "AuthorizationScopes": _AUTHORIZER,
            "AuthorizerId": _AUTHORIZER,
            "ApiKeyRequired": honoured(Kind.BOOLEAN, allowed="false", otherwise="HTTP APIs know no API keys"),
            "OperationName": _LABEL,
            **each(
                "ModelSelectionExpression RequestModels RequestParameters RouteResponseSelectionExpression",
                _WEBSOCKET_ONLY,
            ),
        },
    ),
    ResourceType(
        _HTTP + "Integration",
        Verdict.HONOURED,
        identity="{lower:7}",
        attributes={"IntegrationId": "{id}"},
        properties={
            **each("ApiId IntegrationUri", TEXT),
            "IntegrationType": honoured(
                Kind.TEXT, allowed="AWS_PROXY", otherwise="only integrations with functions are built yet"
            ),
            "PayloadFormatVersion": TEXT,
            "TimeoutInMillis": NUMBER,
            "ConnectionId": refused("VPC links are not built"),
            "IntegrationSubtype": refused("integrations with other AWS services are not built"),
            "RequestTemplates": refused("mapping templates are not built yet"),
            **each("RequestParameters ResponseParameters", _PARAMETERS),
            "CredentialsArn": _IAM,
            "IntegrationMethod": inert("functions are always invoked by POST"),
            **each("ConnectionType TlsConfig", inert("it does not concern functions")),
            "Description": _LABEL,
            **each("ContentHandlingStrategy PassthroughBehavior TemplateSelectionExpression", _WEBSOCKET_ONLY),
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
            "StageVariables": honoured(Kind.TEXT_MAP),
            **each("AutoDeploy DeploymentId", _AT_ONCE),
            **each("DefaultRouteSettings RouteSettings", inert("nothing is throttled here")),
            "AccessLogSettings": _LOGS,
            "ClientCertificateId": inert("functions see no certificates"),
            **each("Description Tags", _LABEL),
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
            "RoutingMode": honoured(Kind.TEXT, allowed="API_MAPPING_ONLY", otherwise="routing rules are not built yet"),
            "MutualTlsAuthentication": _MUTUAL_TLS,
            "DomainNameConfigurations": _NO_TLS,
            "Tags": TAGS,
        },
    ),
    ResourceType(
        _HTTP + "ApiMapping",
        Verdict.HONOURED,
        identity="{lower:6}",
        attributes={"ApiMappingId": "{id}"},
        properties=each("ApiId DomainName Stage ApiMappingKey", TEXT),
    ),
    ResourceType(_HTTP + "Deployment", Verdict.INERT, _AT_ONCE.reason, attributes={"DeploymentId": "{id}"}),
    *_whole("Authorizer", _HTTP, Verdict.REFUSED, _AUTHORIZER.reason),
    *_whole("VpcLink RoutingRule", _HTTP, Verdict.REFUSED, "not built"),
    *_whole(
        "RouteResponse IntegrationResponse Model ApiGatewayManagedOverrides",
        _HTTP,
        Verdict.REFUSED,
        "WebSocket APIs are not built yet",
    ),
]

TYPES = [*_REST_TYPES, *_HTTP_TYPES]
