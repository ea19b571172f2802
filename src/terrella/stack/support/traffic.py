"""Route 53: records, health checks, hosted zones."""

from terrella.stack.support.model import (
    BOOLEAN,
    NUMBER,
    TEXT,
    TEXTS,
    Kind,
    Property,
    ResourceType,
    Verdict,
    honoured,
    inert,
    refused,
)

_RECORD: dict[str, Property] = {
    "Name": TEXT,
    "Type": TEXT,
    "TTL": NUMBER,
    "ResourceRecords": TEXTS,
    "AliasTarget": honoured(members={"DNSName": TEXT, "HostedZoneId": TEXT, "EvaluateTargetHealth": BOOLEAN}),
    "SetIdentifier": TEXT,
    "Weight": NUMBER,
    "Region": TEXT,
    "Failover": TEXT,
    "GeoLocation": honoured(members={"ContinentCode": TEXT, "CountryCode": TEXT, "SubdivisionCode": TEXT}),
    "MultiValueAnswer": BOOLEAN,
    "HealthCheckId": TEXT,
    "HostedZoneId": TEXT,
    "HostedZoneName": TEXT,
    "GeoProximityLocation": refused("geoproximity routing is not built yet"),
    "CidrRoutingConfig": refused("IP-based routing is not built yet"),
}
_COMMENT = inert("nobody sees it here")

_HEALTH_CHECK: dict[str, Property] = {
    "Type": honoured(
        Kind.TEXT,
        allowed="HTTP|HTTPS|HTTP_STR_MATCH|HTTPS_STR_MATCH|TCP|CALCULATED",
        otherwise="checks on alarms and routing controls are not built yet",
    ),
    "FullyQualifiedDomainName": TEXT,
    "IPAddress": TEXT,
    "Port": NUMBER,
    "ResourcePath": TEXT,
    "SearchString": TEXT,
    "RequestInterval": honoured(Kind.NUMBER, note="times the profile's scale"),
    "FailureThreshold": NUMBER,
    "Inverted": BOOLEAN,
    "ChildHealthChecks": TEXTS,
    "HealthThreshold": NUMBER,
    "EnableSNI": inert("the application is served without TLS here"),
    "MeasureLatency": inert("nothing is metered here"),
    "Regions": inert("the checkers run in the regions of the world"),
    "AlarmIdentifier": refused("checks on alarms are not built yet"),
    "InsufficientDataHealthStatus": refused("checks on alarms are not built yet"),
    "RoutingControlArn": refused("routing controls are not built yet"),
}

TYPES = [
    ResourceType(
        "AWS::Route53::RecordSet",
        Verdict.HONOURED,
        identity="{property:Name}|{logical}",
        ref="{property:Name}",
        replaced_by=frozenset({"Name", "Type", "HostedZoneId", "HostedZoneName"}),
        properties=_RECORD | {"Comment": _COMMENT},
    ),
    ResourceType(
        "AWS::Route53::RecordSetGroup",
        Verdict.HONOURED,
        identity="{stack}-{logical}-{UPPER:12}",
        attributes={"Id": "{id}"},
        replaced_by=frozenset({"HostedZoneId", "HostedZoneName"}),
        properties={
            "HostedZoneId": TEXT,
            "HostedZoneName": TEXT,
            "RecordSets": honoured(members=_RECORD),
            "Comment": _COMMENT,
        },
    ),
    ResourceType(
        "AWS::Route53::HealthCheck",
        Verdict.HONOURED,
        identity="{uuid}",
        attributes={"HealthCheckId": "{id}"},
        properties={
            "HealthCheckConfig": honoured(members=_HEALTH_CHECK),
            "HealthCheckTags": inert("tags are not kept here"),
        },
    ),
    ResourceType(
        "AWS::Route53::HostedZone",
        Verdict.HONOURED,
        identity="Z{UPPER:20}",
        attributes={
            "Id": "{id}",
            "NameServers": ("ns-1.{region}.amazonaws.com", "ns-2.{region}.amazonaws.com"),
        },
        replaced_by=frozenset({"Name"}),
        properties={
            "Name": TEXT,
            "HostedZoneConfig": _COMMENT,
            "HostedZoneTags": inert("tags are not kept here"),
            "HostedZoneFeatures": inert("there is no accelerated recovery here"),
            "QueryLoggingConfig": inert("queries are not logged here"),
            "DelegationSetId": inert("this world's name servers answer for every zone"),
            "VPCs": refused("private hosted zones are not built"),
        },
    ),
    *(
        ResourceType(f"AWS::Route53::{name}", Verdict.REFUSED, reason)
        for name, reason in {
            "CidrCollection": "IP-based routing is not built yet",
            "DNSSEC": "answers are not signed here",
            "KeySigningKey": "answers are not signed here",
        }.items()
    ),
]
