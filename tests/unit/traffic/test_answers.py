"""Answers by every policy, with healthy and unhealthy checks; the tables state Route 53's documented semantics."""

from collections import Counter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from terrella.testing import SeededIds
from terrella.traffic import (
    Answer,
    Location,
    RecordSet,
    Resolver,
    Status,
    TrafficError,
    Zones,
    answer,
    build_zones,
    outcomes,
)

ADDRESSES = {"us-east-1": "127.0.1.1", "us-west-2": "127.0.2.1", "eu-west-1": "127.0.3.1"}


def record(
    name: str, kind: str = "A", values: list[str] | None = None, alias: str = "", **properties: Any
) -> RecordSet:
    """``check`` is the health check; an alias evaluates its target's health unless told otherwise."""
    check = properties.pop("check", None)
    evaluate = properties.pop("evaluate", True)
    base: dict[str, Any] = {"Name": name, "Type": kind, "HostedZoneName": "example.com", "HealthCheckId": check}
    if alias:
        base["AliasTarget"] = {"DNSName": alias, "EvaluateTargetHealth": evaluate}
    else:
        base |= {"TTL": 30, "ResourceRecords": values}
    return RecordSet.from_cloudformation(
        logical_id=f"{name}{kind}", physical_id=name, region="us-east-1", properties={**base, **properties}
    )


def zones(*records: RecordSet, ttl_scale: float = 1.0) -> Zones:
    return build_zones(records, ADDRESSES, ttl_scale=ttl_scale)


def shares(
    known: Zones, name: str = "app.example.com", kind: str = "A", *, down: str = "", at: Location | None = None
) -> dict[str, float]:
    """First value of each outcome and its share; ``down`` lists the unhealthy checks."""
    found: dict[str, float] = {}
    for outcome in outcomes(known, name, kind, healthy=lambda check: check not in down.split(), location=at):
        first = outcome.answer.records[0].value if outcome.answer.records else outcome.answer.status
        found[first] = round(found.get(first, 0.0) + outcome.share, 6)
    return found


def weighted(weights: dict[str, int]) -> Zones:
    """A weighted record set per address 192.0.2.x, each with the health check x."""
    return zones(
        *(
            record("app.example.com", values=[f"192.0.2.{x}"], SetIdentifier=x, Weight=weight, check=x)
            for x, weight in weights.items()
        )
    )


@pytest.mark.parametrize(
    ("weights", "down", "expected"),
    [
        ({"1": 1, "2": 3}, "", {"192.0.2.1": 0.25, "192.0.2.2": 0.75}),
        ({"1": 1, "2": 3}, "2", {"192.0.2.1": 1.0}),
        ({"1": 1, "2": 3}, "1 2", {"192.0.2.1": 0.25, "192.0.2.2": 0.75}),
        ({"1": 1, "2": 0}, "", {"192.0.2.1": 1.0}),
        ({"1": 1, "2": 0}, "1", {"192.0.2.2": 1.0}),
        ({"1": 1, "2": 0}, "1 2", {"192.0.2.1": 1.0}),
        ({"1": 1, "2": 1, "3": 0}, "1", {"192.0.2.2": 1.0}),
        ({"1": 0, "2": 0}, "", {"192.0.2.1": 0.5, "192.0.2.2": 0.5}),
        ({"1": 0, "2": 0}, "1", {"192.0.2.2": 1.0}),
        ({"1": 0, "2": 0}, "1 2", {"192.0.2.1": 0.5, "192.0.2.2": 0.5}),
    ],
)
def test_weighted(weights: dict[str, int], down: str, expected: dict[str, float]) -> None:
    assert shares(weighted(weights), down=down) == expected


@pytest.mark.parametrize(
    ("down", "checked", "expected"),
    [
        ("", "p s", "192.0.2.1"),
        ("p", "p s", "192.0.2.2"),
        ("s", "p s", "192.0.2.1"),
        ("p s", "p s", "192.0.2.1"),
        ("p s", "p", "192.0.2.2"),
        ("p s", "", "192.0.2.1"),
    ],
)
def test_failover(down: str, checked: str, expected: str) -> None:
    known = zones(
        *(
            record(
                "app.example.com",
                values=[f"192.0.2.{number}"],
                SetIdentifier=role,
                Failover=role,
                check=name if name in checked else None,
            )
            for number, (role, name) in enumerate([("PRIMARY", "p"), ("SECONDARY", "s")], 1)
        )
    )
    assert shares(known, down=down) == {expected: 1.0}


