"""The report for people: one HTML file that needs nothing else, no script and no network."""

import math
from collections.abc import Iterable
from datetime import UTC, datetime
from html import escape

from terrella.gameday.bounds import show_seconds, show_share
from terrella.gameday.evidence import Evidence, failed_share, percentile
from terrella.gameday.expectations import failovers
from terrella.gameday.model import Outcome, Result, Run
from terrella.gameday.report.charts import Chart, charts_of
from terrella.gameday.report.series import series_of
from terrella.gameday.report.style import style_sheet
from terrella.gameday.verdict import Finding

_CSS = {Result.HELD: "held", Result.IN_DOUBT: "doubtful", Result.NOT_HELD: "broken"}
_LIMITS = (
    "Regions were processes on one machine, apart by the real distance. Failures here are clean ones, and latency under"
    " load says little about AWS; what carries over is the shape: who fails, for how long, what is lost. What a"
    " rehearsal does not prove stands in docs/limits.md."
)


def html_report(outcome: Outcome) -> str:
    """The whole page. Of several runs: one table of all verdicts, and each run's plots, the first broken one open."""
    gameday = outcome.gameday
    title = f"{gameday.name}: {outcome.result.lower()}"
    single = len(outcome.runs) == 1
    body = [_head(outcome), _verdict(outcome)]
    if single:
        body.append(_run(outcome.runs[0]))
    else:
        body.append(_runs_table(outcome))
        shown = next((run for run in outcome.runs if not run.held), outcome.runs[-1] if outcome.runs else None)
        for run in outcome.runs:
            opened = " open" if run is shown else ""
            body.append(
                f"<details{opened}><summary>Run {run.number}, seed {run.seed}: {run.result.lower()}</summary>"
                f"{_tiles(run.evidence)}{_findings(run)}{_run(run)}</details>"
            )
    body += [_file(outcome), _foot(outcome)]
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title><style>{style_sheet()}</style></head>"
        f"<body><main>{''.join(body)}</main></body></html>\n"
    )


def _head(outcome: Outcome) -> str:
    gameday = outcome.gameday
    runs = outcome.runs
    started = f"{_moment(runs[0].started_at_ms)} UTC" if runs else "never"
    seeds = ", ".join(str(run.seed) for run in runs)
    load = "none of ours"
    if gameday.load is not None:
        places = ", ".join(each.name for each in gameday.load.vantage_points)
        load = f"{gameday.load.rate_per_s:g} requests a second from {places}"
    facts = [
        ("profile", gameday.profile.name),
        ("world", f"{gameday.world.name} in {', '.join(gameday.world.regions)}"),
        ("load", load),
        ("begun", started),
        ("seed" if len(runs) == 1 else "seeds", seeds),
    ]
    told = "".join(f"<span>{escape(name)} <b>{escape(value)}</b></span>" for name, value in facts)
    about = f"<p>{escape(gameday.about)}</p>" if gameday.about else ""
    return f"<h1>{escape(gameday.name)}</h1>{about}<div class=meta>{told}</div>"


def _verdict(outcome: Outcome) -> str:
    runs = outcome.runs
    judged = [finding for run in runs for finding in run.verdict.findings if finding.judged]
    broken = [finding for finding in judged if not finding.held]
    word, css = outcome.result.capitalize(), _CSS[outcome.result]
    if len(runs) > 1:
        doubtful = sum(run.result is Result.IN_DOUBT for run in runs)
        said = f"{sum(run.held for run in runs)} of {len(runs)} runs held" + (
            f", {doubtful} {'is' if doubtful == 1 else 'are'} in doubt: this machine was too busy." if doubtful else "."
        )
    elif broken:
        named = ", ".join(dict.fromkeys(one.what for one in broken))
        said = f"{len(broken)} of {len(judged)} expectations did not hold: {named}."
        if outcome.result is Result.IN_DOUBT:
            said += " Without the time in which this machine was too busy they would have held."
    elif not judged:
        said = "Nothing was judged."
    else:
        said = f"All {len(judged)} expectations held."
    aborted = " ".join(escape(run.aborted) for run in runs if run.aborted)
    parts = [f'<div class="verdict {css}"><span class=word>{word}</span><p>{escape(said)} {aborted}</p></div>']
    notes = list(dict.fromkeys(note for run in runs for note in run.notes))
    if len(runs) == 1:
        parts += [_tiles(runs[0].evidence), _findings(runs[0])]
    if notes:
        parts.append(f"<div class=notes>{''.join(f'<p>{escape(note)}</p>' for note in notes)}</div>")
    return "".join(parts)


