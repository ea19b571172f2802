"""The name server: packets without sockets, then over UDP and TCP with dnspython's resolver and dig."""

import asyncio
import shutil
import struct
from typing import Any

import dns.asyncquery
import dns.asyncresolver
import dns.edns
import dns.flags
import dns.message
import dns.name
import dns.opcode
import dns.rcode
import dns.rdataclass
import dns.rdatatype
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from terrella.kernel import CITIES
from terrella.testing import SeededIds
from terrella.traffic import NameServer, RecordSet, Resolver, build_zones
from terrella.traffic.nameserver import Responder

ADDRESSES = {"us-east-1": "127.0.1.1", "us-west-2": "127.0.2.1", "eu-west-1": "127.0.3.1"}
DOWN: set[str] = set()


def record(name: str, kind: str = "A", values: list[str] | None = None, **properties: Any) -> RecordSet:
    base: dict[str, Any] = {"Name": name, "Type": kind, "HostedZoneName": "example.com"}
    if values is not None:
        base |= {"TTL": 30, "ResourceRecords": values}
    return RecordSet.from_cloudformation(
        logical_id="Record", physical_id="r", region="us-east-1", properties={**base, **properties}
    )


def world() -> Resolver:
    DOWN.clear()
    weighted = [
        record(
            "items.example.com",
            AliasTarget={"DNSName": f"d-1.execute-api.{region}.amazonaws.com", "EvaluateTargetHealth": True},
            SetIdentifier=region,
            Weight=1,
            HealthCheckId=region,
        )
        for region in ADDRESSES
    ]
    others = [
        record("text.example.com", "TXT", ['"one string" "and another"', '"v=spf1 -all"']),
        record("long.example.com", "TXT", [f'"{letter * 200}"' for letter in "abcdefgh"]),
        record("mail.example.com", "MX", ["10 mx.example.com", "20 mx.example.net"]),
        record("six.example.com", "AAAA", ["2001:db8::1"]),
        record("www.example.com", "CNAME", ["items.example.com"]),
        record("*.wild.example.com", "A", ["192.0.2.7"]),
        record("service.example.com", "SRV", ["0 5 8080 items.example.com"]),
    ]
    return Resolver(build_zones([*weighted, *others], ADDRESSES), lambda check: check not in DOWN, SeededIds(3))


def ask(responder: Responder, name: str, kind: str = "A", limit: int = 0, **options: Any) -> dns.message.Message:
    query = dns.message.make_query(name, kind, **options)
    wire = responder.respond(query.to_wire(), limit)
    assert wire is not None
    response = dns.message.from_wire(wire)
    assert response.id == query.id
    return response


