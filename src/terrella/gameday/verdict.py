"""What was expected, what was found, and whether that holds."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Finding:
    """One row of the verdict: what was looked at, what was expected of it, what was measured.

    ``judged`` is False where nothing could be measured because nobody meant to (no load was asked for): such a row
    does not break the verdict, and does not hold either. ``unknown``: it could not be measured though it was meant to.
    ``doubtful``: it did not hold, but would have without the time in which this machine was too busy. ``note`` says
    what AWS would have taken, or why it failed.
    """

    scene: str
    what: str
    expected: str
    measured: str
    held: bool
    judged: bool = True
    doubtful: bool = False
    unknown: bool = False
    note: str = ""


@dataclass(slots=True)
class Verdict:
    """Every finding of a run, in order."""

    findings: list[Finding] = field(default_factory=list)

    def expect(self, scene: str, what: str, expected: str, measured: str, held: bool) -> Finding:
        """Note one finding."""
        finding = Finding(scene, what, expected, measured, held)
        self.findings.append(finding)
        return finding

    @property
    def held(self) -> bool:
        """Whether something was judged and all of that held."""
        judged = [finding for finding in self.findings if finding.judged]
        return bool(judged) and all(finding.held for finding in judged)

    @property
    def doubtful(self) -> bool:
        """Whether all that did not hold is in doubt, and there is some."""
        broken = [finding for finding in self.findings if finding.judged and not finding.held]
        return bool(broken) and all(finding.doubtful for finding in broken)
