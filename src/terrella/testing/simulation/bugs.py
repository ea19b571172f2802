"""Planted bugs: one rule switched off at a time, to see that the simulator would show it.

Each bug breaks the journal's own code for as long as it is planted, names the rule of replication that it breaks, the
marks of the checkers of which at least one has to find it, and in what kind of world it is looked for.
"""

import importlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import apsw

from terrella.testing.simulation.patches import ROOM, Patches
from terrella.testing.simulation.plan import Features, Plan, draw
from terrella.testing.simulation.runner import Outcome, run_world
from terrella.testing.simulation.schedule import random_of


@dataclass(frozen=True, slots=True)
class Bug:
    """A rule switched off. ``faults`` are added to those that a seed draws, ``plan`` overrides what else it draws.

    ``seen`` is a seed that has shown it, where not one of the first few does: it is tried first.
    """

    name: str
    rule: int
    marks: frozenset[str]
    plant: Callable[[Patches], None]
    faults: dict[str, int] = field(default_factory=dict)
    plan: dict[str, Any] = field(default_factory=dict)
    seen: int = 0

    def plan_of(self, seed: int) -> Plan:
        """The world of a seed in which the bug is looked for."""
        drawn = draw(random_of(seed), Features())
        return replace(drawn, faults={**drawn.faults, **self.faults}, **self.plan)


@contextmanager
def planted(bug: Bug) -> Iterator[None]:
    """The journal has the bug."""
    patches = Patches()
    try:
        bug.plant(patches)
        yield
    finally:
        patches.undo()


def hunt(bug: Bug, seeds: int) -> Outcome | None:
    """The first seed that shows the bug by one of its marks, and holds without it; None if none does."""
    for seed in sorted(range(seeds), key=lambda seed: seed != bug.seen):
        plan = bug.plan_of(seed)
        with planted(bug):
            outcome = run_world(seed, plan)
        if outcome.rules & bug.marks and not run_world(seed, plan).rules:
            return outcome
    return None


def _constant(value: Any) -> Callable[[Any], Any]:
    return lambda _before: lambda *_arguments, **_named: value


def _expire_as_a_write(before: Any) -> Any:
    """An expiry is a delete like any other."""

    def write_expiry(store: Any, state: Any, key: Any, row: Any) -> None:
        entries = store.index_changes(state, key, row[1], None)
        store._write_own(  # noqa: SLF001 - a bug may do that
            state, store.own_stream(state), key, None, store.hlc.tick(row[3]), row, entries, expires=row[2]
        )

    return write_expiry


def _never_take_out_of_an_index(before: Any) -> Any:
    def index_changes(store: Any, *arguments: Any) -> Any:
        changes = before(store, *arguments)
        return None if changes is None else (set(), changes[1])

    return index_changes


def _forget_what_fails(before: Any) -> Any:
    """A record that cannot be applied counts as applied, and that is all."""
    return lambda store, state, stream, sequence, data, key, error: None


def _acknowledge_what_is_parked(before: Any) -> Any:
    return property(lambda state: {s.origin: s.applied for s in state.streams.values() if s.applied})


def _drop_under_parked(before: Any) -> Any:
    return "select 1 from parked where data_set = ? and key = ? and 0 limit 1"


def _drain_nothing(before: Any) -> Any:
    """What an evicted region wrote in vain is left to it."""
    return lambda store, state, key, drained: None


def _join_without_catching_up(before: Any) -> Any:
    return lambda state: True


def _copy_into_what_is_there(before: Any) -> Any:
    """What is here is discarded although others lack some of it."""
    return lambda join, own, theirs: {}


def _commit_between(before: Any) -> Any:
    """The item in one transaction, its record in the next."""

    def put_row(store: Any, *arguments: Any) -> None:
        before(store, *arguments)
        store.connection.execute("commit")
        store.connection.execute("begin immediate")

    return put_row


def _answer_early(before: Any) -> Any:
    def gather(committer: Any) -> None:
        before(committer)
        committer._deliver()  # noqa: SLF001 - a bug may do that

    return gather


def _read_the_open_batch(before: Any) -> Any:
    def init(journal: Any, store: Any, committer: Any, connections: Any, lock: Any) -> None:
        before(journal, store, committer, [connections[0]] * 3, lock)

    return init


