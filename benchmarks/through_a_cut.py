"""A picture of replication lag through a cut: what terrella says of itself, beside what probes see."""

import itertools
import json
import math
import threading
import time
from dataclasses import dataclass

from benchmarks.context import Context
from benchmarks.figures import Figure
from benchmarks.load import run_load
from benchmarks.tables import put_body
from benchmarks.wire import dynamodb
from benchmarks.worlds import AWS_PORT, ROOT, BenchWorld, wait_for

PLOT = ROOT / "docs" / "images" / "lag-through-a-cut.svg"
TABLE = "items"
WRITER, AWAY = "us-east-1", "eu-west-1"
BEFORE_S, CUT_S, AFTER_S = 3.0, 6.0, 6.0
_CONNECTIONS, _PAUSE_MS = 10, 20
_SAMPLE_S = 0.05
_LOG_FLOOR_MS = 10.0


@dataclass(frozen=True, slots=True)
class Sample:
    """One look: seconds since the start, the lag that the region states (None: unknown), the newest mark's real age."""

    at_s: float
    stated_ms: float | None
    behind: int | None
    seen_ms: float


def run(context: Context) -> list[Figure]:
    """Some 400 writes a second in one region, watched in another whose links are cut for six seconds."""
    world = context.world()
    context.say("lag through a cut")
    samples = _watch(context, world)
    PLOT.parent.mkdir(parents=True, exist_ok=True)
    PLOT.write_text(draw(samples))
    caught_up = _caught_up_s(samples)
    return [
        Figure(
            "after a cut of 6 s: healed until caught up",
            "s",
            [caught_up],
            f"about 400 writes a second in {WRITER}, {AWAY} cut from both others for 6 s; from the heal command until "
            f"a mark that was written at most 0.5 s ago is visible; the picture is {PLOT.relative_to(ROOT)}",
        )
    ]


def _watch(context: Context, world: BenchWorld) -> list[Sample]:
    others = [region for region in world.regions if region != AWAY]
    stop = threading.Event()
    marks: list[float] = []
    working = [
        threading.Thread(target=_load, args=(context, world)),
        threading.Thread(target=_mark, args=(world, marks, stop)),
    ]
    for thread in working:
        thread.start()
    wait_for("marks", lambda: len(marks) > 5)
    reader = world.dynamodb(AWAY)
    host = world.address(AWAY)
    started = time.perf_counter()
    changes = [(BEFORE_S, {"cut": True}), (BEFORE_S + CUT_S, {"heal": True})]
    samples = []
    while (now := time.perf_counter() - started) < BEFORE_S + CUT_S + AFTER_S:
        if changes and now >= changes[0][0]:
            for region in others:
                world.post("links", {"a": AWAY, "b": region, **changes[0][1]})
            changes.pop(0)
        body = f'{{"TableName":"{TABLE}","Key":{{"id":{{"S":"mark"}}}}}}'.encode()
        found = json.loads(reader.exchange(dynamodb(host, AWAY, "GetItem", body))[1])
        seen_ms = (time.perf_counter() - marks[int(found["Item"]["number"]["N"])]) * 1000
        told = world.region_status(AWAY)["replication"][WRITER]
        samples.append(Sample(time.perf_counter() - started, told["lag_ms"], told["records_behind"], seen_ms))
        time.sleep(_SAMPLE_S)
    stop.set()
    for thread in working:
        thread.join()
    reader.close()
    return samples


def _load(context: Context, world: BenchWorld) -> None:
    host = world.address(WRITER)
    request = dynamodb(f"{host}:{AWS_PORT}", WRITER, "PutItem", put_body(TABLE))
    seconds = BEFORE_S + CUT_S + AFTER_S + 1
    scratch = context.scratch / "through-a-cut"
    scratch.mkdir(exist_ok=True)
    run_load(
        host,
        AWS_PORT,
        request,
        connections=_CONNECTIONS,
        seconds=seconds,
        scratch=scratch,
        first=80_000_000,
        pause_ms=_PAUSE_MS,
    )


def _mark(world: BenchWorld, marks: list[float], stop: threading.Event) -> None:
    """One item that says, by its number, when it was written."""
    writer = world.dynamodb(WRITER)
    host = world.address(WRITER)
    for number in itertools.count():
        if stop.is_set():
            break
        body = f'{{"TableName":"{TABLE}","Item":{{"id":{{"S":"mark"}},"number":{{"N":"{number}"}}}}}}'.encode()
        writer.exchange(dynamodb(host, WRITER, "PutItem", body))
        marks.append(time.perf_counter())
        time.sleep(0.02)
    writer.close()


