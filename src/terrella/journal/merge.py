"""Last writer wins, as a pure function: which of two versions stands, and whether the other was overwritten unseen."""

import msgspec

from terrella.journal.model import Version
from terrella.journal.vectors import context_beside, has_seen, join, seen_by


class Clash(msgspec.Struct, frozen=True):
    """Two versions whose writers had not seen each other."""

    loser: Version
    winner: Version


class MergeResult(msgspec.Struct, frozen=True):
    """What is stored afterwards, whether that is anything new, and the conflict that the merge found."""

    version: Version
    changed: bool
    clash: Clash | None


Rank = tuple[int, str, str, int, bool, str, str, int]


def rank(version: Version) -> Rank:
    """What versions are compared by; the greatest wins. No two writes have the same.

    An expiry comes right behind the version that it ends: whatever is greater than that one is greater than it.
    """
    dot = version.dot
    ended = version.expires or dot
    return (
        version.hlc,
        ended.region,
        ended.incarnation,
        ended.sequence,
        version.expires is not None,
        dot.region,
        dot.incarnation,
        dot.sequence,
    )


def merge(stored: Version | None, incoming: Version) -> MergeResult:
    """Merge a version, from another region or from another replica's store, into what is stored.

    The stored state is the join of a semilattice: the highest rank's value, and everything that either side has seen.
    So replicas that have merged the same writes are equal, in whatever order and however often the writes came.
    A version that has been seen already has no effect. That a time to live was overtaken, by one who had seen the
    version that it ends or by the same expiry elsewhere, is no conflict: nobody loses anything by it.
    """
    if stored is None:
        return MergeResult(incoming, True, None)
    known = has_seen(stored, incoming.dot)
    if known and not incoming.context:
        return MergeResult(stored, False, None)
    stored_wins = rank(stored) >= rank(incoming)
    winner, loser = (stored, incoming) if stored_wins else (incoming, stored)
    seen = known or has_seen(winner, loser.dot) or (loser.expires is not None and has_seen(winner, loser.expires))
    clash = None if seen else Clash(loser, winner)
    context = context_beside(winner.dot, join(seen_by(winner), seen_by(loser)))
    if stored_wins and context == stored.context:
        return MergeResult(stored, False, clash)
    return MergeResult(Version(winner.value, winner.dot, winner.hlc, context, winner.expires), True, clash)
