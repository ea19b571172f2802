"""Reading the parameters that Query and Scan share: which items, which attributes, from where."""

from collections.abc import Mapping
from typing import Any

from terrella.kernel import AwsError
from terrella.services.tables.expressions import Condition, Path, Substitutions, bind_projection, parse_projection
from terrella.services.tables.pages import Position, Selection, Walk
from terrella.services.tables.requests import complaining_about
from terrella.services.tables.table import Index, Table, schema_mismatch
from terrella.services.tables.values import Item, check_attributes, invalid, invalid_parameters


def read_projection(params: Mapping[str, Any], given: Substitutions) -> list[Path] | None:
    """ProjectionExpression, bound; None if it is not there. Raises ``AwsError``."""
    source = params.get("ProjectionExpression")
    if source is None:
        return None
    with complaining_about("ProjectionExpression"):
        return bind_projection(parse_projection(source), given)


def check_select(params: Mapping[str, Any]) -> None:
    """Select goes with the other parameters; raises ``AwsError``."""
    select, projected = params.get("Select"), "ProjectionExpression" in params
    if select == "ALL_PROJECTED_ATTRIBUTES" and "IndexName" not in params:
        raise invalid_parameters("ALL_PROJECTED_ATTRIBUTES can be used only when Querying using an IndexName")
    if select == "SPECIFIC_ATTRIBUTES" and not projected:
        raise invalid_parameters(
            "Must specify the AttributesToGet or ProjectionExpression when choosing to get SPECIFIC_ATTRIBUTES"
        )
    if projected and select not in (None, "SPECIFIC_ATTRIBUTES"):
        raise invalid_parameters(f"Cannot specify the ProjectionExpression when choosing to get {select}")


def read_index(params: Mapping[str, Any], table: Table) -> Index | None:
    """The index that the request names; raises ``AwsError``."""
    name = params.get("IndexName")
    if name is None:
        return None
    index = table.index(name)
    if not index.local and params.get("ConsistentRead"):
        raise invalid("Consistent reads are not supported on global secondary indexes")
    return index


def read_selection(
    params: Mapping[str, Any],
    index: Index | None,
    condition: Condition | None,
    projection: list[Path] | None,
    segment: tuple[int, int] | None = None,
) -> Selection:
    """What is answered of each item; raises ``AwsError`` for attributes that a global index does not have."""
    whole = False
    if index is not None and not index.shows_all:
        hidden = sorted({str(path.parts[0]) for path in projection or ()} - index.shown)
        if params.get("Select") == "ALL_ATTRIBUTES" and not index.local:
            raise invalid_parameters(
                f"Select type ALL_ATTRIBUTES is not supported for global secondary index {index.name} because its "
                "projection type is not ALL"
            )
        if hidden and not index.local:
            raise invalid_parameters(f"Global secondary index {index.name} does not project [{', '.join(hidden)}]")
        whole = bool(hidden) or params.get("Select") == "ALL_ATTRIBUTES"
    return Selection(condition, projection, whole, params.get("Select") == "COUNT", segment)


def check_start_key(params: Mapping[str, Any]) -> None:
    """The values of ExclusiveStartKey are values; raises ``AwsError``."""
    start = params.get("ExclusiveStartKey")
    if start is None:
        return
    try:
        check_attributes(start)
    except AwsError as error:
        # AWS says where it found the fault for some faults only.
        if type(error) is not AwsError or "number" in error.message.lower() or "numeric" in error.message:
            raise
        raise invalid(f"The provided starting key is invalid: {error.message}") from None


def read_start(params: Mapping[str, Any], walk: Walk) -> Position | None:
    """Where the page begins; raises ``AwsError`` for a key that is not one of the walk's."""
    start: Item | None = params.get("ExclusiveStartKey")
    if start is None:
        return None
    names = walk.key_names()
    if set(start) != set(names):
        detail = "" if walk.index is not None else f": {schema_mismatch().message}"
        raise invalid(f"The provided starting key is invalid{detail}")
    try:
        walk.table.key_of(walk.table.key_attributes(start))
        if not walk.key.takes(start):
            raise schema_mismatch()
    except AwsError as error:
        raise invalid(f"The provided starting key is invalid: {error.message}") from None
    return walk.position(start)
