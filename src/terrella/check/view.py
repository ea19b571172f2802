"""What rules look at: the template as every region of the world evaluates it, and where names lead."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from terrella.check.source import Declared, declared
from terrella.stack import Resource, Stack, Template
from terrella.wire.hostnames import region_of_hostname

_API_NAMES = ("AWS::ApiGateway::DomainName", "AWS::ApiGatewayV2::DomainName")
_ADDRESS_TYPES = frozenset({"A", "AAAA", "CNAME"})


@dataclass(frozen=True, slots=True)
class Record:
    """A Route 53 record set of one region's stack, with the path of its properties in the template."""

    region: str
    resource: Resource
    path: tuple[str | int, ...]
    properties: Mapping[str, Any]

    @property
    def name(self) -> str:
        """As DNS compares it."""
        return canonical(str(self.properties.get("Name", "")))

    @property
    def key(self) -> tuple[str, str]:
        """What siblings share: name and type."""
        return self.name, str(self.properties.get("Type", ""))

    @property
    def label(self) -> str:
        """What a person calls it: its logical id, and its identifier among its siblings."""
        identifier = self.properties.get("SetIdentifier")
        return f"{self.resource.logical_id} ({identifier})" if identifier else self.resource.logical_id


def canonical(name: str) -> str:
    """A DNS name in small letters, without its closing dot."""
    return name.lower().removesuffix(".")


@dataclass(frozen=True, slots=True)
class WorldView:
    """The template, what it comes to in each region (in the world's order), and what is known of the world.

    ``regions`` are all regions, ``stacks`` those whose stack could be evaluated. ``lanes`` are the modes of tables, by
    logical id or name, as ``world.yaml`` gives them. Without a world (``is_assumed``) the regions are assumed;
    ``is_multi_region`` then tells whether the template itself shows that it is made for several. ``objective_s`` is
    the recovery time that is asked for, ``objective_source`` by whom. ``memo`` keeps what is costly to
    find.
    """

    template: Template
    stacks: Mapping[str, Stack]
    addresses: Mapping[str, str] = field(default_factory=dict)
    regions: tuple[str, ...] = ()
    lanes: Mapping[str, str] = field(default_factory=dict)
    is_assumed: bool = False
    is_multi_region: bool = True
    objective_s: float | None = None
    objective_source: str = ""
    memo: dict[str, Any] = field(default_factory=dict, compare=False)

    def declared(self, *types: str) -> Iterator[Declared]:
        """The resources of these types (of all types, if none is given) as the template's author wrote them."""
        for one in declared(self.template.source):
            if not types or one.type in types:
                yield one

    def regions_making(self, one: Declared) -> list[str]:
        """The regions whose stacks make a resource; where that is not known, none if a condition may hold it back."""
        known = [region for region in self.regions if region in self.stacks]
        if known:
            return [region for region in known if one.logical_id in self.stacks[region].resources]
        return [] if one.condition else list(self.regions)

    def is_made_in_several(self, one: Declared) -> bool:
        """Whether more than one region's stack makes a resource."""
        return len(self.regions_making(one)) > 1

    def resources(self, *types: str) -> Iterator[tuple[str, Resource]]:
        """Region and resource, for each resource of these types in any region's stack."""
        for region, stack in self.stacks.items():
            for resource in stack.of_type(*types):
                yield region, resource

    def records(self) -> Iterator[Record]:
        """Every record set, members of groups too."""
        for region, resource in self.resources("AWS::Route53::RecordSet"):
            yield Record(region, resource, ("Resources", resource.logical_id, "Properties"), resource.properties)
        for region, group in self.resources("AWS::Route53::RecordSetGroup"):
            for index, member in enumerate(group.properties.get("RecordSets", [])):
                path = ("Resources", group.logical_id, "Properties", "RecordSets", index)
                yield Record(region, group, path, member)

    def health_check(self, identifier: str) -> tuple[str, Resource] | None:
        """The region and resource of a health check, by its id."""
        for region, resource in self.resources("AWS::Route53::HealthCheck"):
            if resource.physical_id == identifier:
                return region, resource
        return None

    def written(self, *path: str | int) -> Any:
        """What stands at a path of the template as it was written; None if nothing does."""
        node: Any = self.template.source
        for step in path:
            if isinstance(node, Mapping):
                node = node.get(step)
            else:
                node = node[step] if isinstance(node, list) and isinstance(step, int) and step < len(node) else None
        return node

    def line(self, *path: str | int) -> int:
        """The source line of a node."""
        return self.template.line_of(path)

    def regions_of_record(self, record: Record) -> frozenset[str]:
        """The regions that a record's answer leads to, as far as its names and addresses tell."""
        return self._regions_of_properties(record.properties, frozenset({record.name}))

    def regions_of_host(self, name: str) -> frozenset[str]:
        """The regions that a name or address leads to, through records and custom domain names of the template."""
        return self._regions_of_host(name, frozenset())

    def regions_watched(self, check: Resource) -> frozenset[str]:
        """The regions that a health check's verdict speaks of; those of its children, if it is calculated."""
        return self._regions_watched(check, frozenset())

    def _regions_watched(self, check: Resource, seen: frozenset[str]) -> frozenset[str]:
        settings = check.properties.get("HealthCheckConfig", {})
        found: set[str] = set()
        for identifier in settings.get("ChildHealthChecks", []):
            child = self.health_check(identifier)
            if child is not None and identifier not in seen:
                found |= self._regions_watched(child[1], seen | {identifier})
        for name in (settings.get("IPAddress"), settings.get("FullyQualifiedDomainName")):
            if name:
                return frozenset(found | self.regions_of_host(name))
        return frozenset(found)

    def _regions_of_properties(self, properties: Mapping[str, Any], seen: frozenset[str]) -> frozenset[str]:
        targets = [properties.get("AliasTarget", {}).get("DNSName")]
        if properties.get("Type") in _ADDRESS_TYPES:
            targets += properties.get("ResourceRecords", [])
        return _union(self._regions_of_host(target, seen) for target in targets if target)

    def _regions_of_host(self, name: str, seen: frozenset[str]) -> frozenset[str]:
        name = canonical(name)
        if name in seen:
            return frozenset()
        region = region_of_hostname(name)
        if region is not None:
            return frozenset({region})
        by_address = [region for region, address in self.addresses.items() if address == name]
        if by_address:
            return frozenset(by_address)
        records = [record for record in self.records() if record.name == name]
        if records:
            return _union(self._regions_of_properties(record.properties, seen | {name}) for record in records)
        named = self.resources(*_API_NAMES)
        return frozenset(region for region, resource in named if canonical(resource.physical_id) == name)


def _union(sets: Iterable[frozenset[str]]) -> frozenset[str]:
    return frozenset().union(*sets)


def listed(names: Iterable[str]) -> str:
    """Names for a sentence: ``a``, ``a and b``, ``a, b and c``; sorted."""
    *others, last = sorted(names)
    return f"{', '.join(others)} and {last}" if others else last
