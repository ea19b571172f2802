"""Waiting for a running world: until it has come to rest, until its replicas are equal, until a region serves again."""

import time
from typing import Any

from terrella.testing.plugin.control import Unanswered
from terrella.testing.plugin.convergence import Convergence
from terrella.testing.plugin.errors import WorldError
from terrella.testing.plugin.probing import expectations
from terrella.testing.plugin.running import Running
from terrella.testing.plugin.settling import Standing, calm_s, down_regions, standing_of

_POLL_S = 0.03
_CONFIRMED_S = 3.0
"""What is equal everywhere is confirmed soon, where anybody can confirm it."""


def settle(running: Running, within_s: float) -> dict[str, Any]:
    """Wait until nothing is to be expected any more; answers the world's status then.

    That is: every region that is not down or paused serves, every health check has found what there is to find, and
    all replicas that can reach each other are equal; and, where nobody is away, it is confirmed that no region holds
    anything alone. Raises ``WorldError`` saying what was still to come.
    """
    __tracebackhide__ = True
    deadline_s = running.clock.monotonic() + within_s
    equal_since_s = None
    seen, since_s = None, running.clock.monotonic()
    while True:
        status = running.status()
        standing = _standing(running, status)
        now_s = running.clock.monotonic()
        if standing.seen != seen:
            seen, since_s = standing.seen, now_s
        waiting = list(standing.waiting)
        if not waiting and standing.unsure and now_s - since_s < calm_s(running.world.profile.name):
            waiting = list(standing.unsure)
        if not waiting:
            waiting = _unequal(running, status)
        if not waiting:
            equal_since_s = equal_since_s or now_s
            if now_s - equal_since_s > _CONFIRMED_S or not _unconfirmed(running, status):
                return status
            waiting = ["it is not confirmed that others have what each region holds"]
        if now_s > deadline_s:
            raise WorldError(f"the world has not come to rest in {within_s:g} s: {'; '.join(waiting)}")
        time.sleep(_POLL_S)


def _standing(running: Running, status: dict[str, Any]) -> Standing:
    """How it stands with the regions and their health; endpoints are asked once there is nothing else to wait for."""
    down = down_regions(status)
    first = standing_of(status, down, {})
    if first.waiting:
        return first
    world = running.world
    addresses = {name: each.address for name, each in world.regions.items()}
    return standing_of(status, down, expectations(status, addresses, world.ports.application, down))


def _unequal(running: Running, status: dict[str, Any]) -> list[str]:
    """The tables whose replicas differ although their regions reach each other."""
    parts = running.parts(status, running.absent(status))
    found = []
    for table, members in running.replicated(status).items():
        for part in parts:
            holders = [name for name in running.regions if name in members & part]
            try:
                if not running.equal(table, holders):
                    found.append(f"the replicas of {table} in {', '.join(holders)} differ")
            except Unanswered as error:
                found.append(str(error))
    return found


def _unconfirmed(running: Running, status: dict[str, Any]) -> bool:
    """Whether a region holds writes that no other has confirmed yet, and every other one could."""
    absent = running.absent(status)
    if absent or len(running.parts(status, absent)) > 1:
        return False
    return any(each.get("at_risk") for each in status["regions"])


def converge(running: Running, within_s: float) -> Convergence:
    """Wait until all replicas are equal, or it is plain that they will not be; answers how it stands then."""
    deadline_s = running.clock.monotonic() + within_s
    while True:
        status = running.status()
        found = running.judge(status)
        hopeless = bool(found.absent) or len(running.parts(status, found.absent)) > 1
        if found or hopeless or running.clock.monotonic() > deadline_s:
            return found
        time.sleep(_POLL_S)


def until_serving(running: Running, region: str, within_s: float) -> dict[str, Any]:
    """Wait until a region serves; answers its status then. Raises ``WorldError``."""
    deadline_s = running.clock.monotonic() + within_s
    while True:
        status = next(each for each in running.status()["regions"] if each["region"] == region)
        if status["state"] == "serving" and "journal" in status and status["heard_s_ago"] == 0.0:
            answer: dict[str, Any] = status
            return answer
        if running.clock.monotonic() > deadline_s:
            raise WorldError(f"{region} does not serve after {within_s:g} s: it is {status['state']}")
        time.sleep(_POLL_S)