def _caught_up_s(samples: list[Sample]) -> float:
    healed = BEFORE_S + CUT_S
    return next((one.at_s - healed for one in samples if one.at_s > healed and one.seen_ms < 500), float("nan"))


_WIDTH, _HEIGHT = 760, 340
_LEFT, _RIGHT, _TOP, _BOTTOM = 64, 20, 44, 46
_DECADES_MS = (10, 100, 1_000, 10_000)
_END_S = BEFORE_S + CUT_S + AFTER_S


def draw(samples: list[Sample]) -> str:
    """The lag over time, on a logarithmic scale, as an SVG that stands alone."""
    shaded = f'<rect x="{_x(BEFORE_S):.0f}" y="{_TOP}" width="{_x(BEFORE_S + CUT_S) - _x(BEFORE_S):.0f}"'
    parts = [
        (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" '
            'font-family="system-ui, sans-serif" font-size="12" fill="#333">'
        ),
        f'<rect width="{_WIDTH}" height="{_HEIGHT}" fill="#fff"/>',
        f'{shaded} height="{_HEIGHT - _TOP - _BOTTOM}" fill="#fbe9e7"/>',
        (
            f'<text x="{_LEFT}" y="20" font-size="14" font-weight="600">'
            f"{AWAY} behind {WRITER}, through a cut of {CUT_S:g} s</text>"
        ),
        f'<text x="{_x(BEFORE_S) + 6:.0f}" y="{_TOP + 16}" fill="#b23c17">cut</text>',
        f'<text x="{_x(BEFORE_S + CUT_S) + 6:.0f}" y="{_TOP + 16}">healed</text>',
    ]
    for decade in _DECADES_MS:
        y = _y(decade)
        label = f"{decade} ms" if decade < 1000 else f"{decade // 1000} s"
        parts.append(f'<line x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{y:.1f}" y2="{y:.1f}" stroke="#e0e0e0"/>')
        parts.append(f'<text x="{_LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{label}</text>')
    parts += [
        f'<text x="{_x(second):.0f}" y="{_HEIGHT - _BOTTOM + 18}" text-anchor="middle">{second} s</text>'
        for second in range(0, int(_END_S) + 1, 3)
    ]
    parts += [_line([(one.at_s, one.seen_ms) for one in samples], "#9e9e9e", 4)]
    for known, group in itertools.groupby(samples, lambda one: one.stated_ms is not None):
        run = list(group)
        if known:
            parts.append(_line([(one.at_s, one.stated_ms or 0.0) for one in run], "#1565c0", 1.8))
        else:
            x, width = _x(run[0].at_s), _x(run[-1].at_s) - _x(run[0].at_s)
            y = _HEIGHT - _BOTTOM - 10
            parts.append(
                f'<rect x="{x:.1f}" y="{y}" width="{max(width, 2):.1f}" height="10" fill="#1565c0" opacity="0.35"/>'
            )
            parts.append(f'<text x="{x + 4:.1f}" y="{y - 5}" fill="#1565c0">stated as unknown</text>')
    legend = _HEIGHT - 10
    parts += [
        f'<line x1="{_LEFT}" x2="{_LEFT + 24}" y1="{legend - 4}" y2="{legend - 4}" stroke="#9e9e9e" stroke-width="4"/>',
        f'<text x="{_LEFT + 30}" y="{legend}">age of the newest write that a reader sees there</text>',
        f'<line x1="420" x2="444" y1="{legend - 4}" y2="{legend - 4}" stroke="#1565c0" stroke-width="1.8"/>',
        f'<text x="450" y="{legend}">lag as terrella states it</text>',
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def _line(points: list[tuple[float, float]], colour: str, width: float) -> str:
    path = " ".join(f"{_x(at_s):.1f},{_y(ms):.1f}" for at_s, ms in points)
    return f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="{width}" stroke-linejoin="round"/>'


def _x(at_s: float) -> float:
    return _LEFT + (at_s / _END_S) * (_WIDTH - _LEFT - _RIGHT)


def _y(ms: float) -> float:
    share = math.log10(max(ms, _LOG_FLOOR_MS) / _DECADES_MS[0]) / math.log10(_DECADES_MS[-1] / _DECADES_MS[0])
    return _HEIGHT - _BOTTOM - min(share, 1.0) * (_HEIGHT - _TOP - _BOTTOM)
