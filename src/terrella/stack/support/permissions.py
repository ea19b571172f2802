"""Who may do what: accepted, and not judged here."""

from terrella.stack.support.model import ResourceType, Verdict

_NOT_JUDGED = "access is not judged here"
_IAM = "arn:{partition}:iam::{account}:"


TYPES = [
    ResourceType(
        "AWS::IAM::Role",
        Verdict.INERT,
        _NOT_JUDGED,
        named_by="RoleName",
        identity="{stack:.24}-{logical:.24}-{UPPER:12}",
        attributes={"Arn": _IAM + "role/{id}", "RoleId": "AROA{UPPER:17}"},
    ),
    ResourceType("AWS::IAM::Policy", Verdict.INERT, _NOT_JUDGED, attributes={"Id": "{id}"}),
    ResourceType(
        "AWS::IAM::ManagedPolicy",
        Verdict.INERT,
        _NOT_JUDGED,
        named_by="ManagedPolicyName",
        ref=_IAM + "policy/{id}",
        attributes={"PolicyArn": _IAM + "policy/{id}"},
    ),
    ResourceType(
        "AWS::IAM::User", Verdict.INERT, _NOT_JUDGED, named_by="UserName", attributes={"Arn": _IAM + "user/{id}"}
    ),
    ResourceType(
        "AWS::IAM::Group", Verdict.INERT, _NOT_JUDGED, named_by="GroupName", attributes={"Arn": _IAM + "group/{id}"}
    ),
    ResourceType(
        "AWS::IAM::InstanceProfile",
        Verdict.INERT,
        _NOT_JUDGED,
        named_by="InstanceProfileName",
        attributes={"Arn": _IAM + "instance-profile/{id}"},
    ),
    ResourceType("AWS::IAM::ServiceLinkedRole", Verdict.INERT, _NOT_JUDGED, attributes={"RoleName": "{id}"}),
    *(
        ResourceType(name, Verdict.INERT, _NOT_JUDGED)
        for name in (
            "AWS::IAM::RolePolicy",
            "AWS::IAM::UserPolicy",
            "AWS::IAM::GroupPolicy",
            "AWS::IAM::UserToGroupAddition",
            "AWS::SQS::QueuePolicy",
            "AWS::SNS::TopicPolicy",
            "AWS::S3::BucketPolicy",
            "AWS::Events::EventBusPolicy",
            "AWS::SecretsManager::ResourcePolicy",
            "AWS::Logs::ResourcePolicy",
        )
    ),
    ResourceType(
        "AWS::KMS::Key",
        Verdict.INERT,
        "what is stored is not encrypted here",
        identity="{uuid}",
        attributes={"Arn": "arn:{partition}:kms:{region}:{account}:key/{id}", "KeyId": "{id}"},
    ),
    ResourceType("AWS::KMS::Alias", Verdict.INERT, "what is stored is not encrypted here", named_by="AliasName"),
    ResourceType(
        "AWS::CertificateManager::Certificate",
        Verdict.INERT,
        "the application is served without TLS here",
        identity="arn:{partition}:acm:{region}:{account}:certificate/{uuid}",
        attributes={"CertificateArn": "{id}"},
    ),
    ResourceType("AWS::CertificateManager::Account", Verdict.INERT, "the application is served without TLS here"),
    ResourceType(
        "AWS::WAFv2::WebACL",
        Verdict.INERT,
        "requests are not filtered here",
        attributes={"Arn": "arn:{partition}:wafv2:{region}:{account}:regional/webacl/{id}/{uuid}", "Id": "{uuid}"},
    ),
    ResourceType("AWS::WAFv2::WebACLAssociation", Verdict.INERT, "requests are not filtered here"),
]
