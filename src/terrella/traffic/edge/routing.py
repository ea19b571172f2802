"""Which regions a request may go to, best first. Pure but for the draw by weight."""

from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import unquote

from terrella.traffic.resolver import Resolver

API_PREFIX = "/_api/"


@dataclass(frozen=True, slots=True)
class Route:
    """The regions to try in order, and the Host header to send if the one that came is not to be kept."""

    regions: tuple[str, ...]
    host: str | None = None


@dataclass(frozen=True, slots=True)
class NoRoute:
    """Why a request can go nowhere, and the HTTP status that says so."""

    status: int
    message: str


def route(resolver: Resolver, host: str, path: str, region_of_api: Callable[[str], str | None]) -> Route | NoRoute:
    """Route by ``/_api/ID/STAGE/…``, else by the Host, else to the world's one application."""
    if path.startswith(API_PREFIX):
        api = unquote(path.removeprefix(API_PREFIX).partition("/")[0])
        region = region_of_api(api)
        known = region in resolver.zones.addresses
        return (
            Route((region,))
            if region is not None and known
            else NoRoute(404, f"no region of this world has an API {api!r}")
        )
    name = host_name(host)
    zones = resolver.zones
    region = zones.region_of_host(name)
    if region is not None:
        return Route((region,))
    if zones.regions_of(name):
        return _by_policy(resolver, name, None)
    names = zones.application_names()
    if len(names) == 1:
        return _by_policy(resolver, names[0], names[0])
    if not names and _is_bare(name):
        return _any_region(resolver)
    if not names:
        return NoRoute(404, f"{name!r} is no name of this world, and its stacks have no record that leads to a region")
    return NoRoute(404, f"{name!r} is no name of this world; send one of these as Host: {', '.join(names)}")


def host_name(host: str) -> str:
    """The name in a Host header: without port, in lower case."""
    name = host.partition("]")[0] + "]" if host.startswith("[") else host.partition(":")[0]
    return name.lower().removesuffix(".")


def _is_bare(name: str) -> bool:
    """Whether a host is an address or localhost: what a person types who has no name to ask for."""
    return name in ("", "localhost") or name.startswith("[") or name.replace(".", "").isdigit()


def _any_region(resolver: Resolver) -> Route:
    """Without records there is no policy: every region alike, whichever comes first."""
    regions = tuple(resolver.zones.addresses)
    first = int(resolver.fraction() * len(regions))
    return Route((*regions[first:], *regions[:first]))


def _by_policy(resolver: Resolver, name: str, host: str | None) -> Route | NoRoute:
    """What DNS would answer, drawn by the same shares; behind it, every other region that the name's records know."""
    shares = resolver.region_shares(name)
    if not shares:
        status = resolver.answer(name, "A").status
        return NoRoute(503, f"DNS leads {name} to no region at the moment ({status})")
    ordered: list[str] = []
    while shares:
        ordered.append(_draw(shares, resolver.fraction))
        del shares[ordered[-1]]
    others = (region for region in resolver.zones.regions_of(name) if region not in ordered)
    return Route((*ordered, *others), host)


def _draw(shares: dict[str, float], fraction: Callable[[], float]) -> str:
    left = fraction() * sum(shares.values())
    for region, share in shares.items():
        left -= share
        if left < 0:
            return region
    return next(reversed(shares))
