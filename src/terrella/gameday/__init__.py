"""Load, faults and expectations, played against a running world from outside, as its users and operators would."""

from terrella.gameday.audience import Audience, Nobody
from terrella.gameday.bounds import Bound, Unit
from terrella.gameday.document import find_world_above, load_game_day
from terrella.gameday.draft import draft_game_day, draft_test
from terrella.gameday.expectations import EXPECTATIONS
from terrella.gameday.faults import FAULTS, ClientConditions, FaultError, Order, read_fault
from terrella.gameday.live import LiveView, show_outcome
from terrella.gameday.machine import ran_and_waited_s
from terrella.gameday.model import GameDay, Outcome, Result, Run
from terrella.gameday.report import html_report, json_report, junit_report
from terrella.gameday.runner import RunOptions, run_game_day
from terrella.gameday.talk import play_talk
from terrella.gameday.verdict import Finding, Verdict

__all__ = [
    "EXPECTATIONS",
    "FAULTS",
    "Audience",
    "Bound",
    "ClientConditions",
    "FaultError",
    "Finding",
    "GameDay",
    "LiveView",
    "Nobody",
    "Order",
    "Outcome",
    "Result",
    "Run",
    "RunOptions",
    "Unit",
    "Verdict",
    "draft_game_day",
    "draft_test",
    "find_world_above",
    "html_report",
    "json_report",
    "junit_report",
    "load_game_day",
    "play_talk",
    "ran_and_waited_s",
    "read_fault",
    "run_game_day",
    "show_outcome",
]
