"""A schedule that goes off once in every region."""

from collections.abc import Iterator

from terrella.check.findings import Rule, Severity
from terrella.check.source import Declared, mapping
from terrella.check.view import WorldView, listed


def _find(view: WorldView) -> Iterator[tuple[int, str]]:
    for one in view.declared():
        if not view.is_made_in_several(one):
            continue
        for path, what in _schedules(one):
            regions = listed(view.regions_making(one))
            yield (
                view.line("Resources", one.logical_id, *path),
                f"{what} goes off in {regions}, each time in each of them",
            )


def _schedules(one: Declared) -> Iterator[tuple[tuple[str, ...], str]]:
    properties = one.properties
    if one.type == "AWS::Scheduler::Schedule" and isinstance(properties.get("State", ""), str):
        if properties.get("State") != "DISABLED":
            yield (), one.logical_id
    elif one.type == "AWS::Events::Rule" and properties.get("ScheduleExpression"):
        if isinstance(properties.get("State", ""), str) and properties.get("State") != "DISABLED":
            yield (), one.logical_id
    elif one.type in ("AWS::Serverless::Function", "AWS::Serverless::StateMachine"):
        for name, event in mapping(properties, "Events").items():
            settings = mapping(event, "Properties")
            is_schedule = mapping(event).get("Type") in ("Schedule", "ScheduleV2")
            switch = settings.get("Enabled", settings.get("State"))
            if is_schedule and (switch is None or switch is True or switch == "ENABLED"):
                yield ("Properties", "Events", name), f"{name} of {one.logical_id}"


RULE = Rule(
    id="schedule-in-every-region",
    number=9127,
    severity=Severity.WARNING,
    alone=Severity.NOTE,
    explanation="What is done once a day is done once a day by each region: mails are sent twice, and two "
    "regions write the same items at once.",
    fix="Switch it on in one region (`State: !If [IsPrimary, ENABLED, DISABLED]`) and say who switches "
    "the other one on; or make the job idempotent and claim each run in a table.",
    find=_find,
)
