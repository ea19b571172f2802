"""DynamoDB's expressions: tokens, tree, binding to a request's names and values (which judges it), execution."""

from terrella.services.tables.expressions.binding import (
    Substitutions,
    bind_condition,
    bind_projection,
    bind_update,
)
from terrella.services.tables.expressions.evaluation import matches
from terrella.services.tables.expressions.key_condition import KeyCondition, key_conditions
from terrella.services.tables.expressions.ordering import compare_values
from terrella.services.tables.expressions.parser import parse_condition, parse_projection, parse_update
from terrella.services.tables.expressions.projection import project
from terrella.services.tables.expressions.tree import Action, Condition, Path
from terrella.services.tables.expressions.update import apply_update

__all__ = [
    "Action",
    "Condition",
    "KeyCondition",
    "Path",
    "Substitutions",
    "apply_update",
    "bind_condition",
    "bind_projection",
    "bind_update",
    "compare_values",
    "key_conditions",
    "matches",
    "parse_condition",
    "parse_projection",
    "parse_update",
    "project",
]
