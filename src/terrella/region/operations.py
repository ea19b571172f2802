"""What the control API answers and does, on one running region."""

import os
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

from terrella.journal import JournalStatus, Version
from terrella.kernel import TerrellaError, hlc_milliseconds
from terrella.region.control import Action, Call, Stream
from terrella.region.faults import FaultOrder
from terrella.region.membership_operations import MembershipOperations
from terrella.region.metrics import CONTENT_TYPE, region_samples, render_metrics
from terrella.region.replication import ReplicationDesk
from terrella.region.troubles import troubles
from terrella.region.verification import VerificationDesk
from terrella.wire.http import Handler, Request, Response, json_response
from terrella.wire.links import Link

if TYPE_CHECKING:
    from terrella.region.process import Region

T = TypeVar("T")
_REPLAYED_MAX = 100_000


class RegionOperations:
    """The control API's actions. ``tables`` lists them all, by the first word of their path."""

    def __init__(self, region: "Region") -> None:
        self._region = region
        self._configuration = region.configuration
        self._membership = MembershipOperations(region)
        self._replication_desk = ReplicationDesk(
            region.configuration.region, region.journal, region.replicator, region.clock
        )
        self._verification_desk = VerificationDesk(
            region.configuration.region, region.journal, region.clock, self._data_set
        )

    def tables(self) -> tuple[dict[str, Action], dict[str, Stream], dict[str, Action]]:
        """Reads, streams and changes."""
        reads: dict[str, Action] = {
            "status": self._status,
            "conflicts": self._conflicts,
            "digest": self._digest,
            "records": self._records,
            "membership": self._membership.read,
            "table": self._membership.table,
            "replication": self._replication,
            "verify": self._verification_desk.answer,
            "parked": self._parked,
            "faults": self._faults,
        }
        streams: dict[str, Stream] = {
            "bulletin": self._bulletin,
            "logs": self._logs,
            "replication": self._replication_lines,
        }
        changes: dict[str, Action] = {
            "links": self._links,
            "apply": self._apply,
            "azs": self._azs,
            "membership": self._membership.change,
            "parked": self._replay,
            "faults": self._change_faults,
        }
        return reads, streams, changes

    def pages(self) -> dict[str, Handler]:
        """What is answered in a form of its own."""
        return {"metrics": self._metrics}

    async def replication(self) -> dict[str, Any]:
        """How far this region is behind each peer, and each behind it."""
        return await self._replication_desk.told()

    async def _metrics(self, request: Request) -> Response:
        """In Prometheus' text format; ``format=json`` as samples, for the front door to put together."""
        samples = await region_samples(self._region)
        if request.query == "format=json":
            return json_response(samples)
        return Response(200, [("content-type", CONTENT_TYPE)], render_metrics(samples))

    def status(self) -> dict[str, Any]:
        """Everything that there is to know of this region, as plain JSON values."""
        region, configuration = self._region, self._configuration
        journal = region.journal.status()
        peers = region.replicator.status()
        return {
            "region": configuration.region,
            "pid": os.getpid(),
            "address": configuration.own.address,
            "azs": list(configuration.own.azs),
            "profile": configuration.profile.name,
            "state": region.admission.current.state,
            "reason": region.admission.current.reason,
            "code_version": region.deployment.version,
            **region.participation.status(),
            "health": region.desk.health_report(),
            "ttls_s": region.desk.ttls_s(),
            "replication": {name: msgspec.to_builtins(peer) for name, peer in peers.items()},
            "refusals": list(region.replicator.refusals),
            "journal": _journal(journal),
            "at_risk": journal.at_risk,
            "tables": [msgspec.to_builtins(one) for one in region.tables.status()],
            "functions": [msgspec.to_builtins(one) for one in region.functions.status()],
            "gateway": msgspec.to_builtins(region.gateway.status()),
            "cross_region_calls": region.calls.report(),
            "faults": region.faults.report(),
            "warnings": [*self._warnings(), *troubles(journal, peers, region.replicator.snapshot_needed)],
            "links": {f"{a} -> {b}": msgspec.to_builtins(link) for (a, b), link in region.links.all().items()},
        }

    def _warnings(self) -> list[str]:
        of_names = [f"{region}: {problem}" for region, problem in self._region.desk.problems.items()]
        split = self._region.membership.problem
        return [*of_names, split] if split else of_names

    async def _status(self, _call: Call) -> Any:
        return self.status()

    def _bulletin(self, call: Call) -> AsyncIterator[bytes]:
        return self._region.bulletins.lines(full=bool(call.query.get("full")))

    async def _records(self, call: Call) -> Any:
        """Where a name leads now, by region."""
        return self._region.desk.resolver.region_shares(_required(call, "name"))

    async def _replication(self, call: Call) -> Any:
        """How far this region is behind each peer, and each behind it; ``table=NAME`` of one table only."""
        table = call.query.get("table")
        self._replication_desk.check(table)
        return await self._replication_desk.told(table)

    def _replication_lines(self, call: Call) -> AsyncIterator[bytes]:
        table = call.query.get("table")
        self._replication_desk.check(table)
        return self._replication_desk.lines(table)

    async def _parked(self, call: Call) -> Any:
        """The records that cannot be applied here, each with the reason; ``table=NAME`` of one table only."""
        names = {one.data_set_id: one.name for one in self._region.tables.status()}
        wanted = call.query.get("table")
        found = self._region.journal.parked(self._data_set(wanted) if wanted else None)
        return [
            {
                "table": names.get(one.data_set_id, one.data_set_id),
                "region": one.dot.region,
                "incarnation": one.dot.incarnation,
                "sequence": one.dot.sequence,
                "key": None if one.key is None else one.key.hex(),
                "bytes": one.record_bytes,
                "reason": one.reason,
            }
            for one in found
        ]

    async def _replay(self, call: Call) -> Any:
        """``parked/replay``: try to apply them again; ``{"table": NAME}`` those of one table only."""
        if call.words[1:] != ("replay",):
            raise TerrellaError("expected parked/replay")
        table, dots = call.body.get("table"), None
        if table is not None:
            dots = [one.dot for one in self._region.journal.parked(self._data_set(str(table)), _REPLAYED_MAX)]
        done = await self._region.journal.replay_parked(dots)
        return {"replayed": len(done)}

    async def _conflicts(self, call: Call) -> Any:
        """Each version that lost to one that it had not seen, beside that one, newest last."""
        names = {one.data_set_id: one.name for one in self._region.tables.status()}
        wanted = call.query.get("table")
        data_set = self._data_set(wanted) if wanted else None
        return [
            {
                "table": names.get(one.data_set_id, one.data_set_id),
                "winner": _version(one.winner),
                "loser": _version(one.loser),
            }
            for one in self._region.journal.conflicts(data_set)
        ]

    async def _digest(self, call: Call) -> Any:
        """A hash of a replica: equal where items, times and conflict logs are; and how many items there are."""
        data_set = self._data_set(_required(call, "table"))
        digest = await self._verification_desk.digest(data_set)
        return {"digest": digest, "items": self._region.journal.count(data_set)[0]}

    def _data_set(self, table: str) -> str:
        tables = {one.name: one.data_set_id for one in self._region.tables.status()}
        if table not in tables:
            there_are = ", ".join(tables) or "none"
            raise TerrellaError(f"there is no table {table!r} in {self._configuration.region}; there are {there_are}")
        return tables[table]

    def _logs(self, call: Call) -> AsyncIterator[bytes]:
        """``function=NAME``, by name or logical id; ``lines=N``; ``follow=1`` goes on with what comes."""
        function = _required(call, "function")
        lines = _number(call.query.get("lines", "100"), "lines")
        functions = self._region.functions.status()
        known = {name: one.name for one in functions for name in (one.logical_id, one.name)}
        if function not in known:
            there_are = ", ".join(sorted({one.logical_id or one.name for one in functions})) or "none"
            raise TerrellaError(f"there is no function {function!r}; there are {there_are}")
        return self._log_lines(known[function], lines, follow=bool(call.query.get("follow")))

    async def _log_lines(self, function: str, lines: int, *, follow: bool) -> AsyncIterator[bytes]:
        async for line in self._region.functions.logs(function, lines, follow=follow):
            yield msgspec.json.encode(line) + b"\n"

    async def _apply(self, _call: Call) -> Any:
        deployed = await self._region.apply()
        names = {one.data_set_id: one.name for one in self._region.tables.replicated()}
        return {
            "code_version": deployed.version,
            "took_ms": round(deployed.took_ms, 1),
            "changes": [
                {"action": one.action, "logical_id": one.logical_id, "type": one.type} for one in deployed.changes
            ],
            "replicas": [
                {
                    "region": one.region,
                    "action": "leaves" if one.remove else "joins",
                    "table": names.get(one.id, one.id),
                }
                for one in deployed.replicas
            ],
        }

    async def _links(self, call: Call) -> Any:
        """Replace one direction of a link: ``{"from", "to", "delay_ms", …}``; what is not given is left as it is."""
        body = dict(call.body)
        pair = (str(body.pop("from", "")), str(body.pop("to", "")))
        # Also links to regions that have left: they may come back, and are then as they were set.
        known = {**self._configuration.regions, **self._region.regions, **self._region.membership.current.former}
        unknown = [name for name in pair if name not in known]
        if unknown:
            there_are = ", ".join(self._region.regions)
            raise TerrellaError(f"{unknown[0]!r} is no region of this world; there are {there_are}")
        current = msgspec.to_builtins(self._region.links.get(*pair))
        try:
            link = msgspec.convert({**current, **body}, Link)
        except msgspec.ValidationError as error:
            raise TerrellaError(f"the link {pair[0]} -> {pair[1]}: {error}") from error
        self._region.links.set(*pair, link)
        self._region.poke_peers()
        return msgspec.to_builtins(link)

    async def _faults(self, _call: Call) -> Any:
        return {"faults": self._region.faults.report()}

    async def _change_faults(self, call: Call) -> Any:
        """``POST faults`` begins one, ``POST faults/all`` says which there are, ``DELETE faults/ID`` ends one."""
        faults = self._region.faults
        match call.method, call.words[1:]:
            case "POST", ():
                return faults.begin(_fault(call.body, FaultOrder))
            case "POST", ("all",):
                return faults.set_all(_fault(call.body.get("faults"), list[FaultOrder]))
            case "DELETE", (fault_id,):
                return faults.end(fault_id)
        raise TerrellaError("expected POST faults, POST faults/all or DELETE faults/ID")

    async def _azs(self, call: Call) -> Any:
        """``azs/NAME/kill``, ``azs/NAME/hold``, ``azs/NAME/restore``."""
        if len(call.words) != 3 or call.words[1] not in self._configuration.own.azs:
            raise TerrellaError(f"expected azs/NAME/kill with NAME one of {', '.join(self._configuration.own.azs)}")
        name, action = call.words[1:]
        match action:
            case "kill":
                return {"killed": self._region.functions.kill_workers(name)}
            case "hold":
                return {"killed": self._region.functions.hold_az_down(name)}
            case "restore":
                self._region.functions.restore_az(name)
                return {}
        raise TerrellaError(f"an AZ can be killed, held or restored; found {action!r}")


