"""The verdict board: what the checkers of all regions observe, weighed into one verdict per health check. Pure.

Each region keeps its own board, so that no answer waits for another region. A check is healthy when more than 18 % of
the checkers heard from find it so. A checker that is heard no more does not count; when none is heard, the last verdict
stays and is marked stale.
"""

from collections import Counter, deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from terrella.kernel import Clock, Profile
from terrella.traffic.health.checks import CheckKind, HealthCheck
from terrella.traffic.health.states import Observation

HEALTHY_SHARE = 0.18
"""Route 53's own: a check is healthy when more than this share of its checkers says so."""
CONNECT_TIMEOUT_S = 4.0
ANSWER_TIMEOUT_S = 2.0
_EXPIRY_INTERVALS = 3
_EXPIRY_LEAST_S = 1.0
_HISTORY_MAX = 1000


@dataclass(frozen=True, slots=True)
class Verdict:
    """What DNS goes by, since ``since_ms``. ``checkers`` holds the observations that counted, by region."""

    check_id: str
    healthy: bool
    reason: str
    since_ms: int
    stale: bool = False
    checkers: Mapping[str, Observation] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Transition:
    """One change of a verdict; ``why`` is a sentence for people."""

    time_ms: int
    check_id: str
    from_healthy: bool
    to_healthy: bool
    why: str


class VerdictBoard:
    """Hears observations and keeps the verdicts. ``history`` holds the latest transitions, oldest first."""

    def __init__(self, clock: Clock, profile: Profile, checks: Mapping[str, HealthCheck] | None = None) -> None:
        self.history: deque[Transition] = deque(maxlen=_HISTORY_MAX)
        self._clock = clock
        self._profile = profile
        self._checks: Mapping[str, HealthCheck] = {}
        self._heard: dict[str, dict[str, tuple[float, Observation]]] = {}
        self._verdicts: dict[str, Verdict] = {}
        self._callbacks: list[Callable[[], None]] = []
        self.set_checks(checks or {})

    def on_change(self, callback: Callable[[], None]) -> None:
        """Call back after any verdict's ``healthy`` has changed."""
        self._callbacks.append(callback)

    def set_checks(self, checks: Mapping[str, HealthCheck]) -> None:
        """Go over to these checks; those known already keep their verdict, new ones start healthy."""
        self._checks = dict(checks)
        for known in (self._heard, self._verdicts):
            for gone in known.keys() - checks.keys():
                del known[gone]
        for check_id, check in checks.items():
            if check_id not in self._verdicts:
                start = Verdict(check_id, not check.inverted, "not checked yet", self._clock.now_ms())
                self._verdicts[check_id] = start
        self._judge(checks)

    def hear(self, checker: str, observations: Iterable[Observation]) -> None:
        """Take in what a region's checker observes; repeated or not, it counts as heard from now."""
        now = self._clock.monotonic()
        news = []
        for observation in observations:
            if observation.check_id in self._checks:
                heard = self._heard.setdefault(observation.check_id, {})
                before = heard.get(checker)
                heard[checker] = (now, observation)
                if before is None or before[1] != observation:  # a repetition changes no verdict, and most are
                    news.append(observation.check_id)
        self._judge({*news, *self._expired(now)})

    def forget(self, checker: str) -> None:
        """A checker is heard no more (its stream broke): its observations no longer count."""
        touched = [check_id for check_id, heard in self._heard.items() if heard.pop(checker, None)]
        self._judge(touched)

    def expire(self) -> None:
        """Drop observations that are too old; every ``hear`` does so too."""
        self._judge(self._expired(self._clock.monotonic()))

    def healthy(self, check_id: str) -> bool:
        """The verdict; True for a check that does not exist, as for a record that has none."""
        verdict = self._verdicts.get(check_id)
        return verdict is None or verdict.healthy

    def verdict(self, check_id: str) -> Verdict:
        """The verdict with its reasons; raises ``KeyError`` for a check that does not exist."""
        return self._verdicts[check_id]

    def verdicts(self) -> dict[str, Verdict]:
        """All verdicts by check id."""
        return dict(self._verdicts)

    def expiry_s(self, check: HealthCheck) -> float:
        """How long an observation of a check counts: a few intervals, and the longest that a probe may take."""
        profile = self._profile
        probe_s = (CONNECT_TIMEOUT_S + 2 * ANSWER_TIMEOUT_S) * profile.health_check_timeout_scale
        intervals_s = _EXPIRY_INTERVALS * check.interval_s * profile.health_check_interval_scale
        return max(_EXPIRY_LEAST_S, intervals_s + probe_s)

    def _expired(self, now: float) -> list[str]:
        touched = []
        for check_id, heard in self._heard.items():
            oldest = now - self.expiry_s(self._checks[check_id])
            old = [checker for checker, (at, _) in heard.items() if at < oldest]
            for checker in old:
                del heard[checker]
            if old:
                touched.append(check_id)
        return touched

    def _judge(self, touched: Iterable[str]) -> None:
        """Judge the touched checks again, and the calculated ones that may depend on them."""
        touched = set(touched)
        if not touched:
            return
        changed = [self._settle(self._checks[check_id]) for check_id in touched if not self._is_calculated(check_id)]
        for check_id, check in self._checks.items():
            if check.kind is CheckKind.CALCULATED and (check_id in touched or touched & set(check.children)):
                changed.append(self._settle(check))
        if any(changed):
            for callback in self._callbacks:
                callback()

    def _is_calculated(self, check_id: str) -> bool:
        return self._checks[check_id].kind is CheckKind.CALCULATED

    def _settle(self, check: HealthCheck) -> bool:
        """Renew one verdict; True if it went from healthy to unhealthy or back."""
        before = self._verdicts[check.id]
        now_ms = self._clock.now_ms()
        raw, reason, stale, checkers = self._weigh(check, before)
        healthy = raw != check.inverted
        since_ms = before.since_ms if healthy == before.healthy else now_ms
        self._verdicts[check.id] = Verdict(check.id, healthy, reason, since_ms, stale, checkers)
        if healthy == before.healthy:
            return False
        self.history.append(Transition(now_ms, check.id, before.healthy, healthy, reason))
        return True

    def _weigh(self, check: HealthCheck, before: Verdict) -> tuple[bool, str, bool, dict[str, Observation]]:
        """Whether a check is well before inversion, why, whether that is stale, and who said so."""
        if check.disabled:
            return True, "disabled, and so taken as healthy", False, {}
        if check.kind is CheckKind.CALCULATED:
            well = sum(self._verdicts[child].healthy for child in check.children)
            reason = f"{well} of {len(check.children)} checks are healthy, {check.health_threshold} are wanted"
            stale = any(self._verdicts[child].stale for child in check.children)
            return well >= check.health_threshold, reason, stale, {}
        checkers = {checker: seen for checker, (_, seen) in self._heard.get(check.id, {}).items()}
        if not checkers:
            was_heard = before.stale or bool(before.checkers)
            return before.healthy != check.inverted, before.reason, was_heard, {}
        well = sum(seen.healthy for seen in checkers.values())
        is_well = well / len(checkers) > HEALTHY_SHARE
        reasons = Counter(seen.reason for seen in checkers.values() if seen.healthy == is_well)
        count = f"{well} of {len(checkers)} checkers find it healthy"
        return is_well, f"{reasons.most_common(1)[0][0]} ({count})", False, checkers