@pytest.mark.parametrize(
    ("name", "kind", "code", "answers", "authority"),
    [
        ("items.example.com", "A", "NOERROR", ["items.example.com. A"], ""),
        ("www.example.com", "A", "NOERROR", ["www.example.com. CNAME", "items.example.com. A"], ""),
        ("text.example.com", "TXT", "NOERROR", ["text.example.com. TXT"], ""),
        ("mail.example.com", "MX", "NOERROR", ["mail.example.com. MX"], ""),
        ("six.example.com", "AAAA", "NOERROR", ["six.example.com. AAAA"], ""),
        ("service.example.com", "SRV", "NOERROR", ["service.example.com. SRV"], ""),
        ("x.wild.example.com", "A", "NOERROR", ["x.wild.example.com. A"], ""),
        ("d-1.execute-api.eu-west-1.amazonaws.com", "A", "NOERROR", ["d-1.execute-api.eu-west-1.amazonaws.com. A"], ""),
        ("d-1.execute-api.eu-west-1.amazonaws.com", "AAAA", "NOERROR", [], "eu-west-1.amazonaws.com."),
        ("items.example.com", "TXT", "NOERROR", [], "example.com."),
        ("none.example.com", "A", "NXDOMAIN", [], "example.com."),
        ("example.com", "SOA", "NOERROR", ["example.com. SOA"], ""),
        ("example.com", "NS", "NOERROR", ["example.com. NS"], ""),
        ("items.example.com", "ANY", "NOERROR", ["items.example.com. HINFO"], ""),
        ("none.example.com", "ANY", "NXDOMAIN", [], "example.com."),
        ("example.org", "ANY", "REFUSED", [], ""),
        ("items.example.com", "TYPE65280", "NOERROR", [], "example.com."),
        ("example.com", "AXFR", "REFUSED", [], ""),
        ("example.org", "A", "REFUSED", [], ""),
        (".", "NS", "REFUSED", [], ""),
        ("odd\\032name.example.com", "A", "NXDOMAIN", [], "example.com."),
    ],
)
@pytest.mark.parametrize("edns", [False, True])
def test_responses(name: str, kind: str, code: str, answers: list[str], authority: str, edns: bool) -> None:
    responder = Responder(world())
    for _ in range(2):  # first computed, then from what was prepared
        response = ask(responder, name, kind, use_edns=edns)
        found = [f"{rrset.name} {dns.rdatatype.to_text(rrset.rdtype)}" for rrset in response.answer]
        assert (dns.rcode.to_text(response.rcode()), found) == (code, answers)
        assert "".join(str(rrset.name) for rrset in response.authority) == authority
        assert bool(response.flags & dns.flags.AA) == (code != "REFUSED")
        assert response.flags & dns.flags.RD
        assert (response.edns == 0) == edns


def test_case_is_kept_and_ignored() -> None:
    responder = Responder(world())
    for name in ("iTeMs.EXAMPLE.com", "items.example.com", "ITEMS.example.COM"):
        query = dns.message.make_query(name, "A", use_edns=False).to_wire()
        wire = responder.respond(query)
        assert wire is not None
        assert wire[12 : len(query)] == query[12:], "the question is sent back letter for letter"
        assert len(dns.message.from_wire(wire).answer) == 1


def test_a_client_subnet_that_spells_a_place_out_is_answered_for_that_place() -> None:
    """By latency and by geolocation, each client its own answer; the scope says that it is for that subnet."""
    near = [
        record("near.example.com", values=[ADDRESSES[region]], SetIdentifier=region, Region=region)
        for region in ADDRESSES
    ]
    places: dict[str, dict[str, str]] = {"192.0.2.1": {"CountryCode": "JP"}, "192.0.2.2": {"ContinentCode": "EU"}}
    places["192.0.2.3"] = {"CountryCode": "*"}
    there = [
        record("there.example.com", values=[value], SetIdentifier=value, GeoLocation=place)
        for value, place in places.items()
    ]
    responder = Responder(Resolver(build_zones([*near, *there], ADDRESSES), lambda _: True, SeededIds(3)))
    expected = {
        "frankfurt": ("127.0.3.1", "192.0.2.2"),
        "new-york": ("127.0.1.1", "192.0.2.3"),
        "tokyo": ("127.0.2.1", "192.0.2.1"),
        "": ("127.0.1.1", "192.0.2.3"),
    }
    for _ in range(2):  # first computed, then from what was prepared
        for city, answers in expected.items():
            options = []
            if city:
                subnet = CITIES[city].subnet
                options = [dns.edns.ECSOption(str(subnet.network_address), subnet.prefixlen)]
            for name, address in zip(("Near.example.com", "there.example.com"), answers, strict=True):
                response = ask(responder, name, use_edns=0, options=options)
                assert response.answer[0][0].to_text() == address, (city, name)
                assert [option.scopelen for option in response.options] == [88] * bool(city)


