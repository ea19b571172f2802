"""The simulated group's clients: what they ask of which member, what they learn, and whether that can be true."""

from dataclasses import dataclass
from itertools import count
from typing import Any

from terrella.testing.consensus.group import Group
from terrella.testing.consensus.machine import Registers
from terrella.testing.consensus.member import Member
from terrella.testing.linearizability import Operation, is_linearizable, register

KEYS = ("a", "b", "c")
CLIENTS = 4
PAUSE_S = 0.25
RETRY_S = 0.3
PATIENCE_S = 1.5


@dataclass(slots=True)
class _Call:
    key: str
    action: tuple[Any, ...]
    called: float
    returned: float | None = None
    result: Any = None


class Clients:
    """Each asks one thing after the other, of a member chosen by chance."""

    def __init__(self, group: Group) -> None:
        self._group = group
        self._schedule = group.schedule
        self._random = group.random
        self._calls: list[_Call] = []
        self._numbers = count(1)
        self._until = 0.0
        self._last: list[_Call] = []
        self._seen: dict[str, str] = {}

    def start(self, until: float) -> None:
        """Begin to ask."""
        self._until = until
        for _ in range(CLIENTS):
            self._schedule.after(0.5 + PAUSE_S * self._random.random(), self._ask)

    def _ask(self) -> None:
        if self._schedule.now >= self._until:
            return
        members = [member for member in self._group.up if not member.witness]
        key = self._random.choice(KEYS)
        if not members:
            self._schedule.after(PAUSE_S, self._ask)
            return
        member = self._random.choice(members)
        kind = self._random.random()
        number = next(self._numbers)
        if kind < 0.45:
            self._call(member, key, ("read",), number, follow=True)
        elif kind < 0.8:
            self._call(member, key, ("write", f"v{number}"), number, follow=True)
        else:
            self._call(member, key, ("swap", self._seen.get(key, ""), f"v{number}"), number, follow=True)

    def _call(self, member: Member, key: str, action: tuple[Any, ...], number: int, follow: bool) -> _Call:
        call = _Call(key, action, self._schedule.now)
        self._calls.append(call)
        self._attempt(member, call, f"p{number}", 0)
        if follow:
            self._schedule.after(PATIENCE_S, lambda: self._give_up(call))
        return call

    def _attempt(self, member: Member, call: _Call, id_: str, attempt: int) -> None:
        """Ask, and ask again under the same id for as long as no answer comes."""
        if call.returned is not None or not member.up or self._schedule.now > call.called + PATIENCE_S:
            return

        def done(result: Any) -> None:
            self._return(call, result)

        def read(machine: Registers) -> None:
            self._return(call, machine.values.get(call.key, ""))

        if call.action[0] == "read":
            member.read(f"{id_}.{attempt}", read)
        else:
            if attempt == 0:
                member.proposals[id_] = done
            member.propose(id_, (call.key, *call.action))
        self._schedule.after(RETRY_S, lambda: self._attempt(member, call, id_, attempt + 1))

    def _return(self, call: _Call, result: Any) -> None:
        if call.returned is not None or self._schedule.now > call.called + PATIENCE_S:
            return
        call.returned, call.result = self._schedule.now, result
        if call.action[0] == "read":
            self._seen[call.key] = result
        self._group.tell(f"{call.key} {' '.join(map(str, call.action))} -> {result}")
        if call not in self._last:
            self._schedule.after(PAUSE_S * self._random.random(), self._ask)

    def _give_up(self, call: _Call) -> None:
        if call.returned is None:
            self._group.tell(f"{call.key} {' '.join(map(str, call.action))} -> unknown")
            self._ask()

    def read_all_at(self, member: Member) -> None:
        """Every key, at a member that may have missed much."""
        if not member.witness and self._schedule.now < self._until:
            for key in KEYS:
                self._last.append(self._call(member, key, ("read",), next(self._numbers), False))

    def last_reads(self) -> None:
        """After healing: every key is read at every member that holds state, until it is answered."""
        if self._last and self._last[0].called < self._until:
            self._last = []
        if self._last_expired():
            leader = self._group.leader
            members = [] if leader is None else leader.node.configuration.serving
            self._last = []
            for member in members:
                for key in KEYS:
                    self._last.append(
                        self._call(self._group.members[member], key, ("read",), next(self._numbers), False)
                    )

    def _last_expired(self) -> bool:
        return not self._last or (
            not self.last_reads_answered and self._schedule.now > self._last[0].called + PATIENCE_S
        )

    @property
    def last_reads_answered(self) -> bool:
        """Whether all of them are."""
        return bool(self._last) and all(call.returned is not None for call in self._last)

    @property
    def answered(self) -> int:
        """How many calls were answered."""
        return sum(call.returned is not None for call in self._calls)

    def judge(self) -> None:
        """Fail unless each key's history could have happened one call after the other."""
        for key in KEYS:
            history = [
                Operation(call.action, call.called, call.returned, call.result)
                for call in self._calls
                if call.key == key and (call.returned is not None or call.action[0] != "read")
            ]
            if not is_linearizable(history, "", register):
                self._group.fail(f"linearizability: the history of {key} is none ({len(history)} calls)")
