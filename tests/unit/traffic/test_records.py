"""Record sets from CloudFormation: what is read, and what Route 53 would refuse."""

from typing import Any

import pytest

from terrella.traffic import AliasTarget, Policy, RecordSet, TrafficError, build_zones, record_sets_of_group

ADDRESSES = {"us-east-1": "127.0.1.1", "us-west-2": "127.0.2.1"}


def record(region: str = "us-east-1", **properties: Any) -> RecordSet:
    base: dict[str, Any] = {"Name": "items.example.com.", "Type": "A", "HostedZoneName": "example.com."}
    if "AliasTarget" not in properties:
        base |= {"TTL": "60", "ResourceRecords": ["192.0.2.1"]}
    merged = {name: value for name, value in {**base, **properties}.items() if value is not None}
    return RecordSet.from_cloudformation(logical_id="Record", physical_id="p", region=region, properties=merged)


def test_a_weighted_alias_is_read_whole() -> None:
    found = record(
        AliasTarget={
            "DNSName": "D-1.execute-api.us-east-1.amazonaws.com.",
            "EvaluateTargetHealth": "true",
            "HostedZoneId": "Z",
        },
        SetIdentifier="us-east-1",
        Weight="70",
        HealthCheckId="check-1",
    )
    assert (found.name, found.policy, found.weight, found.ttl_s) == ("items.example.com", Policy.WEIGHTED, 70, 60)
    assert found.alias == AliasTarget("d-1.execute-api.us-east-1.amazonaws.com", evaluate_target_health=True)
    assert (found.health_check_id, found.zone_name, found.set_identifier) == ("check-1", "example.com", "us-east-1")


@pytest.mark.parametrize(
    ("properties", "complaint"),
    [
        ({"Weight": 256, "SetIdentifier": "a"}, "Weight is 256; expected a whole number from 0 to 255"),
        ({"Weight": "much", "SetIdentifier": "a"}, "Weight is much"),
        ({"Weight": 1}, "needs a SetIdentifier"),
        ({"SetIdentifier": "a"}, "SetIdentifier is given, but no routing policy"),
        ({"Weight": 1, "Failover": "PRIMARY", "SetIdentifier": "a"}, "Weight and Failover are given"),
        ({"Failover": "THIRD", "SetIdentifier": "a"}, "expected PRIMARY or SECONDARY"),
        ({"Region": "eu-nowhere-1", "SetIdentifier": "a"}, "position is not known"),
        ({"GeoLocation": {"ContinentCode": "XX"}, "SetIdentifier": "a"}, "expected one of AF, AN"),
        ({"GeoLocation": {}, "SetIdentifier": "a"}, "either a ContinentCode or a CountryCode"),
        (
            {"GeoLocation": {"ContinentCode": "EU", "SubdivisionCode": "CA"}, "SetIdentifier": "a"},
            "needs a CountryCode",
        ),
        (
            {"GeoProximityLocation": {"AWSRegion": "us-east-1"}, "SetIdentifier": "a"},
            "geoproximity routing is not built",
        ),
        ({"CidrRoutingConfig": {}, "SetIdentifier": "a"}, "IP-based routing is not built"),
        ({"Type": "SOA"}, "records of type SOA are not served: each zone makes its own"),
        ({"Type": "DS"}, "records of type DS are not served: delegating"),
        ({"Type": "RP"}, "records of type RP are not served; served are A, AAAA"),
        ({"Type": "AAAA"}, "is not an address for a record of type AAAA"),
        ({"ResourceRecords": ["localhost"]}, "'localhost' is not the value of a record of type A"),
        ({"Type": "TXT", "ResourceRecords": ["bare"]}, "stands in double quotes"),
        ({"Type": "MX", "ResourceRecords": ["mail.example.com"]}, "not the value of a record of type MX"),
        ({"ResourceRecords": []}, "has 0 values"),
        ({"ResourceRecords": None}, "has 0 values"),
        ({"ResourceRecords": ["192.0.2.1", "192.0.2.1"]}, "a value twice"),
        ({"Type": "CNAME", "ResourceRecords": ["a.example", "b.example"]}, "takes one value; 2 are given"),
        ({"Weight": 1, "SetIdentifier": "a", "ResourceRecords": ["192.0.2.1", "192.0.2.2"]}, "takes one value"),
        ({"TTL": None}, "TTL is missing"),
        ({"TTL": -1}, "TTL is -1"),
        ({"AliasTarget": {"DNSName": "b.example.com"}, "TTL": 60}, "AliasTarget excludes TTL"),
        (
            {"AliasTarget": {"DNSName": "b.example.com"}, "MultiValueAnswer": True, "SetIdentifier": "a"},
            "cannot be an alias",
        ),
        ({"AliasTarget": {}}, "AliasTarget.DNSName is missing"),
        ({"AliasTarget": {"DNSName": "b.example.com", "Colour": 1}}, "AliasTarget.Colour is not known"),
        (
            {"Type": "CNAME", "MultiValueAnswer": True, "SetIdentifier": "a", "ResourceRecords": ["a.example"]},
            "multivalue",
        ),
        ({"Name": "a..example.com"}, "is not a domain name"),
        ({"Name": "a.*.example.com"}, "an asterisk stands for a whole label"),
        ({"Colour": "blue"}, "Colour is not known here"),
    ],
)
def test_a_bad_record_is_refused_with_its_reason(properties: dict[str, Any], complaint: str) -> None:
    with pytest.raises(TrafficError, match=r"Record in us-east-1|domain name|asterisk") as raised:
        record(**properties)
    assert complaint in str(raised.value)


