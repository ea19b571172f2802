"""A change of a global table that a function of every region is told of."""

from collections.abc import Iterator

from terrella.check.findings import Rule, Severity
from terrella.check.source import mapping, texts
from terrella.check.view import WorldView, listed


def _find(view: WorldView) -> Iterator[tuple[int, str]]:
    tables = {one.logical_id for one in view.declared("AWS::DynamoDB::GlobalTable")}
    if not tables or len(view.regions) < 2:
        return
    parameters = set(mapping(view.template.source, "Parameters"))
    for one in view.declared("AWS::Serverless::Function"):
        if not view.is_made_in_several(one):
            continue
        for name, event in mapping(one.properties, "Events").items():
            settings = mapping(event, "Properties")
            if mapping(event).get("Type") != "DynamoDB" or settings.get("FilterCriteria"):
                continue
            named = {text.partition(".")[0].strip("${}") for _, text in texts(settings.get("Stream"))}
            if named & (tables | parameters):
                regions = listed(view.regions_making(one))
                line = view.line("Resources", one.logical_id, "Properties", "Events", name)
                yield line, f"{one.logical_id} is told of every change in {regions}, wherever it was made"


RULE = Rule(
    id="stream-in-every-region",
    number=9128,
    severity=Severity.WARNING,
    alone=Severity.WARNING,
    explanation="A replica's stream holds the replicated changes too: each change is processed once in each region.",
    fix="Write the region into the item and let FilterCriteria pass only what was written here; or make "
    "the processing idempotent across regions.",
    find=_find,
)
