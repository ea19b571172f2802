"""The faults of game days for tests: said in the same words, injected now, ended by hand or with the test."""

from collections.abc import Coroutine, Mapping
from types import TracebackType
from typing import Any
from urllib.parse import quote

import yaml

from terrella.gameday import ClientConditions, Order, read_fault
from terrella.testing.plugin.errors import WorldError
from terrella.testing.plugin.running import Running

_WHOLE_REGION = ("kill", "pause")
LASTING = {
    "clock": "its regions' clocks were wrong, and what they wrote may be ahead of time",
    "deploy": "its functions failed on purpose",
    "disk": "a disk of it was full",
}
"""Faults after which a world is not like new, and why."""


class Fault:
    """Something that is broken until ``restore``, or the end of a ``with`` block, or the end of the test."""

    def __init__(self, running: Running, given: str | Mapping[str, Any]) -> None:
        self._running = running
        self._fault = read_fault(_entry(given), running.world)
        self.orders: list[Order] = []
        _now(self._fault.inject(self))

    @property
    def clients(self) -> ClientConditions:
        """There is no load whose clients could be told."""
        raise WorldError("found a fault of a game day's clients, expected one of regions or of links between them")

    async def inject_fault(self, fault_id: str, order: Order) -> Any:
        """Have it broken."""
        body = {"id": fault_id, "kind": order.kind, "parameters": order.parameters, "regions": list(order.regions)}
        self.orders.append(order)
        answer = self._running.supervisor.post("faults", body)
        self._running.silenced |= self._silenced()
        return answer

    async def end_fault(self, fault_id: str) -> Any:
        """Have it mended."""
        self._running.silenced -= self._silenced()
        return self._running.supervisor.delete(f"faults/{quote(fault_id, safe='')}")

    def _silenced(self) -> set[str]:
        return {str(order.parameters["region"]) for order in self.orders if order.kind in _WHOLE_REGION}

    def restore(self) -> None:
        """Mend it; without effect if it is mended."""
        _now(self._fault.restore(self))

    def __enter__(self) -> "Fault":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.restore()

    def __repr__(self) -> str:
        return f"<fault: {self._fault.told()}>"


def _now(doing: Coroutine[Any, Any, None]) -> None:
    """Faults are injected by coroutines; with an operator that blocks they never wait, and need no event loop."""
    try:
        doing.send(None)
    except StopIteration:
        return
    raise WorldError("expected a fault to be injected at once, found that it waits for something")


def _entry(given: str | Mapping[str, Any]) -> Mapping[str, Any]:
    """As in a game day's file; in text the braces around it may be left out."""
    if not isinstance(given, str):
        return given
    text = given.strip()
    try:
        entry = yaml.safe_load(text if text.startswith("{") else f"{{{text}}}")
    except yaml.YAMLError as error:
        raise WorldError(f"found {given!r}, expected a fault such as 'kill: eu-west-1' ({error})") from error
    if not isinstance(entry, dict):
        raise WorldError(f"found {given!r}, expected a fault such as 'kill: eu-west-1'")
    return entry