LATENCY = [
    record("app.example.com", alias=f"{region}.example.com", Region=region, SetIdentifier=region)
    for region in ADDRESSES
]
BRANCHES = [record(f"{region}.example.com", values=[address], check=region) for region, address in ADDRESSES.items()]


@pytest.mark.parametrize(
    ("at", "down", "expected"),
    [
        ("us-east-1", "", "127.0.1.1"),
        ("ca-west-1", "", "127.0.2.1"),
        ("eu-central-1", "", "127.0.3.1"),
        ("eu-central-1", "eu-west-1", "127.0.1.1"),
        ("eu-central-1", "eu-west-1 us-east-1", "127.0.2.1"),
        ("eu-central-1", "eu-west-1 us-east-1 us-west-2", "127.0.3.1"),
        ("mars-north-1", "", "127.0.1.1"),
    ],
)
def test_latency_leaves_an_unhealthy_branch_for_the_next_nearest(at: str, down: str, expected: str) -> None:
    known = zones(*LATENCY, *BRANCHES)
    assert shares(known, down=down, at=Location.of_region(at)) == {expected: 1.0}


def test_latency_stays_in_an_unhealthy_branch_whose_health_is_not_evaluated() -> None:
    stubborn = [
        record("app.example.com", alias=f"{region}.example.com", Region=region, SetIdentifier=region, evaluate=False)
        for region in ADDRESSES
    ]
    known = zones(*stubborn, *BRANCHES)
    assert shares(known, down="eu-west-1", at=Location.of_region("eu-west-1")) == {"127.0.3.1": 1.0}


GEOGRAPHY = {
    "1": {"CountryCode": "*"},
    "2": {"ContinentCode": "NA"},
    "3": {"CountryCode": "US"},
    "4": {"CountryCode": "US", "SubdivisionCode": "CA"},
}


@pytest.mark.parametrize(
    ("at", "down", "expected"),
    [
        (Location("NA", "US", "CA"), "", "192.0.2.4"),
        (Location("NA", "US", "CA"), "4", "192.0.2.3"),
        (Location("NA", "US", "CA"), "4 3", "192.0.2.2"),
        (Location("NA", "US", "CA"), "4 3 2", "192.0.2.1"),
        (Location("NA", "US", "CA"), "4 3 2 1", "192.0.2.4"),
        (Location("NA", "US", "NY"), "", "192.0.2.3"),
        (Location("NA", "CA", None), "", "192.0.2.2"),
        (Location("EU", "IE", None), "", "192.0.2.1"),
        (None, "", "192.0.2.1"),
    ],
)
def test_geolocation_takes_the_most_specific_place(at: Location | None, down: str, expected: str) -> None:
    known = zones(
        *(
            record("app.example.com", values=[f"192.0.2.{x}"], SetIdentifier=x, GeoLocation=place, check=x)
            for x, place in GEOGRAPHY.items()
        )
    )
    assert shares(known, down=down, at=at) == {expected: 1.0}


def test_geolocation_without_a_default_has_no_answer_elsewhere() -> None:
    known = zones(
        record("app.example.com", values=["192.0.2.1"], SetIdentifier="e", GeoLocation={"ContinentCode": "EU"})
    )
    assert shares(known, at=Location.of_region("us-east-1")) == {Status.NO_DATA: 1.0}


