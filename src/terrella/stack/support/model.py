"""The words in which the support tables are written.

A table says of a resource type: whether it is honoured, inert or refused; how its physical id is made; what ``Ref``
and ``Fn::GetAtt`` answer; and of each property the same, down to the members of mappings and lists of mappings.

Identities and attributes are format strings. ``{stack}``, ``{logical}``, ``{region}``, ``{account}``, ``{partition}``
and ``{world}`` stand for themselves, ``{id}`` for the physical id; ``{UPPER:12}``, ``{lower:10}``, ``{hex:8}`` and
``{uuid}`` for characters that derive from world, stack, region and logical id; ``{property:Name}`` for a resolved
property.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class Verdict(StrEnum):
    """What becomes of a resource or property here."""

    HONOURED = "honoured"
    INERT = "inert"
    DELEGATED = "delegated"
    REFUSED = "refused"


class Kind(StrEnum):
    """What a resolved property must be. CloudFormation takes ``"30"`` for 30 and ``"true"`` for true; so do we."""

    ANY = "any"
    TEXT = "text"
    NUMBER = "number"
    BOOLEAN = "boolean"
    TEXTS = "list of text"
    TEXT_MAP = "mapping of text"
    MEMBERS = "mapping or list of mappings"


@dataclass(frozen=True, slots=True)
class Property:
    """What becomes of one property.

    ``members`` describes the properties of a mapping, or of each mapping in a list. ``allowed`` is a regular expression
    for the values that are honoured; ``otherwise`` says why others are not.
    """

    verdict: Verdict
    reason: str = ""
    kind: Kind = Kind.ANY
    members: Mapping[str, "Property"] | None = None
    allowed: str | None = None
    otherwise: str = ""


@dataclass(frozen=True, slots=True)
class ResourceType:
    """What becomes of one resource type.

    ``named_by`` is the property that gives the physical id, if the template sets it; ``identity`` makes one otherwise.
    A change of a property in ``replaced_by`` makes it another resource.
    """

    name: str
    verdict: Verdict
    reason: str = ""
    properties: Mapping[str, Property] = field(default_factory=dict)
    named_by: str | None = None
    identity: str = "{stack}-{logical}-{UPPER:12}"
    ref: str = "{id}"
    attributes: Mapping[str, str | tuple[str, ...]] = field(default_factory=dict)
    replaced_by: frozenset[str] = frozenset()


def honoured(
    kind: Kind = Kind.ANY,
    members: Mapping[str, Property] | None = None,
    *,
    allowed: str | None = None,
    otherwise: str = "",
    note: str = "",
) -> Property:
    """A property that acts here as on AWS."""
    if members is not None:
        kind = Kind.MEMBERS
    return Property(Verdict.HONOURED, note, kind, members, allowed, otherwise)


def inert(reason: str) -> Property:
    """A property that is accepted and has no effect here."""
    return Property(Verdict.INERT, reason)


def refused(reason: str) -> Property:
    """A property that cannot be had here."""
    return Property(Verdict.REFUSED, reason)


def each(names: str, what: Property) -> dict[str, Property]:
    """The same for several properties, their names separated by spaces."""
    return dict.fromkeys(names.split(), what)


TEXT = honoured(Kind.TEXT)
NUMBER = honoured(Kind.NUMBER)
BOOLEAN = honoured(Kind.BOOLEAN)
TEXTS = honoured(Kind.TEXTS)
ANY = honoured()
TAGS = inert("tags are not kept here")
