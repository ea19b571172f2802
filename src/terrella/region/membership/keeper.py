"""The version of control state that a region holds: read at start, replaced by later ones, wherever they are heard."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import msgspec

from terrella.journal import DataSet, Journal, JournalError, Lane, data_set_id
from terrella.kernel import Ids, TerrellaError
from terrella.region.membership.commands import Command, EvictRegion, encode_command, force
from terrella.region.membership.errors import MembershipError, NoMajorityError, OutcomeUndecidedError, RefusedError
from terrella.region.membership.log import ControlLog
from terrella.region.membership.state import MembershipState, decode_state, encode_state

_log = logging.getLogger(__name__)

_KEY = b"state"
_REFUSED, _NO_MAJORITY, _UNDECIDED = "refused", "no-majority", "undecided"
_ERRORS: dict[type[MembershipError], str] = {
    RefusedError: _REFUSED,
    NoMajorityError: _NO_MAJORITY,
    OutcomeUndecidedError: _UNDECIDED,
}

# Asks one region's control API: (region, method, path, body) -> answer. Raises ``TerrellaError`` and ``OSError``.
AskPeer = Callable[[str, str, str, dict[str, Any]], Awaitable[Any]]


class MembershipKeeper:
    """One region's copy. ``current`` only ever becomes later; ``problem`` says if another side decides for itself."""

    def __init__(self, region: str, first: MembershipState, journal: Journal, ids: Ids, ask: AskPeer) -> None:
        self._region = region
        self._journal = journal
        self._ids = ids
        self._ask = ask
        self._data_set = DataSet(data_set_id("", region, "membership", 1), "membership", Lane.LOCAL, (region,))
        self._log: ControlLog | None = None
        self._listeners: list[Callable[[], None]] = []
        self.current = first
        self.problem = ""
        self.stored = False

    async def start(self) -> None:
        """Read what this region held last; with nothing stored, ``current`` is what the world's file says."""
        await self._journal.declare(self._data_set)
        stored = self.recall(_KEY)
        if stored is not None:
            self.current = decode_state(stored)
            self.stored = True

    async def settle(self) -> None:
        """Nobody knew of a later version: the one that the world's file says is where this region begins."""
        if not self.stored:
            self.stored = True
            await self.remember(_KEY, encode_state(self.current))

    def recall(self, key: bytes) -> bytes | None:
        """What ``remember`` has kept."""
        version = self._journal.read(self._data_set.id, key)
        return version.value if version is not None else None

    async def remember(self, key: bytes, content: bytes) -> None:
        """Keep something of this region's own, beside control state."""
        await self._journal.write(lambda transaction: transaction.put(self._data_set.id, key, content))

    def attach(self, log: ControlLog | None) -> None:
        """From now on commands are decided through ``log``; through other regions, without one."""
        self._log = log

    def on_change(self, listener: Callable[[], None]) -> None:
        """Call ``listener`` after each new version."""
        self._listeners.append(listener)

    @property
    def majority_reachable(self) -> bool | None:
        """Whether a change has prospects, as this region sees it; None if it takes no part in deciding."""
        return self._log.majority_reachable if self._log is not None else None

    async def adopt(self, heard: MembershipState) -> bool:
        """Take over a version that was decided, if it is later; True if it was."""
        if not supersedes(heard, self.current, self._region):
            return False
        self.current = heard
        self.stored = True
        self.problem = ""
        for listener in self._listeners:
            listener()
        try:
            await self.remember(_KEY, encode_state(heard))
        except JournalError as error:
            _log.warning("control version %d is in force, but could not be written down: %s", heard.version, error)
        return True

    def is_news(self, told: dict[str, Any]) -> bool:
        """Whether what a peer says in its bulletin of its version is later than what is here; notes a split."""
        order = (told.get("generation", 0), told.get("version", 0))
        own = self.current
        if told.get("fork") == own.fork or order[0] != own.generation:
            return bool(order > own.order)
        if own.version and order[1]:
            self.problem = (
                f"two sides decide on membership, each for itself ({own.fork} here, {told.get('fork')} there): a change"
                " was forced on both, or the regions were first started with different world files"
            )
            return False
        return not own.version

    async def catch_up(self, peers: Sequence[str], timeout_s: float) -> None:
        """Ask peers, all at once, for what they hold; the latest that any of them answers in time is taken over."""
        await asyncio.gather(*(self._hear_from(peer, timeout_s) for peer in peers))

    async def _hear_from(self, peer: str, timeout_s: float) -> None:
        try:
            async with asyncio.timeout(timeout_s):
                answer = await self._ask(peer, "GET", "membership", {})
            await self.adopt(msgspec.convert(answer["state"], MembershipState))
        except (TerrellaError, OSError, msgspec.ValidationError, KeyError, TypeError) as error:
            _log.debug("%s did not tell its control state: %s", peer, error or type(error).__name__)

    async def decide(self, command: Command, *, here: bool = False) -> MembershipState:
        """Have a command decided, by this region if it takes part, else through one that does (not with ``here``).

        Raises ``MembershipError``.
        """
        if self._log is not None and self._region in self.current.voters:
            state = await self._log.propose(command)
            await self.adopt(state)
            return self.current
        if here:
            raise NoMajorityError(f"{self._region} takes no part in deciding")
        return await self._decide_elsewhere(command)

    async def force(self, command: EvictRegion) -> MembershipState:
        """Evict without a majority: this region's state becomes the first of another generation."""
        await self.adopt(force(self.current, command, self._ids.token(16)))
        return self.current

    async def _decide_elsewhere(self, command: Command) -> MembershipState:
        body = {"command": msgspec.json.decode(encode_command(command))}
        failure: MembershipError = NoMajorityError(f"no region that decides can be reached from {self._region}")
        for peer in self.current.voters:
            if peer == self._region:
                continue
            try:
                answer = await self._ask(peer, "POST", "membership/propose", body)
            except (TerrellaError, OSError) as error:
                _log.debug("%s could not be asked to decide: %s", peer, error or type(error).__name__)
                continue
            if "state" in answer:
                await self.adopt(msgspec.convert(answer["state"], MembershipState))
                return self.current
            failure = error_of(answer)
            if not isinstance(failure, NoMajorityError):
                raise failure
        raise failure


def supersedes(heard: MembershipState, own: MembershipState, region: str) -> bool:
    """Whether a version that was heard takes the place of the own one.

    Of one fork the later one does, and of two generations the greater. A region that has only derived its version 0
    yields to whatever was decided, and to a version 0 that does not know it: the others were started by another file.
    """
    if heard.fork == own.fork or heard.generation != own.generation:
        return heard.later_than(own)
    if own.version:
        return False
    return heard.version > 0 or (region not in heard.regions and region in own.regions)


def answer_of(error: MembershipError) -> dict[str, str]:
    """A refusal, as one region tells it to another."""
    return {"error": str(error), "kind": _ERRORS.get(type(error), _REFUSED)}


def error_of(answer: dict[str, str]) -> MembershipError:
    """A refusal, as it was told."""
    kind = next((one for one, name in _ERRORS.items() if name == answer.get("kind")), RefusedError)
    return kind(str(answer.get("error", "no reason was given")))