def test_weights_are_drawn_for_each_query_and_a_verdict_counts_at_once() -> None:
    resolver = world()
    responder = Responder(resolver)

    def seen() -> set[str]:
        return {ask(responder, "items.example.com").answer[0][0].to_text() for _ in range(60)}

    assert seen() == set(ADDRESSES.values())
    DOWN.add("eu-west-1")
    resolver.invalidate()
    assert seen() == {"127.0.1.1", "127.0.2.1"}
    DOWN.clear()
    resolver.invalidate()
    assert seen() == set(ADDRESSES.values())
    resolver.replace(build_zones([record("items.example.com", values=["192.0.2.1"])], ADDRESSES))
    assert seen() == {"192.0.2.1"}


def test_too_long_for_udp_is_truncated_and_whole_over_tcp() -> None:
    responder = Responder(world())
    for options in ({}, {"payload": 4096}, {"use_edns": False}):
        response = ask(responder, "long.example.com", "TXT", **options)
        assert response.flags & dns.flags.TC
        assert not response.answer
    assert len(ask(responder, "long.example.com", "TXT", limit=65535).answer[0]) == 8


def test_the_client_subnet_is_sent_back_with_scope_0_and_other_options_are_not() -> None:
    responder = Responder(world())
    options = [dns.edns.ECSOption("192.0.2.0", 24), dns.edns.GenericOption(dns.edns.OptionType.COOKIE, b"a cookie")]
    response = ask(responder, "items.example.com", use_edns=0, options=options, want_dnssec=True)
    assert [option.to_text() for option in response.options] == ["ECS 192.0.2.0/24 scope/0"]
    assert response.ednsflags & dns.flags.DO


def bad(name: str) -> bytes:
    query = dns.message.make_query("items.example.com", "A", use_edns=0, options=[dns.edns.ECSOption("192.0.2.0", 24)])
    query.id = 0x1234
    wire = query.to_wire()
    if name == "badvers":
        query.use_edns(edns=1)
        return query.to_wire()
    if name == "notify":
        query.set_opcode(dns.opcode.NOTIFY)
        return query.to_wire()
    return {
        "two questions": wire[:4] + b"\0\2" + wire[6:],
        "no question": wire[:4] + b"\0\0" + wire[6:],
        "half a name": wire[:16],
        "half an option": wire[:-3],
        "rubbish behind": wire + b"\0",
        "bare header": wire[:4] + b"\0\1" + bytes(6),
        "pointer to itself": wire[:12] + b"\xc0\x0c\0\1\0\1",
    }[name]


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("two questions", "FORMERR"),
        ("no question", "FORMERR"),
        ("half a name", "FORMERR"),
        ("half an option", "FORMERR"),
        ("rubbish behind", "FORMERR"),
        ("bare header", "FORMERR"),
        ("pointer to itself", "FORMERR"),
        ("notify", "NOTIMP"),
        ("badvers", "BADVERS"),
    ],
)
def test_malformed_and_unusual_packets(name: str, code: str) -> None:
    responder = Responder(world())
    for _ in range(2):
        ask(responder, "items.example.com")  # so that the question is a prepared one
        wire = responder.respond(bad(name))
        assert wire is not None
        assert wire[:2] == b"\x12\x34"
        assert dns.rcode.to_text(dns.message.from_wire(wire).rcode()) == code


def test_responses_and_scraps_are_not_answered() -> None:
    responder = Responder(world())
    query = dns.message.make_query("items.example.com", "A").to_wire()
    assert responder.respond(query[:2] + bytes([query[2] | 0x80]) + query[3:]) is None
    assert responder.respond(query[:11]) is None
    assert responder.respond(b"") is None


FUZZED = Responder(world())
QUERY = dns.message.make_query("items.example.com", "A", options=[dns.edns.ECSOption("192.0.2.0", 24)]).to_wire()


@settings(max_examples=400)
@given(st.binary(max_size=80) | st.binary(max_size=60).map(lambda junk: QUERY[:12] + junk))
def test_random_bytes_never_kill_it(packet: bytes) -> None:
    check_fuzzed(packet)


