"""Findings as JUnit XML: a case for each rule, failed where something is found that counts."""

from collections.abc import Collection, Sequence
from pathlib import Path
from xml.etree import ElementTree as ET

from terrella.check.findings import Finding, Rule, Severity


def to_junit(found: Sequence[Finding], rules: Sequence[Rule], *, root: Path, failing: Collection[Severity]) -> bytes:
    """One suite. ``failing`` are the severities that fail a case; what does not fail stands in ``system-out``."""
    names = list(dict.fromkeys([*(rule.id for rule in rules), *(one.rule for one in found)]))
    suite = ET.Element("testsuite", name="terrella check")
    failed = skipped = 0
    for name in names:
        case = ET.SubElement(suite, "testcase", classname="terrella.check", name=name)
        mine = [one for one in found if one.rule == name]
        counting = [one for one in mine if one.excepted is None]
        failures = [one for one in counting if one.severity in failing]
        others = [one for one in counting if one.severity not in failing]
        if failures:
            failed += 1
            message = failures[0].message if len(failures) == 1 else f"{len(failures)} places"
            failure = ET.SubElement(case, "failure", message=message, type=str(failures[0].severity))
            failure.text = "\n".join([*(_line(one, root) for one in failures), failures[0].fix])
        elif mine and not counting:
            skipped += 1
            ET.SubElement(case, "skipped", message="; ".join(dict.fromkeys(str(one.excepted) for one in mine)))
        if others:
            ET.SubElement(case, "system-out").text = "\n".join(_line(one, root) for one in others)
    suite.attrib |= {"tests": str(len(names)), "failures": str(failed), "errors": "0", "skipped": str(skipped)}
    whole = ET.Element("testsuites")
    whole.append(suite)
    ET.indent(whole)
    return b'<?xml version="1.0" encoding="UTF-8"?>\n' + ET.tostring(whole, encoding="unicode").encode() + b"\n"


def _line(one: Finding, root: Path) -> str:
    path, base = one.file.absolute(), root.absolute()
    file = path.relative_to(base) if path.is_relative_to(base) else path
    return f"{file}:{one.line}: {one.severity}: {one.message}"