def _tiles(evidence: Evidence) -> str:
    tiles: list[tuple[str, str]] = []
    if evidence.samples:
        took = [sample.latency_s for sample in evidence.samples if sample.ok]
        tiles += [
            (show_share(1 - failed_share(evidence.samples)), "of all requests answered, faults included"),
            (f"{len(evidence.samples):,}", "requests"),
            (show_seconds(percentile(took, 0.5)) if took else "none", "median latency"),
        ]
        found = [one for one in failovers(evidence) if one.window.regions]
        if found:
            worst_s, retried = max(one.took_s for one in found), sum(one.retried for one in found)
            again = f"; {retried:,} requests were sent again" if retried else ""
            figure = show_seconds(worst_s) if worst_s else "no failure"
            tiles.append((figure, f"slowest failover of a vantage point{again}"))
    if evidence.writes is not None and not evidence.writes.unchecked:
        writes = evidence.writes
        tiles.append((f"{len(writes.lost):,}", f"lost of {writes.acknowledged:,} acknowledged writes"))
    drawn = (
        f"<div class=tile><div class=figure>{escape(a)}</div><div class=what>{escape(b)}</div></div>" for a, b in tiles
    )
    return f"<div class=tiles>{''.join(drawn)}</div>" if tiles else ""


def _findings(run: Run) -> str:
    rows = [
        (
            _mark(one),
            escape(one.what),
            f"<span class=soft>{escape(one.expected)}</span>",
            ("measured", escape(one.measured) + (f"<span class=note>{escape(one.note)}</span>" if one.note else "")),
        )
        for one in run.verdict.findings
    ]
    if not rows:
        return ""
    return "<h2>What was expected, and what was measured</h2>" + _table(("", "what", "expected", "measured"), rows)


def _mark(finding: Finding) -> str:
    if not finding.judged:
        return '<span class="mark open" title="not judged">&#8211;</span>'
    if finding.held:
        return '<span class="mark yes">&#10003; held</span>'
    if finding.doubtful:
        return '<span class="mark open">? in doubt</span>'
    return '<span class="mark no">&#10007; broken</span>'


def _run(run: Run) -> str:
    if not run.begun:
        return ""
    evidence = run.evidence
    series = series_of(evidence)
    return "".join(
        [
            _timeline(evidence),
            _failovers(run),
            "<h2>What happened</h2>",
            *(_figure(chart) for chart in charts_of(evidence, series)),
        ]
    )


def _timeline(evidence: Evidence) -> str:
    if not evidence.windows:
        return ""
    rows = []
    for number, window in enumerate(evidence.windows, start=1):
        lasted = "" if math.isinf(window.until_s) else show_seconds(window.until_s - window.from_s)
        rows.append(
            (
                str(number),
                ("told", escape(window.told)),
                ("number", f"{window.from_s:.1f} s"),
                ("number", "-" if math.isinf(window.until_s) else f"{window.until_s:.1f} s"),
                ("number", lasted),
                f"<span class=soft>{escape(window.fis_action or '-')}</span>",
            )
        )
    columns = ("", "fault", "#from", "#until", "#lasted", "action of AWS FIS that comes closest")
    return "<h2>Faults</h2>" + _table(columns, rows)