@settings(max_examples=600)
@given(st.lists(st.tuples(st.integers(2, len(QUERY) - 1), st.integers(0, 255)), max_size=6), st.integers(0, len(QUERY)))
def test_bent_queries_never_kill_it(bends: list[tuple[int, int]], cut: int) -> None:
    packet = bytearray(QUERY)
    for position, value in bends:
        packet[position] = value
    check_fuzzed(bytes(packet))
    check_fuzzed(bytes(packet[:cut]))


def check_fuzzed(packet: bytes) -> None:
    """Whatever comes back is a response with the packet's id that dnspython can read."""
    response = FUZZED.respond(packet)
    if response is None:
        assert len(packet) < 12 or packet[2] & 0x80
        return
    assert response[:2] == packet[:2]
    assert response[2] & 0x80
    dns.message.from_wire(response)


async def test_over_udp_and_tcp_with_a_resolver() -> None:
    server = NameServer(world())
    port = await server.listen("127.0.0.1", 0)
    resolver = dns.asyncresolver.Resolver(configure=False)
    resolver.nameservers, resolver.port = ["127.0.0.1"], port
    found = {(await resolver.resolve("items.example.com", "A"))[0].to_text() for _ in range(40)}
    assert found == set(ADDRESSES.values())
    assert sorted(r.to_text() for r in await resolver.resolve("mail.example.com", "MX", tcp=True)) == [
        "10 mx.example.com.",
        "20 mx.example.net.",
    ]
    assert len(await resolver.resolve("long.example.com", "TXT")) == 8, "truncated over UDP, so asked again over TCP"
    await server.close()
    again = NameServer(world())
    assert await again.listen("127.0.0.1", port) == port, "nothing is left behind"
    await again.close()


async def test_several_queries_on_one_tcp_connection_in_small_pieces() -> None:
    server = NameServer(world())
    port = await server.listen("127.0.0.1", 0)
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    queries = [
        dns.message.make_query(name, "A") for name in ("items.example.com", "none.example.com", "www.example.com")
    ]
    wires = [query.to_wire() for query in queries]
    stream = b"".join(struct.pack("!H", len(wire)) + wire for wire in wires)
    for at in range(0, len(stream), 7):
        writer.write(stream[at : at + 7])
        await writer.drain()
    for query in queries:
        length = struct.unpack("!H", await reader.readexactly(2))[0]
        assert query.is_response(dns.message.from_wire(await reader.readexactly(length)))
    writer.write(b"\0\1x")
    assert await reader.read() == b"", "a scrap closes the connection"
    writer.close()
    await server.close()


async def test_a_port_in_use_is_told() -> None:
    first, second = NameServer(world()), NameServer(world())
    port = await first.listen("127.0.0.1", 0)
    with pytest.raises(OSError, match="in use"):
        await second.listen("127.0.0.1", port)
    await first.close()


@pytest.mark.skipif(shutil.which("dig") is None, reason="dig is not installed")
@pytest.mark.parametrize("transport", ["+notcp", "+tcp"])
async def test_dig_understands_it(transport: str) -> None:
    server = NameServer(world())
    port = await server.listen("127.0.0.1", 0)

    async def dig(*arguments: str) -> str:
        process = await asyncio.create_subprocess_exec(
            "dig", "@127.0.0.1", "-p", str(port), transport, *arguments, stdout=asyncio.subprocess.PIPE
        )
        return (await process.communicate())[0].decode()

    assert (await dig("+short", "www.example.com")).split()[-1] in ADDRESSES.values()
    whole = await dig("+subnet=192.0.2.0/24", "iTems.example.com")
    assert "status: NOERROR" in whole
    assert "flags: qr aa rd;" in whole
    assert "CLIENT-SUBNET: 192.0.2.0/24/0" in whole
    assert "iTems.example.com.\t60\tIN\tA\t127.0." in whole
    assert "WARNING" not in whole.replace("WARNING: recursion requested but not available", "")
    assert "status: NXDOMAIN" in await dig("none.example.com")
    await server.close()