@pytest.mark.parametrize(
    ("count", "down", "answered"), [(3, 0, 3), (8, 0, 8), (12, 0, 8), (12, 2, 8), (12, 7, 5), (12, 12, 8)]
)
def test_multivalue_answers_at_most_eight_healthy_ones(count: int, down: int, answered: int) -> None:
    known = zones(
        *(
            record(
                "app.example.com", values=[f"192.0.2.{x}"], SetIdentifier=str(x), MultiValueAnswer=True, check=str(x)
            )
            for x in range(count)
        )
    )
    unhealthy = {str(x) for x in range(down)}
    possible = outcomes(known, "app.example.com", "A", healthy=lambda check: check not in unhealthy)
    seen: Counter[str] = Counter()
    for outcome in possible:
        values = {line.value for line in outcome.answer.records}
        assert len(values) == answered
        seen.update(values)
    assert len(set(seen.values())) == 1, "each as often as the others"
    if down < count:
        assert not seen.keys() & {f"192.0.2.{x}" for x in unhealthy}


def test_simple_answers_all_its_values_in_turning_order_unchecked() -> None:
    known = zones(record("app.example.com", values=["192.0.2.1", "192.0.2.2"], check="down"))
    assert shares(known, down="down") == {"192.0.2.1": 0.5, "192.0.2.2": 0.5}
    assert {len(o.answer.records) for o in outcomes(known, "app.example.com", "A", healthy=lambda _: True)} == {2}


HOST = "d-1.execute-api.eu-west-1.amazonaws.com"


def ask(known: Zones, name: str, kind: str = "A") -> Answer:
    return answer(known, name, kind, healthy=lambda _: True, fraction=lambda: 0.0)


def test_host_names_of_the_world_s_regions_are_answered_with_their_addresses() -> None:
    known = zones()
    found = ask(known, HOST.upper() + ".")
    assert [(line.name, line.ttl_s, line.value) for line in found.records] == [(HOST, 60, "127.0.3.1")]
    assert ask(known, HOST, "AAAA").status is Status.NO_DATA
    assert ask(known, "d-1.execute-api.eu-north-1.amazonaws.com").status is Status.REFUSED
    assert ask(known, "us-east-1.ns.terrella.internal").records[0].value == "127.0.1.1"


def test_an_alias_answers_as_its_target_under_its_own_name() -> None:
    known = zones(
        record("app.example.com", alias=HOST),
        record("app.example.com", "AAAA", alias=HOST),
        record("two.example.com", alias="app.example.com"),
        record("own.example.com", alias="ttl.example.com"),
        record("ttl.example.com", values=["192.0.2.9"]),
    )
    for name in ("app.example.com", "two.example.com"):
        assert [(r.name, r.type, r.ttl_s, r.value) for r in ask(known, name).records] == [(name, "A", 60, "127.0.3.1")]
    assert ask(known, "app.example.com", "AAAA").status is Status.NO_DATA
    assert ask(known, "own.example.com").records[0].ttl_s == 30
    assert ask(known, "two.example.com").chain == (
        "two.example.com A simple",
        "app.example.com A simple",
        f"{HOST} is in eu-west-1",
    )


def test_a_cname_is_chased_inside_the_world_and_given_alone_outside() -> None:
    known = zones(
        record("app.example.com", "CNAME", ["www.example.com."]),
        record("www.example.com", "CNAME", [HOST]),
        record("away.example.com", "CNAME", ["example.net."]),
        record("renamed.example.com", "CNAME", alias="app.example.com"),
    )
    assert [(r.name, r.type) for r in ask(known, "app.example.com").records] == [
        ("app.example.com", "CNAME"),
        ("www.example.com", "CNAME"),
        (HOST, "A"),
    ]
    assert [r.type for r in ask(known, "app.example.com", "CNAME").records] == ["CNAME"]
    assert [r.value for r in ask(known, "away.example.com").records] == ["example.net."]
    assert ask(known, "renamed.example.com").records[0].name == "renamed.example.com"
    assert ask(known, "renamed.example.com").records[-1].value == "127.0.3.1"


