"""The kinds of fault that a region carries out, and the parameters of each."""

from collections.abc import Mapping

import msgspec


class Zone(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An availability zone."""

    az: str


class Worker(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One worker: of a zone and a function (name or logical id), or of any."""

    az: str = ""
    function: str = ""


class Errors(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Calls to a table or function. ``service`` is ``dynamodb`` or ``lambda``; no ``operations``: all of them.

    At ``rate`` (0 to 1) they take ``delay_s`` longer, give or take ``jitter_s``, and answer ``error`` if there is one.
    """

    service: str
    resource: str
    operations: list[str] = []
    rate: float = 1.0
    error: str = ""
    delay_s: float = 0.0
    jitter_s: float = 0.0


class Clock(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How many milliseconds the clock is ahead; negative: behind."""

    skew_ms: int


class Nothing(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """No parameters."""


class Health(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What checks of a region report: ``unhealthy``, ``healthy`` or ``flapping``.

    Each turn of flapping lasts ``every_s``; 0: twice as long as the check takes to change its mind.
    """

    region: str
    reports: str
    every_s: float = 0.0


class Deploy(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A function (name or logical id) that raises in a share of its invocations."""

    function: str
    rate: float


KINDS: Mapping[str, type[msgspec.Struct]] = {
    "kill-az": Zone,
    "pause-az": Zone,
    "kill-worker": Worker,
    "pause-worker": Worker,
    "errors": Errors,
    "clock": Clock,
    "disk": Nothing,
    "replication": Nothing,
    "health": Health,
    "deploy": Deploy,
    "calls": Nothing,
}
"""By kind."""
MOMENTARY_FAULTS = frozenset({"kill-worker"})
"""Those that are over as soon as they are done."""
