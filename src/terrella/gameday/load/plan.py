"""What the load is to be: how much, from where, of what, and how patient its clients are."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, Self

from terrella.gameday.load.errors import LoadError
from terrella.gameday.load.requests import RequestKind
from terrella.kernel import VantagePoint
from terrella.world import duration_ms

_RATE = re.compile(r"(\d+(?:\.\d+)?)\s*/\s*(s|m|h)")
_RATE_S = {"s": 1.0, "m": 60.0, "h": 3600.0}


@dataclass(frozen=True, slots=True)
class ResolverPlan:
    """How long clients keep a DNS answer: as its TTL says, for ever (``ignore``), or so many seconds.

    ``look_up_s`` is what asking costs the client when the answer is not kept: Route 53 answers from a site near the
    client's resolver. ``aged``: resolvers have had the first answer for a while already, as those of a running
    application have, so that not all clients ask again at the same moment.
    """

    ttl: Literal["honour", "ignore"] | float = "honour"
    look_up_s: float = 0.01
    aged: bool = True

    @classmethod
    def parse(cls, text: str) -> Self:
        """``honour``, ``ignore`` or ``30s``. Raises ``LoadError``."""
        if text in ("honour", "ignore"):
            return cls("honour" if text == "honour" else "ignore")
        try:
            return cls(duration_ms(text) / 1000)
        except ValueError:
            raise LoadError(text, "honour, ignore, or a duration such as 30s") from None

    def kept_s(self, ttl_s: float) -> float:
        """How long an answer with this TTL is kept."""
        if self.ttl == "ignore":
            return float("inf")
        return ttl_s if self.ttl == "honour" else float(self.ttl)


@dataclass(frozen=True, slots=True)
class RetryPlan:
    """Further attempts after a failed one: no response, or one of ``statuses``.

    Waits double from ``backoff_s`` up to ``backoff_max_s``; with ``jitter`` each is drawn from nothing up to that
    (AWS Architecture Blog, "Exponential Backoff And Jitter": full jitter).
    """

    retries: int = 2
    backoff_s: float = 0.1
    backoff_max_s: float = 2.0
    jitter: bool = True
    statuses: frozenset[int] = frozenset({429, 500, 502, 503, 504})

    def wait_s(self, attempts: int, fraction: float) -> float:
        """How long to wait after so many attempts; ``fraction`` is drawn from 0 to 1."""
        longest_s = min(self.backoff_max_s, self.backoff_s * 2.0 ** (attempts - 1))
        return longest_s * fraction if self.jitter else longest_s


@dataclass(frozen=True, slots=True)
class LoadPlan:
    """The load of a game day. ``mix`` weighs the kinds of ``requests``; ``duration_s`` None is until stopped.

    ``arrivals``: ``random`` as those of many independent people (a Poisson process), or ``even``. Each vantage point
    has ``clients`` clients, each with its own resolver's cache and connections. ``timeout_s`` is for one attempt.
    """

    rate_per_s: float
    mix: Mapping[str, float]
    vantage_points: tuple[VantagePoint, ...]
    requests: Mapping[str, RequestKind]
    resolver: ResolverPlan = field(default_factory=ResolverPlan)
    timeout_s: float = 5.0
    retries: RetryPlan = field(default_factory=RetryPlan)
    duration_s: float | None = None
    clients: int = 10
    keep_alive: bool = True
    arrivals: Literal["random", "even"] = "random"

    def __post_init__(self) -> None:
        if not self.rate_per_s > 0:
            raise LoadError(f"a rate of {self.rate_per_s:g} a second", "more than 0")
        if not self.vantage_points:
            raise LoadError("no vantage point", "at least one that clients are at")
        if self.clients < 1:
            raise LoadError(f"{self.clients} clients", "at least 1 at each vantage point")
        unknown = sorted(set(self.mix) - set(self.requests))
        if unknown:
            raise LoadError(f"the request {unknown[0]} in the mix", f"one of: {', '.join(self.requests) or 'none'}")
        if not any(weight > 0 for weight in self.mix.values()) or any(weight < 0 for weight in self.mix.values()):
            raise LoadError("a mix without a weight above 0", "weights of at least 0, one of them more")


def rate_per_s(text: str) -> float:
    """``200/s`` → 200.0, ``90/m`` → 1.5. Raises ``LoadError``."""
    match = _RATE.fullmatch(text.strip())
    if match is None or float(match[1]) == 0:
        raise LoadError(text, "a rate such as 200/s or 90/m")
    return float(match[1]) / _RATE_S[match[2]]


def find_vantage_points(
    names: list[str] | tuple[str, ...], known: Mapping[str, VantagePoint]
) -> tuple[VantagePoint, ...]:
    """Vantage points by their names in ``known`` (``World.vantage_points``). Raises ``LoadError``."""
    for name in names:
        if name not in known:
            raise LoadError(f"the vantage point {name}", f"one of: {', '.join(sorted(known))}, or one in world.yaml")
    return tuple(known[name] for name in dict.fromkeys(names))
