"""Lambda functions."""

from terrella.stack.support.model import (
    ANY,
    NUMBER,
    TEXT,
    Kind,
    Property,
    ResourceType,
    Verdict,
    honoured,
    inert,
    refused,
)

_PERMISSIONS = "access is not judged here"
_LATER = "not built yet"
_S3 = refused("code cannot be had from S3 here: name a local directory, as `sam package` takes it")


def _refused(name: str, reason: str) -> ResourceType:
    return ResourceType(f"AWS::Lambda::{name}", Verdict.REFUSED, reason)


_FUNCTION: dict[str, Property] = {
    "FunctionName": TEXT,
    "Description": TEXT,
    "Handler": TEXT,
    "Runtime": honoured(Kind.TEXT, allowed=r"python3\.(9|1[0-4])", otherwise="only Python 3.9 to 3.14 are there yet"),
    "Code": honoured(
        members={
            "ZipFile": TEXT,
            "S3Bucket": _S3,
            "S3Key": _S3,
            "S3ObjectVersion": _S3,
            "S3ObjectStorageMode": _S3,
            "ImageUri": refused("container images are not built yet"),
            "SourceKMSKeyArn": inert("code is not encrypted here"),
        },
        note="a local directory, or ZipFile",
    ),
    "Environment": honoured(members={"Variables": honoured(Kind.TEXT_MAP)}),
    "Timeout": NUMBER,
    "MemorySize": honoured(Kind.NUMBER, note="reported, not enforced"),
    "ReservedConcurrentExecutions": NUMBER,
    "Role": inert(_PERMISSIONS),
    "PackageType": honoured(Kind.TEXT, allowed="Zip", otherwise="container images are not built yet"),
    "Layers": refused("layers are not built yet: put the packages into the code directory"),
    "Architectures": inert("functions run on this machine's processor, whatever it is"),
    "VpcConfig": inert("there are no private networks here"),
    "TracingConfig": inert("there is no X-Ray here"),
    "LoggingConfig": inert("`terrella logs` shows the logs"),
    "KmsKeyArn": inert("environment variables are not encrypted here"),
    "EphemeralStorage": inert("the size of /tmp is not limited here"),
    "RuntimeManagementConfig": inert("the runtime is this machine's Python"),
    "SnapStart": inert("starts are as fast as they are here"),
    "RecursiveLoop": inert("loops are not detected here"),
    "CodeSigningConfigArn": inert("code is not signed here"),
    "Tags": ANY,
    "PublishToLatestPublished": refused("versions are not built yet"),
    "DeadLetterConfig": refused("dead letter queues are not built yet"),
    "FileSystemConfigs": refused("there is no EFS here"),
    "ImageConfig": refused("container images are not built yet"),
    "CapacityProviderConfig": refused("managed instances are not built"),
    "FunctionScalingConfig": refused("managed instances are not built"),
    "DurableConfig": refused("durable functions are not built"),
    "TenancyConfig": refused("tenant isolation is not built"),
}

TYPES = [
    ResourceType(
        "AWS::Lambda::Function",
        Verdict.HONOURED,
        named_by="FunctionName",
        identity="{stack:.24}-{logical:.24}-{UPPER:12}",
        attributes={"Arn": "arn:{partition}:lambda:{region}:{account}:function:{id}"},
        properties=_FUNCTION,
        replaced_by=frozenset({"FunctionName", "PackageType"}),
    ),
    ResourceType("AWS::Lambda::Permission", Verdict.INERT, _PERMISSIONS, attributes={"Id": "{id}"}),
    ResourceType("AWS::Lambda::LayerVersionPermission", Verdict.INERT, _PERMISSIONS),
    ResourceType("AWS::Lambda::CodeSigningConfig", Verdict.INERT, "code is not signed here"),
    ResourceType(
        "AWS::Lambda::EventSourceMapping",
        Verdict.REFUSED,
        f"event source mappings are {_LATER}",
        identity="{uuid}",
        attributes={"Id": "{id}"},
    ),
    ResourceType(
        "AWS::Lambda::Version",
        Verdict.REFUSED,
        f"versions are {_LATER}",
        ref="{property:FunctionName}:1",
        attributes={"Version": "1", "FunctionArn": "{property:FunctionName}:1"},
    ),
    ResourceType(
        "AWS::Lambda::Alias",
        Verdict.REFUSED,
        f"aliases are {_LATER}: remove AutoPublishAlias",
        ref="arn:{partition}:lambda:{region}:{account}:function:{property:FunctionName}:{property:Name}",
    ),
    ResourceType(
        "AWS::Lambda::LayerVersion",
        Verdict.REFUSED,
        f"layers are {_LATER}: put the packages into the code directory",
        identity="arn:{partition}:lambda:{region}:{account}:layer:{logical}:1",
        attributes={"Arn": "{id}"},
    ),
    ResourceType(
        "AWS::Serverless::LayerVersion",
        Verdict.REFUSED,
        f"layers are {_LATER}: put the packages into the code directory",
        identity="arn:{partition}:lambda:{region}:{account}:layer:{logical}:1",
        attributes={"Arn": "{id}"},
    ),
    ResourceType(
        "AWS::Lambda::Url",
        Verdict.REFUSED,
        f"function URLs are {_LATER}: use an API",
        attributes={
            "FunctionUrl": "https://{lower:32}.lambda-url.{region}.on.aws/",
            "FunctionArn": "{property:TargetFunctionArn}",
        },
    ),
    _refused("EventInvokeConfig", f"asynchronous destinations are {_LATER}"),
    _refused("CapacityProvider", "managed instances are not built"),
    ResourceType("AWS::Serverless::Connector", Verdict.INERT, _PERMISSIONS),
    *(
        ResourceType(f"AWS::Serverless::{name}", Verdict.REFUSED, f"{what} {_LATER}")
        for name, what in {
            "Application": "nested applications are",
            "GraphQLApi": "AppSync is",
            "WebSocketApi": "WebSocket APIs are",
            "WebFunction": "web functions are",
            "CapacityProvider": "managed instances are",
        }.items()
    ),
]
