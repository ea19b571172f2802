"""What several operations ask of a request before they look at a table."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from terrella.kernel import AwsError
from terrella.services.tables.expressions import (
    Condition,
    Substitutions,
    bind_condition,
    parse_condition,
)
from terrella.services.tables.values import invalid

_INSTEAD = {
    "Expected": "ConditionExpression",
    "ConditionalOperator": "an expression",
    "AttributeUpdates": "UpdateExpression",
    "AttributesToGet": "ProjectionExpression",
    "KeyConditions": "KeyConditionExpression",
    "QueryFilter": "FilterExpression",
    "ScanFilter": "FilterExpression",
}


def named_tables(params: Mapping[str, Any]) -> set[str]:
    """The tables that a request names, whatever its operation; by name, also where an ARN stands."""
    named = {params["TableName"]} if "TableName" in params else set()
    named.update(params.get("RequestItems", ()))
    for item in params.get("TransactItems", ()):
        named.update(action["TableName"] for action in item.values() if "TableName" in action)
    return {name.rpartition("/")[2] for name in named}


def refuse_legacy(params: Mapping[str, Any], legacy: Iterable[str], expressions: Iterable[str]) -> None:
    """Raises ``AwsError`` ValidationException if a parameter from before expressions is used."""
    used = [name for name in legacy if name in params]
    if not used:
        return
    modern = [name for name in expressions if name in params]
    if modern:
        raise invalid(
            "Can not use both expression and non-expression parameters in the same request: "
            f"Non-expression parameters: {{{', '.join(used)}}} Expression parameters: {{{', '.join(modern)}}}"
        )
    raise invalid(f"terrella does not implement the legacy parameter {used[0]}: use {_INSTEAD[used[0]]} instead")


def read_substitutions(params: Mapping[str, Any], expressions: tuple[str, ...]) -> Substitutions:
    """The names and values for a request's expressions; raises ``AwsError``.

    ``expressions`` are those that the operation can have, in the order in which AWS lists them.
    """
    names, values = params.get("ExpressionAttributeNames"), params.get("ExpressionAttributeValues")
    if names is not None and not any(name in params for name in expressions):
        raise invalid("ExpressionAttributeNames can only be specified when using expressions")
    if values is not None:
        with_values = [name for name in expressions if name != "ProjectionExpression"]
        if not any(name in params for name in with_values):
            verb = "are" if len(with_values) > 1 else "is"
            raise invalid(
                "ExpressionAttributeValues can only be specified when using expressions: "
                f"{' and '.join(with_values)} {verb} null"
            )
    return Substitutions(names, values)


def read_condition(params: Mapping[str, Any], name: str, given: Substitutions) -> Condition | None:
    """A condition by parameter name, bound; None if it is not there. Raises ``AwsError``."""
    source = params.get(name)
    if source is None:
        return None
    with complaining_about(name):
        return bind_condition(parse_condition(source), given)


@contextmanager
def complaining_about(parameter: str) -> Iterator[None]:
    """Within it, a ValidationException gets AWS's opening: ``Invalid UpdateExpression: …``."""
    try:
        yield
    except AwsError as error:
        if error.code != "ValidationException":
            raise
        raise invalid(f"Invalid {parameter}: {error.message}") from None


def condition_failed(params: Mapping[str, Any], old: Any) -> AwsError:
    """The error of a condition that does not hold, with the old item (wire form) if the request wants it."""
    fields: dict[str, object] = {}
    if old is not None and params.get("ReturnValuesOnConditionCheckFailure") == "ALL_OLD":
        fields["Item"] = old
    return AwsError("ConditionalCheckFailedException", "The conditional request failed", 400, fields)
