"""The regions of the world as this region knows them: by control state, and by the world's file where it is newer."""

from collections.abc import Mapping

from terrella.region.configuration import RegionConfiguration, RegionSettings
from terrella.region.membership import LinkSettings, MembershipState, RegionStatus, WorldRegion, first_state
from terrella.wire.links import Link


def first_membership(configuration: RegionConfiguration) -> MembershipState:
    """Version 0 of control state: the regions of the world's file."""
    return first_state(
        configuration.world,
        [
            WorldRegion(name, number, settings.address, settings.azs, dict(settings.parameters))
            for number, (name, settings) in enumerate(configuration.regions.items(), start=1)
        ],
    )


def roster(configuration: RegionConfiguration, state: MembershipState) -> dict[str, RegionSettings]:
    """The regions to speak with, this one included, in the world's order.

    A region that was started with a file that names another goes by the file, for it is newer than what was decided
    when that one was added; what only control state names goes by control state.
    """
    found = {name: _settings(configuration, one) for name, one in state.regions.items()}
    found.setdefault(configuration.region, configuration.own)
    return dict(sorted(found.items(), key=lambda item: _place(configuration, state, item[0])))


def whole(state: MembershipState) -> frozenset[str]:
    """The regions that clients may be sent to: neither joining nor leaving."""
    return frozenset(name for name, one in state.regions.items() if one.status is RegionStatus.ACTIVE)


def links_of(region: WorldRegion) -> dict[tuple[str, str], Link]:
    """The links that a region was added with."""
    found: dict[tuple[str, str], Link] = {}
    for pair, link in region.links.items():
        from_region, _, to_region = pair.partition(" -> ")
        found[from_region, to_region] = Link(
            link.delay_ms, link.jitter_ms, link.loss, link.bandwidth_bytes_per_s, link.cut
        )
    return found


def told_links(links: Mapping[tuple[str, str], Link]) -> dict[str, LinkSettings]:
    """Links as control state has them."""
    return {
        f"{a} -> {b}": LinkSettings(link.delay_ms, link.jitter_ms, link.loss, link.bandwidth_bytes_per_s, link.cut)
        for (a, b), link in links.items()
    }


def _settings(configuration: RegionConfiguration, one: WorldRegion) -> RegionSettings:
    given = configuration.regions.get(one.name)
    return given if given is not None else RegionSettings(one.address, one.azs, one.parameters)


def _place(configuration: RegionConfiguration, state: MembershipState, name: str) -> tuple[int, str]:
    one = state.regions.get(name)
    return (one.ordinal if one is not None else list(configuration.regions).index(name) + 1, name)
