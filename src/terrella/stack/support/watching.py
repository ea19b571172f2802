"""Logs, alarms, dashboards, network and stack furniture: accepted, without effect here."""

from terrella.stack.support.model import ResourceType, Verdict

_NETWORK = "there are no private networks here"
_METRICS = "metrics and alarms are not kept here"
_LOGS = "`terrella logs` shows the logs; nothing is retained or filtered"

TYPES = [
    ResourceType(
        "AWS::Logs::LogGroup",
        Verdict.INERT,
        _LOGS,
        named_by="LogGroupName",
        attributes={"Arn": "arn:{partition}:logs:{region}:{account}:log-group:{id}:*"},
    ),
    ResourceType("AWS::Logs::LogStream", Verdict.INERT, _LOGS, named_by="LogStreamName"),
    ResourceType("AWS::Logs::MetricFilter", Verdict.INERT, _LOGS),
    ResourceType("AWS::Logs::QueryDefinition", Verdict.INERT, _LOGS),
    ResourceType(
        "AWS::CloudWatch::Alarm",
        Verdict.INERT,
        _METRICS,
        named_by="AlarmName",
        attributes={"Arn": "arn:{partition}:cloudwatch:{region}:{account}:alarm:{id}"},
    ),
    ResourceType(
        "AWS::CloudWatch::CompositeAlarm",
        Verdict.INERT,
        _METRICS,
        named_by="AlarmName",
        attributes={"Arn": "arn:{partition}:cloudwatch:{region}:{account}:alarm:{id}"},
    ),
    ResourceType("AWS::CloudWatch::AnomalyDetector", Verdict.INERT, _METRICS),
    ResourceType("AWS::CloudWatch::Dashboard", Verdict.INERT, _METRICS, named_by="DashboardName"),
    ResourceType("AWS::ApplicationInsights::Application", Verdict.INERT, _METRICS),
    ResourceType("AWS::ResourceGroups::Group", Verdict.INERT, "resources are not grouped here", named_by="Name"),
    ResourceType("AWS::XRay::SamplingRule", Verdict.INERT, "there is no X-Ray here"),
    ResourceType("AWS::XRay::Group", Verdict.INERT, "there is no X-Ray here"),
    ResourceType("AWS::ApplicationAutoScaling::ScalableTarget", Verdict.INERT, "capacity is not limited here"),
    ResourceType("AWS::ApplicationAutoScaling::ScalingPolicy", Verdict.INERT, "capacity is not limited here"),
    ResourceType("AWS::CloudFormation::WaitConditionHandle", Verdict.INERT, "nothing waits on it here"),
    ResourceType(
        "AWS::EC2::VPC",
        Verdict.INERT,
        _NETWORK,
        identity="vpc-{hex:17}",
        attributes={
            "VpcId": "{id}",
            "CidrBlock": "{property:CidrBlock}",
            "DefaultSecurityGroup": "sg-{hex:17}",
            "DefaultNetworkAcl": "acl-{hex:17}",
        },
    ),
    ResourceType(
        "AWS::EC2::Subnet",
        Verdict.INERT,
        _NETWORK,
        identity="subnet-{hex:17}",
        attributes={"SubnetId": "{id}", "AvailabilityZone": "{property:AvailabilityZone}"},
    ),
    ResourceType(
        "AWS::EC2::SecurityGroup",
        Verdict.INERT,
        _NETWORK,
        identity="sg-{hex:17}",
        attributes={"GroupId": "{id}", "VpcId": "{property:VpcId}"},
    ),
    ResourceType(
        "AWS::EC2::EIP",
        Verdict.INERT,
        _NETWORK,
        identity="192.0.2.1",
        attributes={"AllocationId": "eipalloc-{hex:17}", "PublicIp": "{id}"},
    ),
    ResourceType(
        "AWS::EC2::VPCEndpoint",
        Verdict.INERT,
        _NETWORK,
        identity="vpce-{hex:17}",
        attributes={
            "Id": "{id}",
            "DnsEntries": ("Z{UPPER:13}:{id}.{region}.vpce.amazonaws.com",),
            "NetworkInterfaceIds": ("eni-{hex:17}",),
        },
    ),
    *(
        ResourceType(f"AWS::EC2::{name}", Verdict.INERT, _NETWORK, identity=f"{prefix}-{{hex:17}}")
        for name, prefix in {
            "InternetGateway": "igw",
            "NatGateway": "nat",
            "RouteTable": "rtb",
            "Route": "r",
            "SubnetRouteTableAssociation": "rtbassoc",
            "VPCGatewayAttachment": "attach",
            "SecurityGroupIngress": "sgr",
            "SecurityGroupEgress": "sgr",
            "FlowLog": "fl",
        }.items()
    ),
]