def weighted(identifier: str, region: str = "us-east-1", **properties: Any) -> RecordSet:
    return record(region, SetIdentifier=identifier, **{"Weight": 1, **properties})


ALIAS = {"EvaluateTargetHealth": True}


@pytest.mark.parametrize(
    ("records", "complaint"),
    [
        (
            [record(), record("us-west-2")],
            "Record in us-west-2: items.example.com A exists already, from Record in us-east-1",
        ),
        ([record(), weighted("a")], "is a weighted record set, but Record in us-east-1 makes it simple"),
        ([weighted("a"), weighted("a", "us-west-2")], "with SetIdentifier a exists already"),
        ([weighted("a"), weighted("b", TTL=5)], "have the same TTL"),
        (
            [weighted(i, Weight=None, Failover="PRIMARY") for i in ("a", "b")],
            "with Failover PRIMARY exists already",
        ),
        ([weighted(i, Weight=None, Region="us-east-1") for i in ("a", "b")], "with Region us-east-1 exists already"),
        ([weighted(str(i)) for i in range(101)], "has 101 record sets"),
        (
            [record(), record(Type="CNAME", ResourceRecords=["a.example"])],
            "has a CNAME and so can have no other records",
        ),
        ([record(Name="example.com", Type="CNAME", ResourceRecords=["a.example"])], "cannot have a CNAME"),
        ([record(Name="items.example.org")], "does not lie in the zone example.com"),
        ([record(Type="NS", ResourceRecords=["ns.example.org"])], "delegating a part of a zone"),
        ([record(AliasTarget={"DNSName": "none.example.com", **ALIAS})], "has no A record in the same zone"),
        (
            [record(AliasTarget={"DNSName": "d-1.execute-api.eu-north-1.amazonaws.com", **ALIAS})],
            "is in eu-north-1, which is no region of this world",
        ),
        (
            [record(Type="TXT", AliasTarget={"DNSName": "d-1.execute-api.us-east-1.amazonaws.com", **ALIAS})],
            "has type A or AAAA, not TXT",
        ),
        (
            [
                record(AliasTarget={"DNSName": "b.example.com", **ALIAS}),
                record(Name="b.example.com", AliasTarget={"DNSName": "items.example.com", **ALIAS}),
            ],
            "is a circle",
        ),
        ([record(HealthCheckId="gone")], "there is no health check gone"),
    ],
)
def test_what_is_wrong_between_records_is_refused(records: list[RecordSet], complaint: str) -> None:
    with pytest.raises(TrafficError) as raised:
        build_zones(records, ADDRESSES, health_checks=["check-1"])
    assert complaint in str(raised.value)


def test_a_group_s_members_share_its_zone() -> None:
    members = [
        {"Name": f"{name}.example.com", "Type": "A", "TTL": 5, "ResourceRecords": ["192.0.2.1"]} for name in ("a", "b")
    ]
    found = record_sets_of_group(
        logical_id="Group",
        physical_id="p",
        region="us-east-1",
        properties={"HostedZoneId": "Z1", "RecordSets": members},
    )
    assert [(member.logical_id, member.name, member.zone_id) for member in found] == [
        ("Group[0]", "a.example.com", "Z1"),
        ("Group[1]", "b.example.com", "Z1"),
    ]
    assert set(build_zones(found, ADDRESSES, hosted_zones={"Z1": "example.com."}).zones) == {"example.com"}


def test_names_that_clients_ask_for_are_told_from_those_that_records_point_to() -> None:
    zones = build_zones(
        [
            weighted("a", AliasTarget={"DNSName": "east.example.com", **ALIAS}, TTL=None, ResourceRecords=None),
            record(
                Name="east.example.com", AliasTarget={"DNSName": "d-1.execute-api.us-east-1.amazonaws.com", **ALIAS}
            ),
            weighted("b", ResourceRecords=["127.0.2.1"]),
            record(Name="mail.example.com"),
        ],
        ADDRESSES,
    )
    assert zones.application_names() == ("items.example.com",)
    assert zones.regions_of("items.example.com") == ("us-east-1", "us-west-2")


def test_a_zone_without_records_exists() -> None:
    assert set(build_zones([], ADDRESSES, hosted_zones={"Z1": "Example.com.", "Z2": ""}).zones) == {"example.com"}
