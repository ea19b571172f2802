"""A world: what ``world.yaml`` says, with every default filled in."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from terrella.kernel import CITIES, PROFILES, Profile, TerrellaError, VantagePoint
from terrella.region import FaultOrder, LaneSettings, Ports, RegionConfiguration, RegionSettings, Security
from terrella.wire.links import Link
from terrella.wire.tls import TlsFiles
from terrella.world.certificates import DevelopmentAuthority
from terrella.world.control_state import ControlState
from terrella.world.security import WorldSecurity


@dataclass(frozen=True, slots=True)
class World:
    """The regions that one application runs in. ``links`` holds each ordered pair of different regions.

    ``vantage_points`` are all places where clients may be, by name: the built-in cities and the world's own.
    """

    path: Path
    name: str
    template: Path
    regions: Mapping[str, RegionSettings]
    links: Mapping[tuple[str, str], Link]
    lanes: Mapping[str, LaneSettings] = field(default_factory=dict)
    profile: Profile = PROFILES["fast"]
    front_door: str = "127.0.0.1"
    ports: Ports = field(default_factory=Ports)
    security: WorldSecurity = field(default_factory=WorldSecurity)
    vantage_points: Mapping[str, VantagePoint] = field(default_factory=lambda: CITIES)

    @property
    def exposed(self) -> bool:
        """Whether any address is not loopback: then nobody is served without a signature."""
        return not all(map(is_loopback, (self.front_door, *(each.address for each in self.regions.values()))))

    @property
    def development_authority(self) -> DevelopmentAuthority:
        """What makes certificates where ``world.yaml`` names none."""
        return DevelopmentAuthority(self.state_directory / "certificates", self.name)

    def tls_files(self, name: str) -> TlsFiles:
        """The certificate of a region, or of the front door."""
        own = self.security.certificates.get(name)
        return own if own is not None else self.development_authority.files(name)

    @property
    def state_directory(self) -> Path:
        """Where all state is kept: ``.terrella`` beside ``world.yaml``."""
        return self.path.parent / ".terrella"

    def region_configuration(
        self, name: str, *, profile: Profile | None = None, skip_unsupported: bool = False
    ) -> RegionConfiguration:
        """What the process of one region needs. Links and faults are as they are now."""
        if name not in self.regions:
            raise TerrellaError(f"the world {self.name} has no region {name}; it has {', '.join(self.regions)}")
        control = ControlState.load(self.state_directory)
        links = {pair: control.link(pair, link) for pair, link in self.links.items()}
        faults = [
            FaultOrder(each.id, each.kind, each.parameters, each.since_ms)
            for each in control.faults
            if each.is_for(name)
        ]
        regions = {
            each: replace(settings, address=control.addresses.get(each, settings.address))
            for each, settings in self.regions.items()
        }
        return RegionConfiguration(
            world=self.name,
            region=name,
            stack_name=self.name,
            template=self.template,
            state_directory=self.state_directory,
            regions=regions,
            links=links,
            security=Security(self.tls_files(name), self.security.access_keys if self.exposed else ()),
            lanes=self.lanes,
            profile=profile or self.profile,
            ports=self.ports,
            skip_unsupported=skip_unsupported,
            faults=tuple(faults),
        )

    def address_of(self, number: int) -> str:
        """The loopback address of the region with a number."""
        return ".".join([*self.front_door.split(".")[:2], str(number), "1"])

    def region_of_az(self, az: str) -> str | None:
        """The region that an availability zone lies in; None if there is no such zone."""
        return next((name for name, settings in self.regions.items() if az in settings.azs), None)


def is_loopback(address: str) -> bool:
    """Whether only this machine can reach an IPv4 address."""
    return address.startswith("127.")
