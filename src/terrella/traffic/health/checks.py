"""Health checks, as CloudFormation states them."""

import ipaddress
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Self

from terrella.traffic.errors import Properties, TrafficError
from terrella.traffic.names import normal_name

CHILDREN_MAX = 255
SEARCH_STRING_MAX = 255


class CheckKind(StrEnum):
    """The kinds of health checks that are probed or calculated here."""

    HTTP = "HTTP"
    HTTPS = "HTTPS"
    HTTP_STR_MATCH = "HTTP_STR_MATCH"
    HTTPS_STR_MATCH = "HTTPS_STR_MATCH"
    TCP = "TCP"
    CALCULATED = "CALCULATED"


REFUSED_KINDS = {
    "CLOUDWATCH_METRIC": "there are no CloudWatch alarms here",
    "RECOVERY_CONTROL": "routing controls are not built yet",
}
INERT_PROPERTIES = {
    "EnableSNI": "endpoints in the world are spoken to without TLS",
    "MeasureLatency": "latency is always measured",
    "Regions": "every region of the world checks",
}
HONOURED_PROPERTIES = {
    "Type": "",
    "FullyQualifiedDomainName": "resolved for each probe by the region's own zones",
    "IPAddress": "an address of a region; the name is then only the Host header",
    "Port": "80 and 443 are the application port, others are as they stand",
    "ResourcePath": "",
    "SearchString": "at most 255 characters",
    "RequestInterval": "10 or 30 s, times the profile's scale; 30 s if it is not given",
    "FailureThreshold": "1 to 10 results in a row, in both directions; 3 if it is not given",
    "Inverted": "",
    "Disabled": "taken as healthy; with Inverted, as unhealthy",
    "ChildHealthChecks": "1 to 255",
    "HealthThreshold": "0 is always healthy, more than there are children never",
}
_OF_REFUSED_KINDS = {"AlarmIdentifier", "InsufficientDataHealthStatus", "RoutingControlArn"}
_KNOWN = {*HONOURED_PROPERTIES, *INERT_PROPERTIES, *_OF_REFUSED_KINDS}


@dataclass(frozen=True, slots=True, kw_only=True)
class HealthCheck:
    """One health check. ``id`` is what records name it by, ``stack_region`` the region whose stack holds it."""

    id: str
    logical_id: str
    stack_region: str
    kind: CheckKind
    name: str | None = None
    address: str | None = None
    port: int | None = None
    path: str = "/"
    search: str = ""
    interval_s: int = 30
    threshold: int = 3
    inverted: bool = False
    disabled: bool = False
    children: tuple[str, ...] = ()
    health_threshold: int = 0

    @property
    def owner(self) -> str:
        """How complaints name it."""
        return f"{self.logical_id} in {self.stack_region}"

    @property
    def is_probed(self) -> bool:
        """Whether checkers send it anything."""
        return self.kind is not CheckKind.CALCULATED and not self.disabled

    @property
    def endpoint(self) -> str:
        """What is probed, for people."""
        if self.kind is CheckKind.CALCULATED:
            return f"at least {self.health_threshold} of {len(self.children)} checks"
        scheme = self.kind.value.partition("_")[0].lower()
        port = f":{self.port}" if self.port else ""
        return f"{scheme}://{self.name or self.address}{port}{'' if self.kind is CheckKind.TCP else self.path}"

    @classmethod
    def from_cloudformation(
        cls, *, logical_id: str, physical_id: str, region: str, properties: Mapping[str, object]
    ) -> Self:
        """From the resolved properties of an ``AWS::Route53::HealthCheck``; raises ``TrafficError``."""
        outer = Properties(f"{logical_id} in {region}", properties)
        outer.only({"HealthCheckConfig", "HealthCheckTags"})
        read = outer.below("HealthCheckConfig")
        read.only(_KNOWN)
        kind = _kind(read)
        common = {
            "id": physical_id,
            "logical_id": logical_id,
            "stack_region": region,
            "kind": kind,
            "inverted": read.flag("Inverted"),
            "disabled": read.flag("Disabled"),
        }
        specific = _calculated(read) if kind is CheckKind.CALCULATED else _endpoint(read, kind)
        return cls(**{**common, **specific})  # type: ignore[arg-type]  # the members of one mapping have many types


def index_checks(checks: Iterable[HealthCheck]) -> dict[str, HealthCheck]:
    """All checks of the world by id; raises ``TrafficError`` for children that are missing or calculated themselves."""
    by_id: dict[str, HealthCheck] = {}
    for check in checks:
        other = by_id.setdefault(check.id, check)
        if other is not check:
            raise TrafficError(f"{check.owner} has the same id as {other.owner}: {check.id}")
    for check in by_id.values():
        for child in check.children:
            if child not in by_id:
                raise TrafficError(f"{check.owner}: there is no health check {child} to calculate with")
            if by_id[child].kind is CheckKind.CALCULATED:
                raise TrafficError(f"{check.owner}: its child {by_id[child].owner} is calculated itself")
    return by_id


def _kind(read: Properties) -> CheckKind:
    text = read.text("Type")
    if text in REFUSED_KINDS:
        raise read.error(f"health checks of type {text} are not built: {REFUSED_KINDS[text]}")
    if text not in CheckKind.__members__:
        raise read.error(f"Type is {text!r}; expected one of {', '.join(CheckKind)}")
    return CheckKind(text)


def _calculated(read: Properties) -> dict[str, object]:
    children = read.texts("ChildHealthChecks")
    if not 1 <= len(children) <= CHILDREN_MAX:
        raise read.error(f"ChildHealthChecks names {len(children)} health checks; expected 1 to {CHILDREN_MAX}")
    return {"children": children, "health_threshold": read.number("HealthThreshold", 0, 256, default=0)}


def _endpoint(read: Properties, kind: CheckKind) -> dict[str, object]:
    name, address = read.optional_text("FullyQualifiedDomainName"), read.optional_text("IPAddress")
    if not name and not address:
        raise read.error("an endpoint needs a FullyQualifiedDomainName or an IPAddress")
    if read.has("ChildHealthChecks") or read.has("HealthThreshold"):
        raise read.error("ChildHealthChecks and HealthThreshold are for CALCULATED health checks")
    if address:
        try:
            ipaddress.ip_address(address)
        except ValueError as error:
            raise read.error(f"IPAddress is {address!r}, which is no IP address") from error
    if kind is CheckKind.TCP and not read.has("Port"):
        raise read.error("a TCP health check needs a Port")
    interval_s = read.number("RequestInterval", 10, 30, default=30)
    if interval_s not in (10, 30):
        raise read.error(f"RequestInterval is {interval_s}; expected 10 or 30")
    path = read.text("ResourcePath", "/")
    return {
        "name": normal_name(name) if name else None,
        "address": address,
        "port": read.number("Port", 1, 65535) if read.has("Port") else None,
        "path": path if path.startswith("/") else f"/{path}",
        "search": _search(read, kind),
        "interval_s": interval_s,
        "threshold": read.number("FailureThreshold", 1, 10, default=3),
    }


def _search(read: Properties, kind: CheckKind) -> str:
    matching = kind in (CheckKind.HTTP_STR_MATCH, CheckKind.HTTPS_STR_MATCH)
    search = read.text("SearchString", "")
    if matching != bool(search):
        raise read.error("SearchString and the …_STR_MATCH types go together")
    if len(search) > SEARCH_STRING_MAX:
        raise read.error(f"SearchString has {len(search)} characters; at most {SEARCH_STRING_MAX} are allowed")
    return search
