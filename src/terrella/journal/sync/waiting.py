"""Who waits for a group: for what becomes of a proposal, for a read's index, for an entry to be applied.

What waits for a majority is handed in again now and then, and whenever somebody else leads, always under the same id.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from terrella.journal.errors import OutcomeUnknownError, StoreUnavailableError
from terrella.journal.raft import Handed, Node
from terrella.journal.sync.proposals import Outcome
from terrella.kernel import Clock

RESUBMIT_S = 2.0
REFUSED_PAUSE_S = 0.05


@dataclass(slots=True, eq=False)
class Request:
    """A proposal (``data``), or a read (None). ``handed_in``: somebody may have taken it."""

    id: str
    data: bytes | None
    future: "asyncio.Future[Any]"
    handed_in: bool = False
    again_at: float = 0.0

    def hand_in(self, node: Node, now: float) -> None:
        """To whoever leads."""
        handed = node.read_index(self.id) if self.data is None else node.propose(self.id, self.data, now)
        self.handed_in = self.handed_in or handed is not Handed.REFUSED
        self.again_at = now + (REFUSED_PAUSE_S if handed is Handed.REFUSED else RESUBMIT_S)


class Waiting:
    """Futures by what they are for. ``node`` answers the core, ``plan_pump`` is told when it has something to say."""

    def __init__(self, node: Callable[[], Node | None], clock: Clock, plan_pump: Callable[[], None]) -> None:
        self._loop = asyncio.get_running_loop()
        self._node = node
        self._clock = clock
        self._plan_pump = plan_pump
        self._requests: dict[str, Request] = {}
        self._applied: list[tuple[int, asyncio.Future[None]]] = []
        self._leads: tuple[str | None, int] = (None, 0)
        self._timer: asyncio.TimerHandle | None = None

    @property
    def proposals(self) -> int:
        """How many wait for what becomes of a proposal."""
        return sum(request.data is not None for request in self._requests.values())

    # for those who wait

    def ask(self, id_: str, data: bytes | None, node: Node) -> Request:
        """Hand in a proposal, or a read (None): its future is the outcome, or the index; until ``forget``."""
        request = self._requests[id_] = Request(id_, data, self._loop.create_future())
        request.hand_in(node, self._clock.monotonic())
        self._plan_pump()
        if self._timer is None:
            self._timer = self._loop.call_later(REFUSED_PAUSE_S, self._again)
        return request

    def forget(self, request: Request) -> None:
        """Nobody waits for this any more."""
        self._requests.pop(request.id, None)
        request.future.cancel()

    def for_applied(self, index: int) -> "asyncio.Future[None]":
        """When an entry has been applied and can be read."""
        future: asyncio.Future[None] = self._loop.create_future()
        self._applied.append((index, future))
        return future

    # for the group

    def led_by(self, leader: str | None, term: int) -> None:
        """Who leads, as far as is known: when that changes, all is handed in again."""
        if (leader, term) != self._leads:
            self._leads = (leader, term)
            for request in self._requests.values():
                request.again_at = 0.0
            self._hand_in_again()

    def _again(self) -> None:
        self._timer = None
        self._hand_in_again()
        if self._requests:
            self._timer = self._loop.call_later(REFUSED_PAUSE_S, self._again)

    def _hand_in_again(self) -> None:
        node, now = self._node(), self._clock.monotonic()
        if node is None:
            return
        for request in self._requests.values():
            if now >= request.again_at and not request.future.done():
                request.hand_in(node, now)
                self._plan_pump()

    def decided(self, id_: str, outcome: Outcome | int) -> None:
        """A proposal has been applied here, or refused; or (an index) a majority has confirmed who leads."""
        request = self._requests.get(id_)
        if request is not None and not request.future.done():
            request.future.set_result(outcome)

    def applied(self, index: int) -> None:
        """All up to here can be read."""
        waiting = []
        for wanted, future in self._applied:
            if wanted > index:
                waiting.append((wanted, future))
            elif not future.done():
                future.set_result(None)
        self._applied = waiting

    def end(self, why: str) -> None:
        """Nothing more will be heard of."""
        for request in self._requests.values():
            if not request.future.done():
                error = (
                    StoreUnavailableError(why)
                    if request.data is None
                    else OutcomeUnknownError(f"{why}; the write may be done")
                )
                request.future.set_exception(error)
        for _, future in self._applied:
            future.cancel()
        self._applied.clear()
