"""What was expected, what was found, and whether that holds."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Finding:
    """One row of the verdict: what was looked at, what was expected of it, what was measured."""

    scene: str
    what: str
    expected: str
    measured: str
    held: bool


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
        """Whether something was looked at and all of it held."""
        return bool(self.findings) and all(finding.held for finding in self.findings)