def _keep_caches(before: Any) -> Any:
    def rollback(store: Any) -> None:
        store.dirty = False
        before(store)

    return rollback


def _retry_any_failure(before: Any) -> Any:
    def failed(committer: Any, error: BaseException) -> None:
        before(committer, apsw.FullError(str(error)))

    return failed


def _split_transactions(before: Any) -> Any:
    """Each item of an operation in a transaction of its own."""

    def write_local(store: Any, *arguments: Any) -> None:
        before(store, *arguments)
        store.flush()
        store.connection.execute("commit")
        store.connection.execute("begin immediate")

    return write_local


def _tick_without_the_replaced(before: Any) -> Any:
    return lambda clock, _after=0: before(clock)


def _follow_any_clock(before: Any) -> Any:
    def observe(clock: Any, stamp: int) -> bool:
        clock._last = max(clock._last, stamp)  # noqa: SLF001 - a bug may do that
        return True

    return observe


def _without_context(before: Any) -> Any:
    return lambda hlc, key, value, _context=None, expires=None: before(hlc, key, value, {}, expires)


def _take_any_sequence(before: Any) -> Any:
    def is_next(stream: Any, sequence: int) -> bool:
        if sequence > stream.applied:
            stream.applied = sequence - 1
            return True
        return bool(before(stream, sequence))

    return is_next


def _take_across_gaps(patches: Patches) -> None:
    """Neither the connection nor the store looks whether a record is the next one."""

    def records(_before: Any) -> Any:
        def records(puller: Any, message: Any, now: float) -> Any:
            del puller, now
            return [importlib.import_module(ROOM + "pulling").Apply(message)]

        return records

    patches.put("pulling.Puller._records", records)
    patches.put("applying.is_next", _take_any_sequence)


def _serve_uncommitted(patches: Patches) -> None:
    """What is in the open batch is said to be held, and is sent from memory."""

    def vector(_before: Any) -> Any:
        return property(
            lambda state: {
                stream.origin: stream.applied if stream is state.own else stream.committed
                for stream in state.streams.values()
                if stream.applied
            }
        )

    def log(before: Any) -> Any:
        def log(reader: Any, stream: Any, after: int, limit: int, bytes_max: int) -> Any:
            if after < stream.committed:
                return before(reader, stream, after, limit, bytes_max)
            return list(stream.recent)[-(stream.applied - after) :]

        return log

    patches.put("state.DataSetState.vector", vector)
    patches.put("reading.Reader.log", log)


def _last_arrival_wins(before: Any) -> Any:
    def merge(stored: Any, incoming: Any) -> Any:
        result = before(stored, incoming)
        if not result.changed or result.version.dot == incoming.dot:
            return result
        return type(result)(type(incoming)(incoming.value, incoming.dot, incoming.hlc, {}), True, result.clash)

    return merge


def _forget_the_loser(before: Any) -> Any:
    """What is stored keeps its writer's context, and forgets whom it was merged with."""

    def merge(stored: Any, incoming: Any) -> Any:
        result = before(stored, incoming)
        kept = next(version for version in (stored, incoming) if version and version.dot == result.version.dot)
        return type(result)(kept, result.changed, result.clash)

    return merge


def _call_all_conflicts(before: Any) -> Any:
    """Whatever is overwritten is a conflict, seen or not."""
    clash_of = importlib.import_module(ROOM + "merge").Clash

    def merge(stored: Any, incoming: Any) -> Any:
        result = before(stored, incoming)
        if stored is None or stored.dot == incoming.dot or result.version.dot != incoming.dot:
            return result
        return type(result)(result.version, result.changed, clash_of(stored, incoming))

    return merge


def _log_conflicts_apart(before: Any) -> Any:
    """An entry in a transaction of its own, before the merge that found it."""

    def note(store: Any, *arguments: Any) -> Any:
        store.connection.execute("rollback")
        store.connection.execute("begin immediate")
        return before(store, *arguments)

    return note


def _keep_conflicts_to_oneself(before: Any) -> Any:
    """The first to come stands, in whatever region."""

    def note(store: Any, state: Any, record: Any, data: bytes) -> bool:
        before(store, state, record, data)
        return False

    return note


def _first_conflict_stands(before: Any) -> Any:
    return lambda record: (0, "", "", 0)


