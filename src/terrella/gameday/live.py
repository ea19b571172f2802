"""What a person sees while a game day goes: on a terminal live, elsewhere as lines; the verdict as a table."""

from collections import Counter, deque

from rich.console import Console, Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from terrella.gameday.bounds import show_seconds, show_share
from terrella.gameday.evidence import FaultWindow, Look, RegionLook
from terrella.gameday.load import Sample
from terrella.gameday.model import GameDay, Outcome, Result, Run
from terrella.gameday.picture import Picture
from terrella.gameday.verdict import Finding
from terrella.kernel import Clock

_RECENT_S = 2.0
_BAR_CELLS = 16
_TIMELINE_CELLS = 60
_STATE_STYLES = {"serving": "green", "catching-up": "yellow", "starting": "yellow", "held-down": "magenta"}


class LiveView(Picture):
    """An ``Audience``. On a terminal the world is shown live; everywhere the story is told in lines."""

    def __init__(self, console: Console, clock: Clock) -> None:
        super().__init__(console)
        self._clock = clock
        self._phase = ""
        self._gameday: GameDay | None = None
        self._run: Run | None = None
        self._begun_s = 0.0
        self._recent: deque[Sample] = deque()
        self._look: Look | None = None
        self._windows: list[FaultWindow] = []
        self._counts: Counter[bool] = Counter()

    # what it is told

    def phase(self, text: str) -> None:
        """What is being done now."""
        self._phase = text
        self._say(Text(f"  {text}", style="dim"))

    def begins(self, gameday: GameDay, run: Run) -> None:
        """The load starts."""
        self._gameday, self._run = gameday, run
        self._begun_s = self._clock.monotonic()
        self._recent.clear()
        self._windows, self._look = [], None
        self._counts = Counter()
        self._phase = "load" if gameday.load is not None else "no load of ours"
        rate = f"{gameday.load.rate_per_s:g} requests a second" if gameday.load is not None else "no load"
        up = f"up in {run.world_started_s:.1f} s, " if run.world_started_s is not None else ""
        told = f"  run {run.number}, seed {run.seed}: {up}{rate} for {show_seconds(gameday.duration_s)}"
        self._say(Text(told, style="dim"))

    def sample(self, sample: Sample) -> None:
        """A request has ended."""
        self._recent.append(sample)
        self._counts[sample.ok] += 1

    def look(self, look: Look) -> None:
        """The world was looked at."""
        self._look = look

    def fault(self, at_s: float, window: FaultWindow, began: bool) -> None:
        """A fault began or ended."""
        if began:
            self._windows.append(window)
        mark, style = ("✗", "bold red") if began else ("↺", "green")
        told = window.told if began else f"end of: {window.told}"
        self._say(Text.assemble(f"  {at_s:7.1f} s  ", (f"{mark} ", style), told))

    def ends(self, run: Run) -> None:
        """The run is judged."""
        self._phase = ""
        if run.aborted:
            self._say(Text(f"  {run.aborted}", style="bold red"))

    def _say(self, text: Text) -> None:
        self._console.print(text)

    # what is shown

    def render(self) -> RenderableType:
        """The picture of this moment."""
        if self._gameday is None or self._run is None:
            return Text(f" {self._phase} …", style="dim")
        now_s = self._clock.monotonic() - self._begun_s
        while self._recent and self._recent[0].ended_s < now_s - _RECENT_S:
            self._recent.popleft()
        title = f"{self._gameday.name} · profile {self._gameday.profile.name}"
        body = Group(self._timeline(now_s), Text(), self._regions(), Text(), self._clients())
        return Panel(body, title=title, title_align="left", subtitle=self._phase, border_style="dim")

    def _timeline(self, now_s: float) -> Text:
        """Progress, and where on the way the faults are."""
        assert self._gameday is not None
        length_s = max(self._gameday.duration_s, 0.001)
        cells = min(_TIMELINE_CELLS, int(now_s / length_s * _TIMELINE_CELLS))
        text = Text()
        for cell in range(_TIMELINE_CELLS):
            at_s = (cell + 0.5) / _TIMELINE_CELLS * length_s
            broken = any(
                one.from_s <= at_s and (one.until_s is None or at_s < one.until_s) for one in self._gameday.faults
            )
            style = "red" if broken else "cyan"
            text.append("━" if cell < cells else "─", style=style if cell < cells else f"dim {style}")
        text.append(f" {min(now_s, length_s):.0f} of {show_seconds(length_s)}", style="dim")
        lasting = [window.told for window in self._windows if window.until_s > now_s]
        if lasting:
            text.append(f"\n{'; '.join(lasting)}", style="bold red")
        return text

    def _regions(self) -> Table:
        table = Table(box=None, padding=(0, 2, 0, 0), expand=False)
        for column in ("region", "state", "health", "lag", "at risk", "traffic"):
            table.add_column(column, header_style="dim", justify="right" if column in ("lag", "at risk") else "left")
        served = Counter(sample.region for sample in self._recent if sample.ok)
        total = sum(served.values())
        for name, region in (self._look.regions if self._look is not None else {}).items():
            share = served[name] / total if total else 0.0
            bar = "█" * round(share * _BAR_CELLS)
            table.add_row(
                name,
                Text(region.state, style=_STATE_STYLES.get(region.state, "red")),
                _health(region),
                "?" if region.lag_s is None else show_seconds(region.lag_s),
                "?" if region.at_risk is None else f"{region.at_risk:,}",
                Text(f"{bar:<{_BAR_CELLS}} {share:4.0%}", style="cyan"),
            )
        return table

    def _clients(self) -> Text:
        recent = list(self._recent)
        failed = sum(not sample.ok for sample in recent)
        total = sum(self._counts.values())
        if not total:
            return Text("no request has ended yet", style="dim")
        text = Text(f"{total:,} requests, {show_share(self._counts[True] / total)} answered", style="dim")
        if recent:
            text.append(f"; of the last {len(recent)}: ", style="dim")
            text.append(f"{failed} failed", style="bold red" if failed else "green")
        return text


