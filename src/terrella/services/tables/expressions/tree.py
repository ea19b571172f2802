"""What expressions are made of.

The parser makes these with ``NameRef`` and ``ValueRef`` in them, and such a tree is kept for the next request with the
same text. Binding makes a second tree for one request: paths of plain names and indexes, values in place.
"""

from dataclasses import dataclass

from terrella.services.tables.values import Value


@dataclass(frozen=True, slots=True)
class NameRef:
    """``#name``: stands in a path for an attribute name."""

    name: str


@dataclass(frozen=True, slots=True)
class ValueRef:
    """``:value``, not yet bound."""

    name: str


@dataclass(frozen=True, slots=True)
class Path:
    """A document path: attribute names and list indexes."""

    parts: tuple[str | int | NameRef, ...]


@dataclass(frozen=True, slots=True)
class Literal:
    """A bound ``:value``."""

    value: Value


@dataclass(frozen=True, slots=True)
class Function:
    """A call: ``size``, ``contains``, ``if_not_exists`` …; in updates also ``+`` and ``-``."""

    name: str
    arguments: tuple["Operand", ...]


Operand = Path | ValueRef | Literal | Function


@dataclass(frozen=True, slots=True)
class Compare:
    """``left operator right``."""

    operator: str
    left: Operand
    right: Operand


@dataclass(frozen=True, slots=True)
class Between:
    """``operand BETWEEN low AND high``."""

    operand: Operand
    low: Operand
    high: Operand


@dataclass(frozen=True, slots=True)
class In:
    """``operand IN (choice, …)``."""

    operand: Operand
    choices: tuple[Operand, ...]


@dataclass(frozen=True, slots=True)
class And:
    """Both."""

    left: "Condition"
    right: "Condition"


@dataclass(frozen=True, slots=True)
class Or:
    """Either."""

    left: "Condition"
    right: "Condition"


@dataclass(frozen=True, slots=True)
class Not:
    """Not."""

    condition: "Condition"


Condition = Compare | Between | In | And | Or | Not | Function


@dataclass(frozen=True, slots=True)
class Action:
    """One action of an update: ``kind`` is ``SET``, ``REMOVE``, ``ADD`` or ``DELETE``; REMOVE has no operand."""

    kind: str
    path: Path
    operand: Operand | None


def path_text(path: Path) -> str:
    """A bound path as AWS shows it in messages: ``[a, b, [0]]``."""
    return "[" + ", ".join(f"[{part}]" if isinstance(part, int) else str(part) for part in path.parts) + "]"
