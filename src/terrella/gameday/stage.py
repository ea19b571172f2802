"""What the audience sees: the regions as they are, the story as it goes, the verdict at the end."""

from collections.abc import Mapping
from typing import Any

from rich.console import Console, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from terrella.gameday.picture import Picture
from terrella.gameday.verdict import Finding, Verdict

_BAR_CELLS = 16


class Stage(Picture):
    """Prints the story; on a terminal, with the regions' state live below it."""

    def __init__(self, console: Console) -> None:
        super().__init__(console)
        self._status: Mapping[str, Any] = {}
        self._split: Mapping[str, int] = {}

    def scene(self, number: int, title: str) -> None:
        """Open a scene."""
        self._console.print()
        self._console.print(Text(f" {number} ", style="bold reverse"), Text(title, style="bold"))

    def say(self, text: str) -> None:
        """Tell what is being done."""
        self._console.print(Text("   " + text, style="dim"))

    def found(self, finding: Finding) -> None:
        """Tell what was measured."""
        mark = Text("   ✓ ", style="green") if finding.held else Text("   ✗ ", style="bold red")
        self._console.print(mark + Text(f"{finding.what}: ") + Text(finding.measured, style="bold"))

    def regions(self, status: Mapping[str, Any], split: Mapping[str, int]) -> None:
        """Show the regions as they are now; ``split`` counts requests by region."""
        self._status = status
        self._split = split

    def verdict(self, verdict: Verdict, title: str, notes: list[str]) -> None:
        """The table at the end."""
        table = Table(title=title, title_justify="left", title_style="bold", expand=False)
        table.add_column("", width=1)
        table.add_column("scene", style="dim")
        table.add_column("measured what")
        table.add_column("expected", style="dim")
        table.add_column("measured", style="bold")
        scene = ""
        for finding in verdict.findings:
            mark = Text("✓", style="green") if finding.held else Text("✗", style="bold red")
            if scene and finding.scene != scene:
                table.add_section()
            table.add_row(mark, finding.scene if finding.scene != scene else "", *_row(finding))
            scene = finding.scene
        self._console.print()
        self._console.print(table)
        for note in notes:
            self._console.print(Text(note, style="dim"))

    def render(self) -> RenderableType:
        """The regions as they are."""
        regions = self._status.get("regions", [])
        table = Table(box=None, padding=(0, 2, 0, 0), expand=False)
        for column in ("region", "address", "state", "health", "lag", "at risk", "traffic"):
            table.add_column(column, header_style="dim", justify="right" if column in ("lag", "at risk") else "left")
        total = sum(self._split.values())
        for region in regions:
            name = str(region.get("region", ""))
            share = self._split.get(name, 0) / total if total else 0.0
            bar = "█" * round(share * _BAR_CELLS)
            table.add_row(
                name,
                str(region.get("address", "")),
                _coloured_state(str(region.get("state", "?"))),
                _coloured_health(_healthy(regions, name)),
                _lag(region),
                str(region.get("at_risk", "?")),
                Text(f"{bar:<{_BAR_CELLS}} {share:4.0%}", style="cyan"),
            )
        return Panel(table, title="the world", title_align="left", border_style="dim")


def _row(finding: Finding) -> tuple[str, str, str]:
    return finding.what, finding.expected, finding.measured


def _coloured_state(state: str) -> Text:
    styles = {"serving": "green", "catching-up": "yellow", "starting": "yellow"}
    return Text(state, style=styles.get(state, "red"))


def _healthy(regions: list[Mapping[str, Any]], name: str) -> bool | None:
    """The verdict on a region's health checks, by the first other region that serves: a dead one has no say."""
    judges = sorted((one for one in regions if one.get("state") == "serving"), key=lambda one: one["region"] == name)
    for judge in judges:
        verdicts = [check["healthy"] for check in judge.get("health", {}).values() if check["region"] == name]
        if verdicts:
            return all(verdicts)
    return None


def _coloured_health(healthy: object) -> Text:
    if healthy is None:
        return Text("unknown", style="yellow")
    return Text("healthy", style="green") if healthy else Text("unhealthy", style="red")


def _lag(region: Mapping[str, Any]) -> str:
    """The worst lag behind any peer; unknown if any of them is."""
    lags = [peer.get("lag_ms") for peer in region.get("replication", {}).values()]
    known = [lag for lag in lags if lag is not None]
    if len(known) < len(lags):
        return "unknown"
    return f"{max(known):.0f} ms" if known else "-"
