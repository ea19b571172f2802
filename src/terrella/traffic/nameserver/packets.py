"""Answers as bytes.

A response is the query's id, a head (flags and counts), the question as it was asked (its letters' case included), and
a tail. Head and tail do not depend on the query, so that they are made once for each possible answer: names in the tail
are either a pointer to the question or written out.
"""

import struct
from dataclasses import dataclass

import dns.name
import dns.rdata
import dns.rdataclass
import dns.rdatatype

from terrella.kernel import SUBNET_BITS, VantagePoint
from terrella.traffic.answers import Answer, ResourceRecord, Status, soa
from terrella.traffic.records import Location
from terrella.traffic.zone import Zones

NO_ERROR, FORMAT_ERROR, NAME_ERROR, NOT_IMPLEMENTED, REFUSED = 0, 1, 3, 4, 5
UDP_BYTES_MAX = 1232
"""What the server sends at most over UDP, whatever the client allows: it passes every network unfragmented."""
UDP_BYTES_PLAIN = 512
TCP_BYTES_MAX = 65_535
_RESPONSE, _AUTHORITATIVE, _TRUNCATED = 0x8000, 0x0400, 0x0200
_RECURSION_DESIRED = 0x0100
_QUESTION_POINTER = b"\xc0\x0c"
_OPT = 41
_CLIENT_SUBNET = 8
_PLACE_SUBNET = struct.pack("!HB", 2, SUBNET_BITS)
_CODES = {
    Status.ANSWERED: NO_ERROR,
    Status.NO_DATA: NO_ERROR,
    Status.NO_NAME: NAME_ERROR,
    Status.REFUSED: REFUSED,
}


@dataclass(frozen=True, slots=True)
class Reply:
    """One prepared answer. ``heads`` by ``recursion desired + 2 * EDNS``, ``truncated`` where it is too long."""

    heads: tuple[bytes, bytes, bytes, bytes]
    truncated: tuple[bytes, bytes, bytes, bytes]
    tail: bytes


def reply_of(zones: Zones, name: str, given: Answer) -> Reply:
    """Prepare an answer to a question about ``name`` (in normal form)."""
    lines = b"".join(_encode(line, name) for line in given.records)
    authority = b""
    if given.status in (Status.NO_DATA, Status.NO_NAME) and given.zone:
        authority = _encode(soa(zones, given.zone), name)
    authoritative = _AUTHORITATIVE if given.status is not Status.REFUSED else 0
    return _reply(_CODES[given.status] | authoritative, len(given.records), int(bool(authority)), lines + authority)


def bare_reply(code: int) -> Reply:
    """A reply that only says what went wrong."""
    return _reply(code, 0, 0, b"")


def any_reply(name: str, ttl_s: int) -> Reply:
    """What is answered to ANY: not everything (RFC 8482)."""
    return _reply(_AUTHORITATIVE, 1, 0, _encode(ResourceRecord(name, "HINFO", ttl_s, '"RFC8482" ""'), name))


def formless_reply(query: bytes, code: int) -> bytes:
    """An answer to a packet whose question cannot be told: its id and opcode, and what went wrong."""
    opcode_and_recursion = struct.unpack_from("!H", query, 2)[0] & (0x7800 | _RECURSION_DESIRED)
    return query[:2] + struct.pack("!HHHHH", _RESPONSE | opcode_and_recursion | code, 0, 0, 0, 0)


def opt_record(options: bytes = b"", *, dnssec_ok: bool = False, extended_code: int = 0) -> bytes:
    """The EDNS record of a response; ``extended_code`` are the upper eight bits of the response code."""
    flags = extended_code << 24 | (0x8000 if dnssec_ok else 0)
    return b"\0" + struct.pack("!HHIH", _OPT, UDP_BYTES_MAX, flags, len(options)) + options


def echoed_options(options: bytes) -> bytes | None:
    """The EDNS options to send back: the client subnet. None if the options are malformed.

    Its scope is 0, unless the subnet spells out a place, which the answer then is for.
    """
    echoed = b""
    at = 0
    while at < len(options):
        if at + 4 > len(options):
            return None
        code, length = struct.unpack_from("!HH", options, at)
        value = options[at + 4 : at + 4 + length]
        if len(value) < length:
            return None
        if code == _CLIENT_SUBNET:
            if not _is_client_subnet(value):
                return None
            scope = value[2:3] if _place_of(value) is not None else b"\0"
            echoed = options[at : at + 4] + value[:3] + scope + value[4:]
        at += 4 + length
    return echoed


def location_of(echoed: bytes) -> Location | None:
    """Where the client is, by the options that are sent back; None if they do not say so."""
    at = _place_of(echoed[4:]) if echoed else None
    return Location.of_vantage_point(at) if at is not None else None


def _place_of(value: bytes) -> VantagePoint | None:
    return VantagePoint.of_subnet(value[4:]) if value[:3] == _PLACE_SUBNET else None


def _is_client_subnet(value: bytes) -> bool:
    """Whether a client subnet is well-formed (RFC 7871): the bytes that its prefix needs, and no bit beyond."""
    if len(value) < 4:
        return False
    family, prefix, _ = struct.unpack_from("!HBB", value)
    address = value[4:]
    if prefix > {1: 32, 2: 128}.get(family, -1) or len(address) != (prefix + 7) // 8:
        return False
    return prefix % 8 == 0 or not address[-1] & (0xFF >> prefix % 8)


def _reply(flags: int, answers: int, authorities: int, tail: bytes) -> Reply:
    def heads(more_flags: int, *counts: int) -> tuple[bytes, bytes, bytes, bytes]:
        plain, recursive = flags | more_flags, flags | more_flags | _RECURSION_DESIRED
        return (
            struct.pack("!HHHHH", plain, 1, *counts, 0),
            struct.pack("!HHHHH", recursive, 1, *counts, 0),
            struct.pack("!HHHHH", plain, 1, *counts, 1),
            struct.pack("!HHHHH", recursive, 1, *counts, 1),
        )

    return Reply(heads(_RESPONSE, answers, authorities), heads(_RESPONSE | _TRUNCATED, 0, 0), tail)


def _encode(line: ResourceRecord, question: str) -> bytes:
    owner = _QUESTION_POINTER if line.name == question else _name(line.name)
    kind = dns.rdatatype.from_text(line.type)
    data = dns.rdata.from_text(dns.rdataclass.IN, kind, line.value, origin=dns.name.root, relativize=False)
    wire = data.to_wire()
    assert wire is not None
    return owner + struct.pack("!HHIH", kind, dns.rdataclass.IN, line.ttl_s, len(wire)) + wire


def _name(name: str) -> bytes:
    wire = dns.name.from_text(name).to_wire()
    assert wire is not None
    return wire
