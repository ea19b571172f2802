"""Everything as JSON: verdicts, faults, failovers, and the series that the plots are drawn from."""

import math
from typing import Any

import msgspec

from terrella.gameday.evidence import Evidence
from terrella.gameday.expectations import failovers
from terrella.gameday.model import Outcome, Run
from terrella.gameday.report.series import PERCENTILES, series_of


def json_report(outcome: Outcome) -> str:
    """A JSON document. Times are seconds of the run; null is what is not known, or did not come."""
    gameday = outcome.gameday
    told = {
        "name": gameday.name,
        "file": str(gameday.path),
        "profile": gameday.profile.name,
        "world": gameday.world.name,
        "regions": list(gameday.world.regions),
        "held": outcome.verdict,
        "result": outcome.result,
        "runs": [_run(run) for run in outcome.runs],
    }
    return msgspec.json.format(msgspec.json.encode(told), indent=2).decode() + "\n"


def _run(run: Run) -> dict[str, Any]:
    evidence = run.evidence
    return {
        "run": run.number,
        "seed": run.seed,
        "started_at_ms": run.started_at_ms,
        "world_started_s": run.world_started_s,
        "held": run.held,
        "result": run.result,
        "aborted": run.aborted or None,
        "notes": run.notes,
        "findings": [
            {
                "expectation": one.scene,
                "what": one.what,
                "expected": one.expected,
                "measured": one.measured,
                "held": one.held,
                "judged": one.judged,
                "doubtful": one.doubtful,
                "note": one.note,
            }
            for one in run.verdict.findings
        ],
        "faults": [
            {
                "fault": window.told,
                "keyword": window.keyword,
                "subject": window.subject,
                "fis_action": window.fis_action,
                "from_s": round(window.from_s, 3),
                "until_s": _finite(window.until_s),
            }
            for window in evidence.windows
        ],
        "failovers": [
            {
                "fault": one.window.told,
                "vantage_point": one.vantage_point,
                "failed": one.failed,
                "took_s": _finite(one.took_s),
                "elsewhere_s": _finite(one.elsewhere_s),
                "aws_s": evidence.aws.failover_s,
            }
            for one in failovers(evidence)
        ],
        "writes": None if evidence.writes is None else msgspec.to_builtins(evidence.writes),
        "too_busy": [{"from_s": round(from_s, 1), "until_s": round(until_s, 1)} for from_s, until_s in evidence.busy],
        "generator_late_s": round(evidence.generator_late_s, 4),
        "replicas_equal_after_s": _finite(evidence.equal_after_s),
        "series": _series(evidence),
    }


def _series(evidence: Evidence) -> dict[str, Any]:
    series = series_of(evidence)
    return {
        "bin_s": series.width_s,
        "answered_by_region": {
            region: [each.answered.get(region, 0) for each in series.bins] for region in evidence.regions
        },
        "failed_by_vantage_point": {
            place: [each.failed.get(place, 0) for each in series.bins] for place in evidence.vantage_points
        },
        "latency_s": {f"p{share * 100:g}": list(map(_finite, series.percentiles_s(share))) for share in PERCENTILES},
        "machine": [
            {"at_s": round(one.at_s, 1), "late_s": round(one.late_s, 3), "waited": _finite(one.waited)}
            for one in evidence.machine
        ],
        "looks": [
            {
                "at_s": round(look.at_s, 3),
                "regions": {
                    name: {
                        "state": region.state,
                        "healthy": region.healthy,
                        "lag_s": _finite(region.lag_s),
                        "at_risk": region.at_risk,
                        "conflicts": region.conflicts,
                        "cross_region_calls": region.calls,
                    }
                    for name, region in look.regions.items()
                },
            }
            for look in evidence.looks
        ],
    }


def _finite(value: float | None) -> float | None:
    return None if value is None or math.isinf(value) or math.isnan(value) else round(value, 4)