def _health(region: RegionLook) -> Text:
    if region.healthy is None:
        return Text("unknown", style="yellow")
    return Text("healthy", style="green") if region.healthy else Text("unhealthy", style="red")


def show_outcome(outcome: Outcome, console: Console) -> None:
    """The verdict: each expectation of a single run; over several, how often each held."""
    if len(outcome.runs) == 1:
        _show_run(outcome, outcome.runs[0], console)
    else:
        _show_runs(outcome, console)
    for note in dict.fromkeys(note for run in outcome.runs for note in run.notes):
        console.print(Text(note, style="yellow"))
    console.print(Text(f"Profile {outcome.gameday.profile.name}. docs/limits.md says what this does not prove.", "dim"))


def _show_run(outcome: Outcome, run: Run, console: Console) -> None:
    table = _table(f"{outcome.gameday.name}: {run.result}")
    for column, style in (("what", ""), ("expected", "dim"), ("measured", "bold"), ("AWS, or why", "dim")):
        table.add_column(column, style=style)
    for finding in run.verdict.findings:
        table.add_row(_mark(finding), finding.what, finding.expected, finding.measured, finding.note)
    console.print()
    console.print(table if run.begun else Text(f"{outcome.gameday.name}: {run.result}", style="bold"))
    if run.aborted:
        console.print(Text(run.aborted, style="bold red"))


def _show_runs(outcome: Outcome, console: Console) -> None:
    held = sum(run.held for run in outcome.runs)
    doubtful = sum(run.result is Result.IN_DOUBT for run in outcome.runs)
    more = f", {doubtful} in doubt" if doubtful else ""
    table = _table(f"{outcome.gameday.name}: {held} of {len(outcome.runs)} runs held{more}")
    for column, style in (("what", ""), ("expected", "dim"), ("held", "bold"), ("measured, by run", "")):
        table.add_column(column, style=style)
    for (what, expected), findings in outcome.by_expectation().items():
        present = [one for one in findings if one is not None]
        good = sum(one.held for one in present)
        worst = min(present, key=_gravity)
        measured = "; ".join(dict.fromkeys(one.measured for one in present))
        table.add_row(_mark(worst), what, expected, f"{good} of {len(outcome.runs)}", measured)
    console.print()
    console.print(table)
    for run in outcome.runs:
        if run.aborted:
            console.print(Text(f"run {run.number}, seed {run.seed}: {run.aborted}", style="bold red"))


def _table(title: str) -> Table:
    table = Table(title=title, title_justify="left", title_style="bold", expand=False)
    table.add_column("", width=1)
    return table


def _mark(finding: Finding) -> Text:
    if not finding.judged:
        return Text("-", style="yellow")
    if finding.held:
        return Text("✓", style="green")
    return Text("?", style="bold yellow") if finding.doubtful else Text("✗", style="bold red")


def _gravity(finding: Finding) -> int:
    """The lower, the worse: broken, in doubt, held, not judged."""
    if not finding.judged:
        return 3
    return 2 if finding.held else int(finding.doubtful)