def _version(version: Version) -> dict[str, Any]:
    """A version for people: who wrote what, when; ``value`` is None for a deletion."""
    return {
        "region": version.dot.region,
        "incarnation": version.dot.incarnation,
        "sequence": version.dot.sequence,
        "time_ms": hlc_milliseconds(version.hlc),
        "value": msgspec.json.decode(version.value) if version.value is not None else None,
    }


def _journal(status: JournalStatus) -> dict[str, Any]:
    """The journal's status as JSON: vectors have pairs as keys, which JSON has not."""
    return {
        "incarnation": status.incarnation,
        "at_risk": status.at_risk,
        "unacknowledged": status.unacknowledged,
        "unavailable": status.unavailable,
        "skewed_records": status.skewed_records,
        "data_sets": [
            {
                "name": one.name,
                "lane": one.lane,
                "items": one.items,
                "conflicts": one.conflicts,
                "parked": one.parked,
                "vector": {f"{region}/{incarnation}": seq for (region, incarnation), seq in one.vector.items()},
            }
            for one in status.data_sets
        ],
    }


def _fault(body: object, shape: type[T]) -> T:
    try:
        return msgspec.convert(body, shape)
    except msgspec.ValidationError as error:
        raise TerrellaError(f"found a fault that does not fit ({error}), expected id, kind and parameters") from error


def _required(call: Call, name: str) -> str:
    value = call.query.get(name)
    if not value:
        raise TerrellaError(f"the query needs {name}=…")
    return value


def _number(text: str, name: str) -> int:
    if not text.isdecimal():
        raise TerrellaError(f"{name} is {text!r}; expected a whole number")
    return int(text)