@pytest.mark.parametrize(
    ("name", "kind", "status"),
    [
        ("nothing.example.com", "A", Status.NO_NAME),
        ("app.example.com", "TXT", Status.NO_DATA),
        ("deep.example.com", "A", Status.NO_DATA),  # exists, because a.deep does
        ("any.wild.example.com", "A", Status.ANSWERED),
        ("two.labels.wild.example.com", "A", Status.ANSWERED),
        ("given.wild.example.com", "A", Status.NO_DATA),  # exists with TXT only: the wildcard does not reach it
        ("below.given.wild.example.com", "A", Status.NO_NAME),
        ("example.com", "SOA", Status.ANSWERED),
        ("example.com", "NS", Status.ANSWERED),
        ("example.com", "A", Status.NO_DATA),
        ("us-east-1.amazonaws.com", "SOA", Status.ANSWERED),
        ("nowhere.ns.terrella.internal", "A", Status.NO_NAME),
        ("example.org", "A", Status.REFUSED),
        ("notexample.com", "A", Status.REFUSED),
    ],
)
def test_names_that_exist_names_that_do_not_and_wildcards(name: str, kind: str, status: Status) -> None:
    known = zones(
        record("app.example.com", values=["192.0.2.1"]),
        record("a.deep.example.com", values=["192.0.2.1"]),
        record("*.wild.example.com", values=["192.0.2.2"]),
        record("given.wild.example.com", "TXT", ['"here"']),
    )
    assert ask(known, name, kind).status is status


def test_a_circle_through_a_wildcard_is_refused() -> None:
    with pytest.raises(TrafficError, match="is a circle"):
        zones(record("*.example.com", "CNAME", ["x.example.com"]))


def test_a_long_chain_is_followed_only_so_far() -> None:
    links = [record(f"c{x}.example.com", "CNAME", [f"c{x + 1}.example.com"]) for x in range(40)]
    assert len(ask(zones(*links), "c0.example.com").records) == 17


def test_ttls_are_scaled_by_the_profile() -> None:
    known = zones(record("app.example.com", values=["192.0.2.1"]), record("b.example.com", alias=HOST), ttl_scale=0.1)
    assert (ask(known, "app.example.com").ttl_s, ask(known, "b.example.com").ttl_s) == (3, 6)


weights_and_downs = st.dictionaries(
    st.integers(1, 9).map(str), st.tuples(st.integers(0, 255), st.booleans()), min_size=1, max_size=6
)


@given(weights_and_downs)
def test_weighted_agrees_with_a_plain_reading_of_the_rules(given_records: dict[str, tuple[int, bool]]) -> None:
    down = " ".join(x for x, (_, is_down) in given_records.items() if is_down)
    found = shares(weighted({x: weight for x, (weight, _) in given_records.items()}), down=down)
    up = {x: weight for x, (weight, is_down) in given_records.items() if not is_down}
    pool = {x: w for x, w in up.items() if w} or up or {x: w for x, (w, _) in given_records.items() if w}
    pool = pool or dict.fromkeys(given_records, 0)
    total = sum(pool.values())
    expected = {f"192.0.2.{x}": (w / total if total else 1 / len(pool)) for x, w in pool.items()}
    assert found == pytest.approx(expected, abs=1e-5)


def test_draws_follow_the_weights() -> None:
    resolver = Resolver(weighted({"1": 10, "2": 30, "3": 60}), lambda _: True, SeededIds(7))
    drawn = Counter(resolver.answer("app.example.com").records[0].value for _ in range(10_000))
    assert drawn == pytest.approx({"192.0.2.1": 1000, "192.0.2.2": 3000, "192.0.2.3": 6000}, rel=0.08)


def test_a_resolver_answers_by_the_newest_verdicts_once_it_is_told() -> None:
    down: set[str] = set()
    regions = [
        record("app.example.com", alias=f"d.execute-api.{r}.amazonaws.com", SetIdentifier=r, Weight=1, check=r)
        for r in ADDRESSES
    ]
    resolver = Resolver(zones(*regions), lambda check: check not in down, SeededIds())
    assert resolver.region_shares("app.example.com") == pytest.approx(dict.fromkeys(ADDRESSES, 1 / 3))
    down.add("eu-west-1")
    resolver.invalidate()
    assert resolver.region_shares("app.example.com") == {"us-east-1": 0.5, "us-west-2": 0.5}
    assert resolver.locate("app.example.com") in ("us-east-1", "us-west-2")
    assert resolver.locate("127.0.3.1") == "eu-west-1"
    assert resolver.locate("elsewhere.example.org") is None
