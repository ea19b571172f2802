"""Queries to responses, bytes to bytes, without I/O.

A query of the usual shape (one question, perhaps an EDNS record behind it) is taken apart by hand, and prepared bytes
are put together. Whatever is unusual goes the slow way through dnspython, which also judges malformed packets.
"""

import re
import struct
from bisect import bisect_right
from collections.abc import Callable
from itertools import accumulate

import dns.exception
import dns.message
import dns.rdataclass
import dns.rdatatype

from terrella.traffic.answers import Answer, Status
from terrella.traffic.nameserver.packets import (
    FORMAT_ERROR,
    NOT_IMPLEMENTED,
    REFUSED,
    UDP_BYTES_MAX,
    UDP_BYTES_PLAIN,
    Reply,
    any_reply,
    bare_reply,
    echoed_options,
    formless_reply,
    location_of,
    opt_record,
    reply_of,
)
from terrella.traffic.records import Location
from terrella.traffic.resolver import Resolver

_PLANS_MAX = 4096
_ANY_TTL_S = 3600
_HEADER_BYTES = 12
_ONE_QUESTION = b"\0\1\0\0\0\0\0\0"
_ONE_QUESTION_AND_EDNS = b"\0\1\0\0\0\0\0\1"
_PLAIN_OPT = opt_record()
_BAD_VERSION = opt_record(extended_code=1)
_USUAL_LABEL = re.compile(rb"[A-Za-z0-9_*-]+")
_TRANSFERS = (dns.rdatatype.AXFR, dns.rdatatype.IXFR)

Plan = tuple[list[float], list[Reply]]
"""The replies that a question may get, and the upper bounds of their shares."""


