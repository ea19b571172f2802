"""Vectors: what has been seen of each origin, as its highest sequence."""

from terrella.journal.model import NO_CONTEXT, Dot, Vector, Version


def covers(vector: Vector, dot: Dot) -> bool:
    """Whether the vector has seen the dot."""
    return vector.get((dot.region, dot.incarnation), 0) >= dot.sequence


def at_least(one: Vector, other: Vector) -> bool:
    """Whether the first has seen all that the second has."""
    return all(one.get(origin, 0) >= sequence for origin, sequence in other.items())


def meet(one: Vector, other: Vector) -> Vector:
    """What both have seen."""
    return {origin: min(sequence, other[origin]) for origin, sequence in one.items() if origin in other}


def join(one: Vector, other: Vector) -> Vector:
    """What either has seen."""
    if not other:
        return one
    if not one:
        return other
    joined = dict(one)
    for origin, sequence in other.items():
        if sequence > joined.get(origin, 0):
            joined[origin] = sequence
    return joined


def seen_by(version: Version) -> Vector:
    """The version's context and its own dot: everything that is superseded once this version is stored."""
    return join(version.context, {version.dot.origin: version.dot.sequence})


def has_seen(version: Version, dot: Dot) -> bool:
    """Whether ``seen_by(version)`` covers the dot, without building it."""
    own = version.dot
    if own.sequence >= dot.sequence and own.incarnation == dot.incarnation and own.region == dot.region:
        return True
    return covers(version.context, dot)


def context_beside(dot: Dot, seen: Vector) -> Vector:
    """``seen`` as a context is kept beside ``dot``: without the entry that the dot implies."""
    if seen.get(dot.origin, 0) > dot.sequence or dot.origin not in seen:
        return seen
    if len(seen) == 1:
        return NO_CONTEXT
    return {origin: sequence for origin, sequence in seen.items() if origin != dot.origin}
