"""Findings as SARIF 2.1.0 (OASIS), which GitHub and editors show beside the lines."""

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from terrella.check.findings import Finding, Rule

_SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/os/schemas/sarif-schema-2.1.0.json"


def to_sarif(found: Sequence[Finding], rules: Sequence[Rule], *, root: Path, version: str) -> bytes:
    """A log with one run; files are named from ``root``, what is excepted is a suppressed result with its reason."""
    known = {rule.id: rule for rule in rules}
    ids = list(dict.fromkeys([*known, *(one.rule for one in found)]))
    driver = {
        "name": "terrella check",
        "version": version,
        "rules": [_rule(name, known) for name in ids],
    }
    run = {
        "tool": {"driver": driver},
        "columnKind": "unicodeCodePoints",
        "originalUriBaseIds": {"SRCROOT": {"uri": f"{root.absolute().as_uri()}/"}},
        "results": [_result(one, ids, root) for one in found],
    }
    return msgspec.json.format(msgspec.json.encode({"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]}), indent=2)


def _rule(name: str, known: Mapping[str, Rule]) -> dict[str, Any]:
    if name not in known:
        return {"id": name}
    rule = known[name]
    return {
        "id": name,
        "name": "".join(word.capitalize() for word in name.split("-")),
        "shortDescription": {"text": rule.explanation.partition(":")[0].rstrip(".") + "."},
        "fullDescription": {"text": rule.explanation},
        "help": {"text": rule.fix, "markdown": f"{rule.explanation}\n\n**What to do:** {rule.fix}"},
        "defaultConfiguration": {"level": rule.severity},
        "properties": {"cfn-lint": rule.code},
    }


def _result(one: Finding, ids: Sequence[str], root: Path) -> dict[str, Any]:
    artifact = _artifact(one.file, root)
    place = {"artifactLocation": artifact, "region": {"startLine": max(one.line, 1)}}
    result: dict[str, Any] = {
        "ruleId": one.rule,
        "ruleIndex": ids.index(one.rule),
        "level": one.severity,
        "message": {"text": f"{one.message}. {one.fix}" if one.fix else one.message},
        "locations": [{"physicalLocation": place}],
        "partialFingerprints": {
            "terrellaFinding/v1": hashlib.sha256(f"{one.rule}\0{artifact['uri']}\0{one.message}".encode()).hexdigest()[
                :32
            ]
        },
    }
    if one.excepted is not None:
        result["suppressions"] = [{"kind": "inSource", "justification": one.excepted}]
    return result


def _artifact(file: Path, root: Path) -> dict[str, str]:
    path, base = file.absolute(), root.absolute()
    if path.is_relative_to(base):
        return {"uri": path.relative_to(base).as_posix(), "uriBaseId": "SRCROOT"}
    return {"uri": path.as_uri()}
