"""Whether the world's ports are free, and if one is not, who has it."""

import errno
import socket
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from terrella.kernel import TerrellaError
from terrella.world.model import World

_PROC = Path("/proc")
_LISTENING = "0A"


@dataclass(frozen=True, slots=True)
class Use:
    """A port that the world will listen on."""

    address: str
    port: int
    purpose: str
    kind: socket.SocketKind = socket.SOCK_STREAM


def ports_of(world: World, *, front_door: bool = True) -> Iterator[Use]:
    """Every port of every region and of the front door."""
    ports = world.ports
    places = [(name, each.address) for name, each in world.regions.items()]
    if front_door:
        places.insert(0, ("the front door", world.front_door))
    for who, address in places:
        yield Use(address, ports.aws, f"the AWS endpoint of {who}")
        yield Use(address, ports.application, f"the application of {who}")
        yield Use(address, ports.dns, f"DNS of {who}")
        yield Use(address, ports.dns, f"DNS of {who}", socket.SOCK_DGRAM)
        if address != world.front_door:
            yield Use(address, ports.replication, f"replication of {who}")


def check_ports(world: World, *, front_door: bool = True) -> None:
    """Raises ``TerrellaError`` naming the first port that cannot be had, and the process that has it."""
    for use in ports_of(world, front_door=front_door):
        with socket.socket(socket.AF_INET, use.kind) as probe:
            if use.kind is socket.SOCK_STREAM:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((use.address, use.port))
                if use.kind is socket.SOCK_STREAM:
                    probe.listen(1)
            except OSError as error:
                raise TerrellaError(_sentence(use, error)) from error


def _sentence(use: Use, error: OSError) -> str:
    where = f"{use.address}:{use.port}"
    if error.errno == errno.EADDRINUSE:
        owner = port_owner(use.address, use.port, use.kind)
        by = f" by {owner}" if owner else ""
        return f"found {where} in use{by}, expected it free for {use.purpose}; world.yaml can change it (addresses)"
    if error.errno == errno.EADDRNOTAVAIL:
        return (
            f"found that {use.address} is no address of this machine, expected it to be for {use.purpose}"
            f" (on macOS: sudo ifconfig lo0 alias {use.address})"
        )
    return f"found {where} refused ({error.strerror}), expected it free for {use.purpose}"


def port_owner(address: str, port: int, kind: socket.SocketKind = socket.SOCK_STREAM) -> str | None:
    """The process that listens there, as ``process 1234 (name)``; None where that cannot be found out."""
    inodes = set(_listening_inodes(address, port, "tcp" if kind is socket.SOCK_STREAM else "udp"))
    if not inodes:
        return None
    wanted = {f"socket:[{inode}]" for inode in inodes}
    for process in _PROC.iterdir():
        if process.name.isdigit() and wanted & set(_descriptors(process)):
            return f"process {process.name} ({(process / 'comm').read_text().strip()})"
    return None


def _descriptors(process: Path) -> Iterator[str]:
    """What a process has open; nothing where that may not be known, or where it has closed meanwhile."""
    with suppress(OSError):
        for each in (process / "fd").iterdir():
            with suppress(OSError):
                yield str(each.readlink())


def _listening_inodes(address: str, port: int, protocol: str) -> Iterator[str]:
    own = socket.inet_aton(address)[::-1].hex().upper()
    for table, anywhere in ((protocol, "0" * 8), (protocol + "6", "0" * 32)):
        try:
            lines = _PROC.joinpath("net", table).read_text().splitlines()[1:]
        except OSError:
            continue
        for line in lines:
            fields = line.split()
            local, _, local_port = fields[1].rpartition(":")
            if int(local_port, 16) != port or (protocol == "tcp" and fields[3] != _LISTENING):
                continue
            if local in (own, anywhere) or local.endswith("FFFF0000" + own):
                yield fields[9]