def _drop_when_acknowledged_here(before: Any) -> Any:
    def stable_in(state: Any, region: str) -> Any:
        return state.applied

    return stable_in


def _drop_before_the_others_writes_are_here(before: Any) -> Any:
    """All have acknowledged it, but what they wrote before that may still be on its way."""

    def stable_vector(lives_of_holders: Any, applied: Any) -> Any:
        class _All(dict):  # type: ignore[type-arg]
            def get(self, _origin: Any, _default: Any = None) -> int:
                return 1 << 40

        return before(lives_of_holders, _All(applied))

    return stable_vector


def _trim_what_some_have(before: Any) -> Any:
    return lambda held: max(held, default=0)


def _cursors_of_the_end(before: Any) -> Any:
    """A snapshot counts as what the source had at its end."""

    def start_copying(store: Any, state: Any, start: Any, source: Any) -> None:
        later = [replace_struct(head, applied=head.applied + 2) for head in start.streams]
        before(store, state, replace_struct(start, streams=later), source)

    replace_struct = importlib.import_module("msgspec").structs.replace
    return start_copying


def _snapshot_without_tombstones(before: Any) -> Any:
    def put_row(store: Any, state: Any, key: Any, row: Any, new: Any, entries: Any) -> None:
        if new[0] is None and state.join is not None and state.join.hollow:
            return
        before(store, state, key, row, new, entries)

    return put_row


def _same_incarnation(before: Any) -> Any:
    """A store goes on with the incarnation that its file names."""

    def draw_incarnation(connection: Any, ids: Any) -> Any:
        known = connection.execute("select incarnation from incarnations").get
        return known or before(connection, ids)

    return draw_incarnation


def _bug(
    name: str,
    rule: int,
    marks: str,
    place: str,
    make: Callable[[Any], Any],
    faults: str = "",
    *,
    seen: int = 0,
    **plan: Any,
) -> Bug:
    return Bug(
        name,
        rule,
        frozenset(marks.split()),
        lambda patches: patches.put(place, make),
        _faults(faults),
        plan,
        seen,
    )


def _faults(kinds: str) -> dict[str, int]:
    return {kind.strip(): 3 for kind in kinds.split(",") if kind.strip()}


_FEW_KEYS: dict[str, Any] = {"keys": 2, "writes": 70}
_DEATHS = "die between statements, die before commit, die after commit"