def _failovers(run: Run) -> str:
    """Beside what each vantage point went through, what Route 53's clockwork would have taken."""
    evidence = run.evidence
    aws_s = evidence.aws.failover_s
    rows = []
    for one in failovers(evidence):
        if not one.window.regions:
            continue
        number = evidence.windows.index(one.window) + 1
        took = "nothing failed" if not one.failed else show_seconds(one.took_s)
        if math.isinf(one.took_s):
            took = "not while it lasted"
        elsewhere = "-" if one.elsewhere_s is None else show_seconds(one.elsewhere_s)
        rows.append(
            (
                ("told", f"{number}. {escape(one.window.told)}"),
                escape(one.vantage_point),
                ("number", f"{one.failed:,}"),
                ("number", f"{one.retried:,}"),
                ("number", f"<b>{took}</b>"),
                ("number", elsewhere),
                ("number", "clients stay" if aws_s is None else f"up to {show_seconds(aws_s)}"),
            )
        )
    if not rows:
        return ""
    columns = (
        *("fault", "clients in", "#failed", "#answered when sent again"),
        *("#until the last failure", "#first answered elsewhere", "#on AWS"),
    )
    sum_of = f"{escape(evidence.aws.told())}: health check interval, threshold and TTL as the template has them."
    told = f"<p class=soft>{sum_of}</p>"
    return "<h2>Failover, by where the clients were</h2>" + _table(columns, rows) + told


def _figure(chart: Chart) -> str:
    legend = "".join(f'<span><i class="{css}"></i>{escape(what)}</span>' for css, what in chart.legend)
    remark = f"<span class=remark>{escape(chart.remark)}</span>" if chart.remark else ""
    return (
        f"<figure><figcaption><h3>{escape(chart.title)}</h3><span class=legend>{legend}</span>{remark}</figcaption>"
        f"{f'<div class=scroll>{chart.picture}</div>' if chart.picture else ''}</figure>"
    )


def _runs_table(outcome: Outcome) -> str:
    """A row for each expectation, a column for each run."""
    rows = []
    for (what, expected), findings in outcome.by_expectation().items():
        cells: list[str | tuple[str, str]] = [escape(what), f"<span class=soft>{escape(expected)}</span>"]
        cells += [
            "-" if one is None else f"{_mark(one)} <span class=soft>{escape(one.measured)}</span>" for one in findings
        ]
        rows.append(tuple(cells))
    columns = ("what", "expected", *(f"seed {run.seed}" for run in outcome.runs))
    return "<h2>Each run</h2>" + _table(columns, rows)


def _table(columns: Iterable[str], rows: Iterable[tuple[str | tuple[str, str], ...]]) -> str:
    """``#`` before a column's name sets it to the right; a cell is text, or (css class, text)."""
    head = "".join(
        f"<th class=number>{escape(column[1:])}</th>" if column.startswith("#") else f"<th>{escape(column)}</th>"
        for column in columns
    )
    body = "".join(f"<tr>{''.join(map(_cell, row))}</tr>" for row in rows)
    return f"<div class=scroll><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"


def _cell(cell: str | tuple[str, str]) -> str:
    return f"<td>{cell}</td>" if isinstance(cell, str) else f'<td class="{cell[0]}">{cell[1]}</td>'


def _file(outcome: Outcome) -> str:
    name, text = outcome.gameday.path.name, outcome.gameday.text
    return f"<h2>The game day's file</h2><details><summary>{escape(name)}</summary><pre>{escape(text)}</pre></details>"


def _foot(outcome: Outcome) -> str:
    profile = outcome.gameday.profile
    clockwork = "Route 53's own intervals, time-outs and TTLs"
    if profile.health_check_interval_scale != 1:
        faster = 1 / profile.health_check_interval_scale
        ttl = f"a TTL of 60 s is {60 * profile.dns_ttl_scale:g} s"
        clockwork = f"health checks run {faster:g} times faster than Route 53's, and {ttl}"
    return f"<footer><p>Profile {escape(profile.name)}: {clockwork}. {_LIMITS}</p><p>Made by terrella.</p></footer>"


def _moment(milliseconds: int) -> str:
    return datetime.fromtimestamp(milliseconds / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S")
