"""The traffic desk: what every region's stack says of names and health, put together; held by each region alike.

Each region contributes its records and health checks. A region that starts derives all contributions from the template;
a region that changes tells the others in its bulletin. The last contribution heard stays in force.
"""

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from terrella.kernel import Clock, Ids, Profile, TerrellaError
from terrella.traffic import (
    HealthCheck,
    Location,
    Observation,
    RecordSet,
    Resolver,
    VerdictBoard,
    Zones,
    build_zones,
    index_checks,
    record_sets_of_group,
)

if TYPE_CHECKING:
    from terrella.stack import Resource, Stack

API_TYPES = ("AWS::ApiGateway::RestApi", "AWS::ApiGatewayV2::Api")

_log = logging.getLogger(__name__)


class TrafficDesk:
    """Zones, health checks and verdicts of the world, as seen from ``region`` (None at the front door)."""

    def __init__(
        self, addresses: Mapping[str, str], profile: Profile, clock: Clock, ids: Ids, region: str | None = None
    ) -> None:
        self._addresses = dict(addresses)
        self._profile = profile
        self._contributions: dict[str, Mapping[str, Any]] = {}
        self.heard: set[str] = set()
        self.checks: dict[str, HealthCheck] = {}
        self.problems: dict[str, str] = {}
        self.api_regions: dict[str, str] = {}
        self.board = VerdictBoard(clock, profile)
        location = Location.of_region(region) if region is not None else None
        self.resolver = Resolver(Zones(addresses=self._addresses), self.board.healthy, ids, location)
        self.board.on_change(self.resolver.invalidate)

    def set_regions(self, addresses: Mapping[str, str]) -> None:
        """The world has these regions now. Raises ``TerrellaError`` as ``contribute`` does."""
        self._addresses = dict(addresses)
        self.contribute({})

    def withdraw(self, region: str) -> bool:
        """A region takes its names and checks away, as deleting its stack would; True if it had any.

        Where another region's records cannot do without them they stay, and its health checks have to say the rest.
        """
        self.heard.discard(region)
        taken = self._contributions.pop(region, None)
        if taken is None:
            return False
        try:
            self.contribute({})
        except TerrellaError as error:
            _log.warning("the names and checks of %s stay, though it has left: %s", region, error)
            self._contributions[region] = taken
            return False
        return True

    def contribute(self, contributions: Mapping[str, Mapping[str, Any]]) -> None:
        """Take over what these regions' stacks say. Raises ``TerrellaError``, and then nothing has changed."""
        proposed = {**self._contributions, **contributions}
        by_id, zones = self._read(proposed)
        self._contributions = proposed
        self.checks = by_id
        self.api_regions = {api: region for region, one in proposed.items() for api in one.get("apis", ())}
        self.board.set_checks(by_id)
        self.resolver.replace(zones)

    def check(self, contributions: Mapping[str, Mapping[str, Any]]) -> None:
        """Raises ``TerrellaError`` if ``contribute`` would; changes nothing."""
        self._read({**self._contributions, **contributions})

    def _read(self, contributions: Mapping[str, Mapping[str, Any]]) -> tuple[dict[str, HealthCheck], Zones]:
        records, checks, hosted = _read(contributions)
        by_id = index_checks(checks)
        zones = build_zones(
            records,
            self._addresses,
            hosted_zones=hosted,
            health_checks=by_id.keys(),
            ttl_scale=self._profile.dns_ttl_scale,
        )
        return by_id, zones

    def hear(self, region: str, bulletin: Mapping[str, Any]) -> bool:
        """Take in another region's bulletin; True if its contribution changed the zones.

        Clients are not sent to a region that is joining the world, or leaving it.
        """
        if bulletin.get("standing", "active") != "active":
            return self.withdraw(region)
        observations = [Observation(*one) for one in bulletin.get("observations", ())]
        self.board.hear(region, observations)
        contribution = bulletin.get("contribution")
        known = self._contributions.get(region, {})
        if contribution:
            self.heard.add(region)
        if not contribution or contribution == known:
            return False
        try:
            self.contribute({region: contribution})
        except TerrellaError as error:
            if self.problems.get(region) != str(error):
                _log.error("what %s says of names and health cannot be taken over: %s", region, error)
            self.problems[region] = str(error)
            return False
        self.problems.pop(region, None)
        return True

    @property
    def contributors(self) -> frozenset[str]:
        """The regions whose names and checks count."""
        return frozenset(self._contributions)

    def longest_ttl_s(self) -> float:
        """For how long a resolver may go on answering what no record says any more."""
        zones = self.resolver.zones
        groups = (group for zone in zones.zones.values() for group in zone.groups.values())
        return float(max((zones.ttl(record.ttl_s) for group in groups for record in group), default=0))

    def ttls_s(self) -> dict[str, int]:
        """The TTL of each name's addresses as the template has it, whatever the profile makes of it."""
        zones = self.resolver.zones.zones.values()
        groups = (item for zone in zones for item in zone.groups.items())
        return {name: max(record.ttl_s for record in group) for (name, kind), group in groups if kind == "A" and group}

    def region_of_api(self, api_id: str) -> str | None:
        """The region whose stack has an API."""
        return self.api_regions.get(api_id)

    def health_report(self) -> dict[str, dict[str, object]]:
        """Every health check with its verdict, for status."""
        return {
            check_id: {
                "name": check.logical_id,
                "region": check.stack_region,
                "endpoint": check.endpoint,
                "interval_s": check.interval_s,
                "threshold": check.threshold,
                "healthy": verdict.healthy,
                "reason": verdict.reason,
                "stale": verdict.stale,
                "since_ms": verdict.since_ms,
                "checkers": {region: one.healthy for region, one in verdict.checkers.items()},
            }
            for check_id, verdict in self.board.verdicts().items()
            if (check := self.checks.get(check_id)) is not None
        }