class Responder:
    """Answers packets by what the resolver knows at this moment."""

    def __init__(self, resolver: Resolver) -> None:
        self._resolver = resolver
        self._fraction: Callable[[], float] = resolver.fraction
        self._generation = resolver.generation
        self._plans: dict[bytes, Plan] = {}
        self._plans_there: dict[tuple[bytes, bytes], Plan] = {}
        self._absences: dict[Answer, Reply] = {}

    def respond(self, query: bytes, limit: int = 0) -> bytes | None:
        """The response to a packet; None for one that must not be answered.

        ``limit`` is the most bytes that may be sent; 0 is UDP, where the query says so itself.
        """
        if self._generation != self._resolver.generation:
            self._generation = self._resolver.generation
            self._plans.clear()
            self._plans_there.clear()
            self._absences.clear()
        end = query.find(b"\0", _HEADER_BYTES) + 5  # the name's last byte, and two each for type and class
        question = query[_HEADER_BYTES:end]
        plan = self._plans.get(question) or self._plan_for(query, question)
        if plan is None or query[2] & 0xFA:
            return self._respond_slowly(query, limit)
        counts = query[4:_HEADER_BYTES]
        if counts == _ONE_QUESTION and len(query) == end:
            return self._assemble(query, question, plan, None, limit or UDP_BYTES_PLAIN)
        if counts == _ONE_QUESTION_AND_EDNS and query[end : end + 3] == b"\0\0\x29" and len(query) >= end + 11:
            size, extended, length = struct.unpack_from("!HIH", query, end + 3)
            limit = limit or _udp_limit(size)
            if not extended and not length and len(query) == end + 11:
                return self._assemble(query, question, plan, _PLAIN_OPT, limit)
            options = echoed_options(query[end + 11 :]) if len(query) == end + 11 + length else None
            if options is not None and not extended & 0xFFFF0000:
                opt = opt_record(options, dnssec_ok=bool(extended & 0x8000))
                plan = self._plan_there(question, options) or plan
                return self._assemble(query, question, plan, opt, limit)
        return self._respond_slowly(query, limit)

    def _plan_for(self, query: bytes, question: bytes) -> Plan | None:
        """The plan of a question that was not found as it stands; None if it is not of the usual shape."""
        if len(question) < 5 or len(query) < _HEADER_BYTES + len(question):
            return None
        plan = self._plans.get(_folded(question))
        if plan is not None:
            return plan
        name = _usual_name(question[:-4])
        return None if name is None else self._plan(question, name, *struct.unpack("!HH", question[-4:]))

    def _assemble(self, query: bytes, question: bytes, plan: Plan, opt: bytes | None, limit: int) -> bytes:
        bounds, replies = plan
        reply = replies[0] if len(replies) == 1 else replies[bisect_right(bounds, self._fraction())]
        if opt is None:
            kind, opt = query[2] & 1, b""
        else:
            kind = (query[2] & 1) + 2
        response = query[:2] + reply.heads[kind] + question + reply.tail + opt
        if len(response) > limit:
            return query[:2] + reply.truncated[kind] + question + opt
        return response

    def _respond_slowly(self, query: bytes, limit: int) -> bytes | None:
        if len(query) < _HEADER_BYTES or query[2] & 0x80:
            return None  # too short to have an id, or a response: answering those makes loops
        if query[2] & 0x78:
            return formless_reply(query, NOT_IMPLEMENTED)
        if query[4:6] != b"\0\1":
            return formless_reply(query, FORMAT_ERROR)
        try:
            message = dns.message.from_wire(query)
            asked = message.question[0]
            name_wire = asked.name.to_wire()
        except (dns.exception.DNSException, ValueError, IndexError, struct.error):
            return formless_reply(query, FORMAT_ERROR)
        assert name_wire is not None
        question = name_wire + struct.pack("!HH", asked.rdtype, asked.rdclass)
        opt: bytes | None = None
        location: Location | None = None
        if message.edns >= 0:
            limit = limit or _udp_limit(message.payload)
            if message.edns > 0:
                return self._assemble(query, question, ([1.0], [bare_reply(0)]), _BAD_VERSION, limit)
            options = echoed_options(_options_of(query, len(question)))
            if options is None:
                return formless_reply(query, FORMAT_ERROR)
            opt = opt_record(options, dnssec_ok=bool(message.ednsflags & 0x8000))
            location = location_of(options)
        name = asked.name.to_text(omit_final_dot=True).lower()
        plan = self._plan(question, name, asked.rdtype, asked.rdclass, location)
        return self._assemble(query, question, plan, opt, limit or UDP_BYTES_PLAIN)

    def _plan_there(self, question: bytes, options: bytes) -> Plan | None:
        """The plan for a client whose options say where it is; None if they do not."""
        found = self._plans_there.get((question, options))
        location = location_of(options) if found is None else None
        name = _usual_name(question[:-4]) if location is not None else None
        if name is None:
            return found
        record_type, record_class = struct.unpack("!HH", question[-4:])
        plan = self._plan(question, name, record_type, record_class, location)
        if len(self._plans_there) >= _PLANS_MAX:
            self._plans_there.clear()
        self._plans_there[question, options] = plan
        return plan

    def _plan(
        self, question: bytes, name: str, record_type: int, record_class: int, location: Location | None = None
    ) -> Plan:
        if record_class != dns.rdataclass.IN or record_type in _TRANSFERS:
            return [1.0], [bare_reply(REFUSED)]
        if record_type == dns.rdatatype.ANY:
            status = self._resolver.outcomes(name, "A")[0].answer.status
            if status in (Status.ANSWERED, Status.NO_DATA):
                return [1.0], [any_reply(name, self._resolver.zones.ttl(_ANY_TTL_S))]
            record_type = dns.rdatatype.A
        kind = dns.rdatatype.to_text(dns.rdatatype.RdataType.make(record_type))
        possible = self._resolver.outcomes(name, kind, location)
        if possible[0].answer.status in (Status.NO_NAME, Status.REFUSED):
            return [1.0], [self._absent(possible[0].answer)]
        replies = [reply_of(self._resolver.zones, name, outcome.answer) for outcome in possible]
        bounds = list(accumulate(outcome.share for outcome in possible))
        bounds[-1] = 1.0
        plan = (bounds, replies)
        if location is not None:
            return plan
        if len(self._plans) >= _PLANS_MAX:
            self._plans.clear()
        self._plans[_folded(question)] = plan
        return plan

    def _absent(self, given: Answer) -> Reply:
        """The reply for a name that is not there: one for all the names of a zone, so that a flood costs little."""
        reply = self._absences.get(given)
        if reply is None:
            reply = self._absences[given] = reply_of(self._resolver.zones, "", given)
        return reply


def _udp_limit(size: int) -> int:
    """How much to send to a client that takes ``size`` bytes by its EDNS record."""
    return min(max(size, UDP_BYTES_PLAIN), UDP_BYTES_MAX)


def _folded(question: bytes) -> bytes:
    """A question with its name in lower case; the lengths of labels (at most 63) are no letters."""
    return question[:-4].lower() + question[-4:]


def _usual_name(wire: bytes) -> str | None:
    """A name on the wire as text, in lower case; None if it holds more than letters, digits, ``-``, ``_``, ``*``."""
    labels = []
    at = 0
    while wire[at]:
        end = at + 1 + wire[at]
        label = wire[at + 1 : end]
        if wire[at] > 63 or end >= len(wire) or not _USUAL_LABEL.fullmatch(label):
            return None
        labels.append(label.decode("ascii"))
        at = end
    return ".".join(labels).lower() if at == len(wire) - 1 <= 254 else None


def _options_of(query: bytes, question_bytes: int) -> bytes:
    """The options of the EDNS record, where it follows the question at once; records elsewhere have none echoed."""
    start = _HEADER_BYTES + question_bytes
    if query[start : start + 3] != b"\0\0\x29" or len(query) < start + 11:
        return b""
    length: int = struct.unpack_from("!H", query, start + 9)[0]
    return query[start + 11 : start + 11 + length]
