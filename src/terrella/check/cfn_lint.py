"""cfn-lint, in a child process, its findings cached: it costs over two seconds, and a template is checked often."""

import hashlib
import re
import subprocess
import sys
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

import msgspec

from terrella.check.findings import Finding, Severity
from terrella.kernel import TerrellaError
from terrella.stack import Template

_CONFIGURATIONS = (".cfnlintrc", ".cfnlintrc.yaml", ".cfnlintrc.yml")
_TIMEOUT_S = 120.0
_CLEAN_EXITS = range(16)  # bits: 2 errors, 4 warnings, 8 information; above is a usage error, or a crash
_FAILED = re.compile(r"Exception .* raised while validating ")
_SEVERITIES = {"Error": Severity.ERROR, "Warning": Severity.WARNING}


class _Start(msgspec.Struct):
    LineNumber: int = 1


class _Location(msgspec.Struct):
    Start: _Start


class _Rule(msgspec.Struct):
    Id: str
    Source: str = ""


class _Match(msgspec.Struct):
    """One entry of cfn-lint's JSON, as far as it is used."""

    Level: str
    Message: str
    Rule: _Rule
    Location: _Location


def run_cfn_lint(template: Template, regions: Sequence[str]) -> list[Finding]:
    """cfn-lint's errors and warnings on a template, for these regions; cached. Raises ``TerrellaError``."""
    name = f"cfn-lint-{_key(template.path, regions)}"
    matches = template.cache.read(name, list[_Match])
    if matches is None:
        matches = _run(template.path, regions)
        template.cache.write(name, matches)
    return [_finding(template.path, match) for match in matches if match.Level in _SEVERITIES]


def _finding(path: Path, match: _Match) -> Finding:
    severity, message = _SEVERITIES[match.Level], match.Message
    fix = f"`cfn-lint --info` explains; see {match.Rule.Source}." if match.Rule.Source else ""
    if _FAILED.match(message):
        # It trips over resources that SAM generates, as ApiGatewayDomainNameV26b390559da.
        severity, message = Severity.NOTE, f"cfn-lint failed on this, and says nothing about it: {message}"
        fix = "There is nothing to mend in the template."
    return Finding(f"cfn-lint {match.Rule.Id}", severity, path, match.Location.Start.LineNumber, message, fix)


def _key(path: Path, regions: Sequence[str]) -> str:
    """What the outcome depends on: the template, the regions, cfn-lint, its configuration beside the template."""
    digest = hashlib.sha256(f"{version('cfn-lint')} {' '.join(sorted(regions))}\0".encode())
    for file in (path, *(path.parent / name for name in _CONFIGURATIONS)):
        if file.exists():
            digest.update(b"%s\0%s\0" % (file.name.encode(), file.read_bytes()))
    return digest.hexdigest()[:24]


def _run(path: Path, regions: Sequence[str]) -> list[_Match]:
    command = [sys.executable, "-c", "from cfnlint.runner import main; main()", "--format", "json"]
    try:
        done = subprocess.run(  # noqa: S603 - region names and the template's own name, no shell
            [*command, "--regions", *regions, "--", path.name],
            cwd=path.parent,
            capture_output=True,
            timeout=_TIMEOUT_S,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise TerrellaError(f"cfn-lint took longer than {_TIMEOUT_S:.0f} s on {path}") from error
    if done.returncode not in _CLEAN_EXITS or not done.stdout.strip():
        last = (done.stderr.decode(errors="replace").strip().splitlines() or ["no message"])[-1]
        raise TerrellaError(f"cfn-lint failed on {path}: {last}")
    return msgspec.json.decode(done.stdout, type=list[_Match])
