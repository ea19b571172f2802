"""A region is killed: how long the front door's DNS hands it out, and what clients of the edge notice."""

import contextlib
import functools
import os
import select
import socket
import struct
import threading
import time
from dataclasses import dataclass, field

from benchmarks.context import Context
from benchmarks.figures import Figure
from benchmarks.wire import Wire, ask, encode
from benchmarks.worlds import APPLICATION_PORT, DNS_PORT, NAME, BenchWorld, wait_for

DNS_BUDGET_S = 0.5
VICTIM = "eu-west-1"
_KILLS_MIN = 3
_AFTER_S = 1.5
_QUERY_EVERY_S = 0.002
_CLIENTS = 3


@dataclass(slots=True)
class _Seen:
    """What the clients saw, on the clock of ``time.monotonic``."""

    handed_out: list[float] = field(default_factory=list)
    answered: list[float] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)


def run(context: Context) -> list[Figure]:
    """Several times; in between the region is restored and taken back into traffic."""
    world = context.world()
    seconds: list[float] = []
    failures: list[float] = []
    gets = 0
    for number in range(max(_KILLS_MIN, context.repeats)):
        context.say(f"a region is killed, {number + 1} of {max(_KILLS_MIN, context.repeats)}")
        wait_for("the region is handed out", lambda: _answers(world, world.address(VICTIM)), 30)
        died, seen = _kill(world)
        late = [at - died for at in seen.handed_out if at > died]
        seconds.append(max(late, default=0.0))
        failures.append(float(len(seen.failed)))
        gets += len(seen.answered)
        world.post("restore", {"region": VICTIM})
        wait_for("the region serves again", lambda: _state(world) == "serving", 60)
    return [
        Figure(
            "region killed until DNS no longer hands it out",
            "s",
            seconds,
            "`terrella kill` (SIGKILL), from its process's end to the last answer of the front door's DNS that names "
            "it; asked every 2 ms; profile fast",
            DNS_BUDGET_S,
        ),
        Figure(
            "  failed GETs at the edge meanwhile",
            "",
            failures,
            f"{_CLIENTS} clients GET an item in a closed loop through the edge, from before the kill until "
            f"{_AFTER_S:g} s after it; {gets:,} were answered over all kills",
            0.0,
        ),
    ]


def _state(world: BenchWorld) -> str:
    return next(str(one["state"]) for one in world.status()["regions"] if one["region"] == VICTIM)


def _kill(world: BenchWorld) -> tuple[float, _Seen]:
    """When the process ended, and what was seen."""
    item = encode("POST", NAME, "/items", {"Content-Type": "application/json"}, b'{"id":"failover","message":"x"}')
    status, answer = ask(world.front, APPLICATION_PORT, item)
    if status not in (200, 201):
        raise RuntimeError(f"the item could not be written: {status} {answer!r}")
    _visible(world)
    seen = _Seen()
    stop = threading.Event()
    threads = [threading.Thread(target=_get, args=(world, seen, stop)) for _ in range(_CLIENTS)]
    threads.append(threading.Thread(target=_resolve, args=(world, seen, stop)))
    for thread in threads:
        thread.start()
    time.sleep(0.3)
    process = os.pidfd_open(world.pid_of(VICTIM))
    try:
        command = world.command("kill", VICTIM)
        if not select.select([process], [], [], 20)[0]:
            raise RuntimeError("the region did not die")
        died = time.monotonic()
        command.wait(20)
        time.sleep(max(0.0, died + _AFTER_S - time.monotonic()))
    finally:
        os.close(process)
        stop.set()
        for thread in threads:
            thread.join()
    return died, seen


def _visible(world: BenchWorld) -> None:
    request = encode("GET", NAME, "/items/failover")
    for region in world.regions:
        wait_for(f"the item is in {region}", functools.partial(_found, world.address(region), request))


def _found(host: str, request: bytes) -> bool:
    return ask(host, APPLICATION_PORT, request)[0] == 200


def _get(world: BenchWorld, seen: _Seen, stop: threading.Event) -> None:
    request = encode("GET", NAME, "/items/failover")
    wire: Wire | None = None
    while not stop.is_set():
        try:
            wire = wire or Wire(world.front, APPLICATION_PORT)
            status, body = wire.exchange(request)
        except OSError as error:
            seen.failed.append(str(error))
            wire = None
            continue
        if status == 200:
            seen.answered.append(time.monotonic())
        else:
            seen.failed.append(f"{status} {body[:100]!r}")


def _resolve(world: BenchWorld, seen: _Seen, stop: threading.Event) -> None:
    address = world.address(VICTIM)
    while not stop.is_set():
        with contextlib.suppress(TimeoutError):
            if _answers(world, address):
                seen.handed_out.append(time.monotonic())
        time.sleep(_QUERY_EVERY_S)


def _answers(world: BenchWorld, address: str) -> bool:
    """One query to the front door's name server: is it this address that it answers?"""
    name = b"".join(bytes([len(label)]) + label.encode() for label in NAME.split(".")) + b"\0"
    query = struct.pack(">6H", int.from_bytes(os.urandom(2)), 0x0100, 1, 0, 0, 0) + name + struct.pack(">2H", 1, 1)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.settimeout(1.0)
        client.sendto(query, (world.front, DNS_PORT))
        return socket.inet_aton(address) in client.recv(4096)[len(query) :]