BUGS: tuple[Bug, ...] = (
    _bug(
        "item and record in two transactions",
        1,
        "I1 I2 I3 I5 R2",
        "store.Store.put_row",
        _commit_between,
        _DEATHS,
        seen=1,  # the first one shows it too, after twenty seconds of floods
    ),
    _bug("answered before the commit", 1, "I5", "committer.Committer._gather", _answer_early, _DEATHS),
    _bug("reads see the open batch", 2, "I5", "journal.Journal.__init__", _read_the_open_batch, _DEATHS, **_FEW_KEYS),
    _bug("caches outlive a failed batch", 2, "I2 I3 I5 R2", "store.Store.rollback", _keep_caches, "fill disk"),
    _bug("a failed commit is tried again", 3, "I5", "committer.Committer._failed", _retry_any_failure, "fail commit"),
    _bug("records without context", 4, "I4", "store.encode_write", _without_context, **_FEW_KEYS),
    Bug(
        "records are taken across a gap",
        5,
        frozenset({"I2", "I3"}),
        _take_across_gaps,
        _faults("reset, slow disk"),
        {"hostile": 1.0, "writes": 150},
    ),
    Bug(
        "uncommitted records are served",
        5,
        frozenset({"I3", "I5"}),
        _serve_uncommitted,
        _faults(f"slow disk, {_DEATHS}"),
        seen=89,
    ),
    _bug("the last to arrive wins", 8, "I1 I2 I3", "applying.merge", _last_arrival_wins, "cut", **_FEW_KEYS),
    _bug("a merge forgets the loser", 8, "I1 I3 I4", "applying.merge", _forget_the_loser, "cut", **_FEW_KEYS),
    _bug("what was seen is called a conflict", 8, "I4", "applying.merge", _call_all_conflicts, **_FEW_KEYS),
    _bug("losers vanish", 9, "I1 I3 I4", "applying.note_conflict", _constant(False), "cut", **_FEW_KEYS),
    _bug(
        "entries are no records", 9, "I2 I4", "applying.note_conflict", _keep_conflicts_to_oneself, "cut", **_FEW_KEYS
    ),
    _bug("the first winner stands", 9, "I2", "applying.conflict_rank", _first_conflict_stands, "cut", **_FEW_KEYS),
    _bug(
        "a tombstone goes when it is applied here",
        10,
        "I1 I2 I3 I4",
        "tombstones.stable_in",
        _drop_when_acknowledged_here,
        "cut, cut one way",
        housekeeping_interval_s=0.2,
        **_FEW_KEYS,
    ),
    _bug(
        "a tombstone goes before older writes are here",
        10,
        "I1 I2 I3 I4",
        "tombstones.stable_vector",
        _drop_before_the_others_writes_are_here,
        "crash, cut, cut one way",
        neglected=0.5,
        housekeeping_interval_s=0.2,
        seen=178,
        **_FEW_KEYS,
    ),
    _bug(
        "snapshots lack tombstones",
        16,
        "I1 I2 I3 I4",
        "store.Store.put_row",
        _snapshot_without_tombstones,
        "lose disk, cut",
        seen=9,
        housekeeping_interval_s=0.2,
        **_FEW_KEYS,
    ),
    _bug(
        "a snapshot counts for more", 16, "I1 I2 I3", "joining.start_copying", _cursors_of_the_end, "lose disk", seen=8
    ),
    _bug(
        "records go that one region lacks",
        18,
        "I1 I2 I3 RT",
        "trimming.held_by_all",
        _trim_what_some_have,
        "cut",
        seen=2,
    ),
    _bug(
        "an expiry is a write like any other",
        11,
        "RB R4 I2 I4",
        "store.Store.write_expiry",
        _expire_as_a_write,
        expiring=0.5,
    ),
    _bug(
        "an incarnation is used again",
        4,
        "I3 I2 I5",
        "store._draw_incarnation",
        _same_incarnation,
        "restore image",
        seen=5,
    ),
    _bug(
        "a write need not be later than what it replaces",
        4,
        "R4 I1 I2",
        "store.HybridLogicalClock.tick",
        _tick_without_the_replaced,
    ),
    _bug("any clock is followed", 4, "R4", "store.HybridLogicalClock.observe", _follow_any_clock, "step clock far"),
    _bug(
        "a transaction is committed in parts",
        12,
        "RC",
        "store.Store.write_local",
        _split_transactions,
        _DEATHS,
        seen=165,
    ),
    _bug(
        "an index keeps what is no more",
        14,
        "RE",
        "store.Store.index_changes",
        _never_take_out_of_an_index,
        "change schema",
    ),
    _bug("what fails is forgotten", 15, "I1 I2 I3", "applying.park", _forget_what_fails, poisoned=0.4),
    _bug(
        "a tombstone goes from under a parked write",
        15,
        "I1 I2 I3 I4",
        "tombstones._PARKED_OF_KEY",
        _drop_under_parked,
        "evict, remove replica",
        poisoned=0.4,
        housekeeping_interval_s=0.2,
        **_FEW_KEYS,
    ),
    _bug(
        "writes of an evicted region are left to it",
        17,
        "I1",
        "takeover._take_over_write",
        _drain_nothing,
        "evict, cut",
        seen=6,
    ),
)

# Written, and not yet seen to be caught: no test goes by them until they have been.
CANDIDATES: tuple[Bug, ...] = (
    _bug(
        "what is parked is acknowledged",
        15,
        "I1 I2 I3 I4",
        "state.DataSetState.applied",
        _acknowledge_what_is_parked,
        poisoned=0.4,
        housekeeping_interval_s=0.2,
        **_FEW_KEYS,
    ),
    _bug(
        "a joiner serves before it has caught up",
        16,
        "I1 I2 I3 I4",
        "admission.has_caught_up",
        _join_without_catching_up,
        "evict, add replica, lose disk",
        **_FEW_KEYS,
    ),
    _bug(
        "a joiner discards what nobody else has",
        17,
        "I1 I2",
        "admission.missing_elsewhere",
        _copy_into_what_is_there,
        "evict, cut",
    ),
)
