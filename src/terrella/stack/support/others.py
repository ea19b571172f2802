"""Services that are not built yet, refused by name; what ``Ref`` and ``Fn::GetAtt`` answer is known nonetheless."""

from terrella.stack.support.model import ResourceType, Verdict


def _service(name: str) -> str:
    return f"arn:{{partition}}:{name}:{{region}}:{{account}}:"


TYPES = [
    ResourceType(
        "AWS::SQS::Queue",
        Verdict.REFUSED,
        "SQS is not built yet",
        named_by="QueueName",
        ref="https://sqs.{region}.amazonaws.com/{account}/{id}",
        attributes={
            "Arn": _service("sqs") + "{id}",
            "QueueName": "{id}",
            "QueueUrl": "https://sqs.{region}.amazonaws.com/{account}/{id}",
        },
    ),
    ResourceType(
        "AWS::SNS::Topic",
        Verdict.REFUSED,
        "SNS is not built yet",
        named_by="TopicName",
        ref=_service("sns") + "{id}",
        attributes={"TopicArn": _service("sns") + "{id}", "TopicName": "{id}"},
    ),
    ResourceType("AWS::SNS::Subscription", Verdict.REFUSED, "SNS is not built yet"),
    ResourceType(
        "AWS::S3::Bucket",
        Verdict.REFUSED,
        "S3 is not built yet",
        named_by="BucketName",
        identity="{stack_lower:.24}-{logical_lower:.24}-{lower:12}",
        attributes={
            "Arn": "arn:{partition}:s3:::{id}",
            "DomainName": "{id}.s3.amazonaws.com",
            "RegionalDomainName": "{id}.s3.{region}.amazonaws.com",
            "DualStackDomainName": "{id}.s3.dualstack.{region}.amazonaws.com",
            "WebsiteURL": "http://{id}.s3-website-{region}.amazonaws.com",
        },
    ),
    ResourceType(
        "AWS::Events::Rule",
        Verdict.REFUSED,
        "EventBridge is not built yet",
        named_by="Name",
        attributes={"Arn": _service("events") + "rule/{id}"},
    ),
    ResourceType(
        "AWS::Events::EventBus",
        Verdict.REFUSED,
        "EventBridge is not built yet",
        named_by="Name",
        attributes={"Arn": _service("events") + "event-bus/{id}", "Name": "{id}"},
    ),
    ResourceType(
        "AWS::Events::Connection",
        Verdict.REFUSED,
        "EventBridge is not built yet",
        named_by="Name",
        attributes={
            "Arn": _service("events") + "connection/{id}/{uuid}",
            "SecretArn": _service("secretsmanager") + "secret:{id}",
        },
    ),
    ResourceType(
        "AWS::Events::ApiDestination",
        Verdict.REFUSED,
        "EventBridge is not built yet",
        named_by="Name",
        attributes={"Arn": _service("events") + "api-destination/{id}/{uuid}"},
    ),
    ResourceType(
        "AWS::Events::Archive",
        Verdict.REFUSED,
        "EventBridge is not built yet",
        attributes={"Arn": _service("events") + "archive/{id}"},
    ),
    ResourceType(
        "AWS::Scheduler::Schedule",
        Verdict.REFUSED,
        "EventBridge Scheduler is not built yet",
        named_by="Name",
        attributes={"Arn": _service("scheduler") + "schedule/default/{id}"},
    ),
    ResourceType(
        "AWS::Scheduler::ScheduleGroup",
        Verdict.REFUSED,
        "EventBridge Scheduler is not built yet",
        named_by="Name",
        attributes={"Arn": _service("scheduler") + "schedule-group/{id}"},
    ),
    ResourceType(
        "AWS::Pipes::Pipe",
        Verdict.REFUSED,
        "EventBridge Pipes is not built yet",
        named_by="Name",
        attributes={"Arn": _service("pipes") + "pipe/{id}"},
    ),
    *(
        ResourceType(
            name,
            Verdict.REFUSED,
            "Step Functions is not built yet",
            named_by="StateMachineName",
            ref=_service("states") + "stateMachine:{id}",
            attributes={"Arn": _service("states") + "stateMachine:{id}", "Name": "{id}"},
        )
        for name in ("AWS::StepFunctions::StateMachine", "AWS::Serverless::StateMachine")
    ),
    ResourceType(
        "AWS::Kinesis::Stream",
        Verdict.REFUSED,
        "Kinesis is not built yet",
        named_by="Name",
        attributes={"Arn": _service("kinesis") + "stream/{id}"},
    ),
    ResourceType(
        "AWS::KinesisFirehose::DeliveryStream",
        Verdict.REFUSED,
        "Firehose is not built yet",
        named_by="DeliveryStreamName",
        attributes={"Arn": _service("firehose") + "deliverystream/{id}"},
    ),
    ResourceType(
        "AWS::SSM::Parameter",
        Verdict.REFUSED,
        "the parameter store is not built yet",
        named_by="Name",
        attributes={"Type": "{property:Type}", "Value": "{property:Value}"},
    ),
    ResourceType(
        "AWS::SecretsManager::Secret",
        Verdict.REFUSED,
        "Secrets Manager is not built yet",
        named_by="Name",
        ref=_service("secretsmanager") + "secret:{id}-{UPPER:6}",
        attributes={"Id": _service("secretsmanager") + "secret:{id}-{UPPER:6}"},
    ),
    ResourceType(
        "AWS::Cognito::UserPool",
        Verdict.REFUSED,
        "Cognito is not built yet",
        identity="{region}_{UPPER:9}",
        attributes={
            "Arn": _service("cognito-idp") + "userpool/{id}",
            "ProviderName": "cognito-idp.{region}.amazonaws.com/{id}",
            "ProviderURL": "https://cognito-idp.{region}.amazonaws.com/{id}",
            "UserPoolId": "{id}",
        },
    ),
    ResourceType(
        "AWS::Cognito::UserPoolClient",
        Verdict.REFUSED,
        "Cognito is not built yet",
        identity="{lower:26}",
        attributes={"ClientId": "{id}", "Name": "{logical}"},
    ),
    ResourceType(
        "AWS::AppSync::GraphQLApi",
        Verdict.REFUSED,
        "AppSync is not built yet",
        identity="{lower:26}",
        ref=_service("appsync") + "apis/{id}",
        attributes={
            "ApiId": "{id}",
            "Arn": _service("appsync") + "apis/{id}",
            "GraphQLUrl": "https://{id}.appsync-api.{region}.amazonaws.com/graphql",
        },
    ),
    ResourceType(
        "AWS::CloudFront::Distribution",
        Verdict.REFUSED,
        "CloudFront is not built yet",
        identity="E{UPPER:13}",
        attributes={"DomainName": "d{lower:13}.cloudfront.net", "Id": "{id}"},
    ),
    ResourceType("AWS::CloudFormation::Stack", Verdict.REFUSED, "nested stacks are not built"),
    ResourceType("AWS::CloudFormation::CustomResource", Verdict.REFUSED, "custom resources are not built"),
    ResourceType("AWS::CloudFormation::Macro", Verdict.REFUSED, "macros are not built"),
    ResourceType(
        "AWS::CodeDeploy::Application",
        Verdict.REFUSED,
        "deployment preferences are not built",
        named_by="ApplicationName",
    ),
    ResourceType("AWS::CodeDeploy::DeploymentGroup", Verdict.REFUSED, "deployment preferences are not built"),
    ResourceType(
        "AWS::ElasticLoadBalancingV2::LoadBalancer",
        Verdict.REFUSED,
        "load balancers are not built",
        identity="arn:{partition}:elasticloadbalancing:{region}:{account}:loadbalancer/app/{logical}/{hex:16}",
        attributes={
            "DNSName": "{logical_lower}-{hex:10}.{region}.elb.amazonaws.com",
            "CanonicalHostedZoneID": "Z{UPPER:13}",
            "LoadBalancerArn": "{id}",
        },
    ),
]