def contribution_of(stack: "Stack") -> dict[str, Any]:
    """A stack's records, health checks and APIs as plain JSON values."""
    return {
        "version": stack.version,
        "resources": [_told(one) for one in stack.resources.values() if one.type.startswith("AWS::Route53::")],
        "apis": [one.physical_id for one in stack.resources.values() if one.type in API_TYPES],
    }


def check_traffic_resources(stack: "Stack", template: Path) -> None:
    """Raises ``TerrellaError``, with the template's line, for a record or health check that cannot be."""
    for one in stack.resources.values():
        if one.type.startswith("AWS::Route53::"):
            try:
                _read_resource(stack.region, _told(one))
            except TerrellaError as error:
                raise TerrellaError(f"{template}:{one.line}: {error}") from error


def _told(resource: "Resource") -> dict[str, Any]:
    return {
        "logical_id": resource.logical_id,
        "type": resource.type,
        "physical_id": resource.physical_id,
        "properties": resource.properties,
    }


def _read(
    contributions: Mapping[str, Mapping[str, Any]],
) -> tuple[list[RecordSet], list[HealthCheck], dict[str, str]]:
    records: list[RecordSet] = []
    checks: list[HealthCheck] = []
    hosted: dict[str, str] = {}
    for region, contribution in contributions.items():
        resources: Sequence[Mapping[str, Any]] = contribution.get("resources", ())
        for resource in resources:
            match _read_resource(region, resource):
                case HealthCheck() as check:
                    checks.append(check)
                case [*found]:
                    records += found
            if resource["type"] == "AWS::Route53::HostedZone":
                hosted[resource["physical_id"]] = str(resource["properties"].get("Name", ""))
    return records, checks, hosted


def _read_resource(region: str, resource: Mapping[str, Any]) -> HealthCheck | list[RecordSet]:
    named = {
        "logical_id": resource["logical_id"],
        "physical_id": resource["physical_id"],
        "region": region,
        "properties": resource["properties"],
    }
    match resource["type"]:
        case "AWS::Route53::RecordSet":
            return [RecordSet.from_cloudformation(**named)]
        case "AWS::Route53::RecordSetGroup":
            return record_sets_of_group(**named)
        case "AWS::Route53::HealthCheck":
            return HealthCheck.from_cloudformation(**named)
    return []
