"""What one region needs to know to run, with no other region or supervisor to ask."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from terrella.kernel import PROFILES, Profile
from terrella.region.faults.model import FaultOrder
from terrella.wire.links import Link
from terrella.wire.sigv4 import AccessKey
from terrella.wire.tls import TlsFiles

ACCOUNT = "000000000000"
JOURNAL, HTTP = "terrella-journal", "http/1.1"  # what is spoken behind a region's door, as ALPN has it
FRONT_DOOR, MONITOR = "front-door", "monitor"  # they have certificates as well, and are no regions


@dataclass(frozen=True, slots=True)
class Ports:
    """The ports that every region listens on, each at its own address."""

    aws: int = 4566
    application: int = 8080
    dns: int = 10053
    replication: int = 4567


@dataclass(frozen=True, slots=True)
class RegionSettings:
    """One region of the world: its address, its availability zones' names, its parameters for the template."""

    address: str
    azs: tuple[str, ...]
    parameters: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class LaneSettings:
    """How a table is to be replicated: the lane, and for ``batch`` how often."""

    mode: str
    every_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Security:
    """How a region shows who it is, and whose requests it takes.

    ``access_keys`` are those whose signatures hold; with none, every request is taken, as it is on loopback.
    """

    tls: TlsFiles
    access_keys: tuple[AccessKey, ...] = ()


@dataclass(frozen=True, slots=True)
class RegionConfiguration:
    """The whole world as one region sees it. ``regions`` is in the order of ``world.yaml`` and includes this region.

    ``lanes`` has logical ids or names of tables that are to be replicated otherwise than the template says. ``faults``
    are active from the start.
    """

    world: str
    region: str
    stack_name: str
    template: Path
    state_directory: Path
    regions: Mapping[str, RegionSettings]
    links: Mapping[tuple[str, str], Link]
    security: Security
    profile: Profile = PROFILES["fast"]
    ports: Ports = field(default_factory=Ports)
    account: str = ACCOUNT
    skip_unsupported: bool = False
    lanes: Mapping[str, LaneSettings] = field(default_factory=dict)
    faults: tuple[FaultOrder, ...] = ()

    @property
    def own(self) -> RegionSettings:
        """This region's settings."""
        return self.regions[self.region]

    @property
    def peers(self) -> tuple[str, ...]:
        """The other regions."""
        return tuple(name for name in self.regions if name != self.region)
