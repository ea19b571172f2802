"""The verdict as JUnit XML, for CI: a suite for each run, a case for each finding."""

from xml.etree.ElementTree import Element, SubElement, indent, tostring

from terrella.gameday.model import Outcome, Run
from terrella.gameday.verdict import Finding


def junit_report(outcome: Outcome) -> str:
    """An XML document as text. What was not judged is skipped; what is in doubt, or was broken off, is an error."""
    root = Element("testsuites", name=outcome.gameday.name)
    for run in outcome.runs:
        root.append(_suite(outcome.gameday.name, run))
    indent(root)
    return '<?xml version="1.0" encoding="utf-8"?>\n' + tostring(root, encoding="unicode") + "\n"


def _suite(name: str, run: Run) -> Element:
    findings = run.verdict.findings
    failed = sum(finding.judged and not finding.held and not finding.doubtful for finding in findings)
    suite = Element(
        "testsuite",
        name=f"{name}, run {run.number}, seed {run.seed}",
        tests=str(len(findings) + bool(run.aborted)),
        failures=str(failed),
        errors=str(sum(finding.doubtful for finding in findings) + bool(run.aborted)),
        skipped=str(sum(not finding.judged for finding in findings)),
        time=f"{run.evidence.load_until_s:.3f}",
    )
    for finding in findings:
        suite.append(_case(name, finding))
    if run.aborted:
        case = SubElement(suite, "testcase", classname=name, name="goes to its end")
        SubElement(case, "error", message=run.aborted)
    return suite


def _case(name: str, finding: Finding) -> Element:
    case = Element("testcase", classname=name, name=f"{finding.what}: {finding.expected}")
    if not finding.judged:
        SubElement(case, "skipped", message=finding.measured)
    elif not finding.held:
        kind = "error" if finding.doubtful else "failure"
        failure = SubElement(case, kind, message=f"{finding.measured}, expected {finding.expected}")
        failure.text = finding.note or None
    SubElement(case, "system-out").text = f"measured: {finding.measured}"
    return case
