"""``traffic``: the share of answered requests that one region answered."""

import re
from dataclasses import dataclass
from typing import ClassVar, Self

from terrella.gameday.bounds import Bound, Scope, Unit, read_bound, show_share
from terrella.gameday.evidence import Evidence
from terrella.gameday.expectations.base import Known, known_scope
from terrella.gameday.verdict import Finding

_WHERE = re.compile(r"(\S+)\s+(.*)")
_DURING = "during faults"


@dataclass(frozen=True, slots=True)
class Traffic:
    """Over the whole run, or only while any fault lasted (``during faults``)."""

    keyword: ClassVar[str] = "traffic"
    grammar: ClassVar[str] = (
        '"eu-west-1 <= 1% during faults excluding the first 5s after a fault"; what follows is optional'
    )
    needs_load: ClassVar[bool] = True
    region: str
    bound: Bound
    during_faults: bool
    scope: Scope

    @property
    def expected(self) -> str:
        """The region, the bound and its scope."""
        during = _DURING if self.during_faults else ""
        return " ".join(part for part in (self.region, str(self.bound), during, str(self.scope)) if part)

    @classmethod
    def parse(cls, text: str, known: Known) -> Self:
        """A region, a share and a scope."""
        match = _WHERE.fullmatch(text.strip())
        if match is None or match[1] not in known.regions:
            raise ValueError(text)
        bound, rest = read_bound(match[2], Unit.SHARE)
        during = rest.startswith(_DURING)
        return cls(match[1], bound, during, known_scope(rest.removeprefix(_DURING), known))

    def judge(self, evidence: Evidence) -> list[Finding]:
        """The share."""
        samples = [sample for sample in evidence.within(self.scope) if sample.ok]
        if self.during_faults:
            samples = [
                sample
                for sample in samples
                if any(window.from_s <= sample.intended_s < window.until_s for window in evidence.windows)
            ]
        what = f"traffic of {self.region}"
        if not samples:
            return [Finding("", what, self.expected, "no request was answered in that time", held=False, unknown=True)]
        share = sum(sample.region == self.region for sample in samples) / len(samples)
        measured = f"{show_share(share)} of {len(samples):,}"
        return [Finding("", what, self.expected, measured, self.bound.holds(share))]
