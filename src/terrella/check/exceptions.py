"""What is to be as it is: exceptions from rules, each with its reason, in the file that they speak of.

A comment on the line, or alone on the lines above it; a template's or resource's Metadata; cfn-lint's own list of
ignored checks, where a comment behind the entry says why. Without a reason an exception is none.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from terrella.check.findings import Finding, Rule, Severity
from terrella.check.source import declared, listing, mapping
from terrella.stack import Template

_COMMENT = re.compile(r"(?:#|//|/\*)\s*terrella:\s*ignore\[([^\]]*)\]:?\s*(.*?)\s*(?:\*/)?\s*$")
_ALONE = re.compile(r"\s*(?:#|//|/\*)")
_REMARK = re.compile(r"#\s*(\S.*)")

WITHOUT_REASON = Rule(
    id="exception-without-reason",
    number=9190,
    severity=Severity.ERROR,
    alone=Severity.ERROR,
    explanation="An exception without a reason is a finding that somebody switched off: nobody can tell later whether"
    " it still holds. It is not applied.",
    fix="Write the reason: `# terrella: ignore[RULE] the reason`, or `RULE: the reason` in the Metadata.",
    find=lambda _: (),
)
IDLE = Rule(
    id="idle-exception",
    number=9191,
    severity=Severity.WARNING,
    alone=Severity.NOTE,
    explanation="An exception for a rule that there is not, or that finds nothing there, hides the next thing that is.",
    fix="Remove the exception, or mend the rule's name.",
    find=lambda _: (),
)
RULES = [WITHOUT_REASON, IDLE]


@dataclass(frozen=True, slots=True)
class _Exception:
    """Lines (``first`` to ``last``) of a file on which these rules do not count; ``line`` is where it is written."""

    file: Path
    line: int
    first: int
    last: int
    name: str
    reason: str

    def covers(self, finding: Finding, names: frozenset[str]) -> bool:
        """Whether it speaks of the finding, which goes by these names."""
        return self.name in names and self.file == finding.file and self.first <= finding.line <= self.last


def apply_exceptions(
    found: Sequence[Finding], template: Template, files: Sequence[Path], rules: Sequence[Rule], *, is_alone: bool
) -> list[Finding]:
    """The findings, those that are excepted with their reason; and what is wrong with the exceptions themselves.

    ``files`` are the handlers' files that were looked at.
    """
    codes = {rule.id: rule.code for rule in rules}
    extents = _extents(template)
    ignored = [*_of_metadata(template, extents, codes), *_of_comments(template.path, dict(extents.values()))]
    ignored += [one for file in files for one in _of_comments(file, {})]
    judged: list[Finding] = []
    busy: set[_Exception] = set()
    for finding in found:
        names = _names(finding, codes)
        covering = [one for one in ignored if one.covers(finding, names)]
        busy |= set(covering)
        reason = next((one.reason for one in covering if one.reason), None)
        judged.append(replace(finding, excepted=reason) if reason is not None else finding)
    severity = (IDLE.alone if is_alone else IDLE.severity) or IDLE.severity
    for one in dict.fromkeys(ignored):
        if not one.reason:
            message = f"the exception from {one.name} gives no reason, and is not applied"
            judged.append(
                Finding(WITHOUT_REASON.id, WITHOUT_REASON.severity, one.file, one.line, message, WITHOUT_REASON.fix)
            )
        elif one not in busy and not _is_foreign(one.name, codes):
            known = one.name in codes or one.name in codes.values()
            message = f"{one.name} finds nothing here" if known else f"there is no rule {one.name}"
            judged.append(
                Finding(IDLE.id, severity, one.file, one.line, f"{message}, and is excepted for nothing", IDLE.fix)
            )
    return judged


def _names(finding: Finding, codes: Mapping[str, str]) -> frozenset[str]:
    """What a finding may be called: nothing, if it is none that one may choose to live with."""
    if finding.rule in codes:
        return frozenset({finding.rule, codes[finding.rule]})
    origin, _, code = finding.rule.partition(" ")
    return frozenset({code}) if origin == "cfn-lint" else frozenset()


def _is_foreign(name: str, codes: Mapping[str, str]) -> bool:
    """Whether it is a check of cfn-lint's own, of which we do not know whether it was run."""
    return re.fullmatch(r"[EWI]\d{1,4}", name) is not None and name not in codes.values()


def _extents(template: Template) -> dict[str, tuple[int, int]]:
    """The first and last line of each resource."""
    lines = template.path.read_text(errors="replace").count("\n") + 1
    firsts = {one.logical_id: template.line_of(("Resources", one.logical_id)) for one in declared(template.source)}
    starts = [*firsts.values(), *(template.line_of((section,)) for section in template.source)]
    return {
        name: (first, min((line - 1 for line in starts if line > first), default=lines))
        for name, first in firsts.items()
    }


def _of_comments(file: Path, extents: Mapping[int, int]) -> Iterator[_Exception]:
    """``extents`` are the last lines of what begins on a line: an exception there speaks of all of it."""
    lines = file.read_text(errors="replace").splitlines()
    for number, text in enumerate(lines, 1):
        match = _COMMENT.search(text)
        if match is None:
            continue
        about = number
        if _ALONE.match(text):
            following = (later for later, line in enumerate(lines[number:], number + 1) if not _is_remark(line))
            about = next(following, number)
        for name in match[1].split(","):
            yield _Exception(file, number, about, extents.get(about, about), name.strip(), match[2].strip())


def _is_remark(line: str) -> bool:
    return not line.strip() or _ALONE.match(line) is not None


def _of_metadata(
    template: Template, extents: Mapping[str, tuple[int, int]], codes: Mapping[str, str]
) -> Iterator[_Exception]:
    lines = template.path.read_text(errors="replace").splitlines()
    yield from _of_block(template, ("Metadata",), template.source.get("Metadata"), (1, len(lines)), lines, codes)
    for name, extent in extents.items():
        metadata = template.source["Resources"][name].get("Metadata")
        yield from _of_block(template, ("Resources", name, "Metadata"), metadata, extent, lines, codes)


def _of_block(
    template: Template,
    path: tuple[str, ...],
    metadata: Any,
    about: tuple[int, int],
    lines: Sequence[str],
    codes: Mapping[str, str],
) -> Iterator[_Exception]:
    own = mapping(metadata, "terrella").get("ignore_checks")
    given = own if isinstance(own, Mapping) else dict.fromkeys(map(str, listing(own)), "")
    for name, reason in given.items():
        line = template.line_of((*path, "terrella", "ignore_checks", name))
        yield _Exception(template.path, line, *about, name, str(reason or "").strip())
    for index, name in enumerate(listing(mapping(metadata, "cfn-lint", "config").get("ignore_checks"))):
        if name in codes.values():
            line = template.line_of((*path, "cfn-lint", "config", "ignore_checks", index))
            remark = _REMARK.search(lines[line - 1])
            yield _Exception(template.path, line, *about, name, remark[1].strip() if remark else "")
