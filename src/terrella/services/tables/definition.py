"""What a table is declared to be: by CreateTable, or by a template."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Self

from terrella.services.tables.cloudformation import fields_from_cloudformation
from terrella.services.tables.parts import (
    NO_THROUGHPUT,
    PROVISIONED,
    IndexDefinition,
    KeyAttributes,
    ReplicaSettings,
    Throughput,
)
from terrella.services.tables.schema import fields_from_parameters

EVENTUAL, STRONG = "EVENTUAL", "STRONG"


@dataclass(frozen=True, slots=True)
class TableDefinition:
    """A table as it was declared.

    ``time_to_live`` is the attribute by which items expire; empty: they do not. ``replicas`` are the regions of a
    global table's Replicas, in their order, those that the world lacks included.
    ``consistency`` is its MultiRegionConsistency, ``witness`` the region of its GlobalTableWitnesses, if it has one.
    ``not_acting`` holds one sentence for each thing that was declared and does nothing here yet, for the caller to
    show; ``declared`` keeps those things as they were written.
    """

    name: str
    attribute_types: dict[str, str]
    key: KeyAttributes
    indexes: tuple[IndexDefinition, ...] = ()
    billing_mode: str = PROVISIONED
    throughput: Throughput = NO_THROUGHPUT
    table_class: str = ""
    deletion_protection: bool = False
    tags: dict[str, str] = field(default_factory=dict)
    replicas: dict[str, ReplicaSettings] = field(default_factory=dict)
    time_to_live: str = ""
    consistency: str = EVENTUAL
    witness: str = ""
    declared: dict[str, Any] = field(default_factory=dict)
    not_acting: tuple[str, ...] = ()

    def index(self, name: str) -> IndexDefinition | None:
        """An index by name."""
        return next((index for index in self.indexes if index.name == name), None)

    def for_replica(self, settings: ReplicaSettings) -> Self:
        """With what one replica sets for itself."""
        return replace(self, tags=settings.tags, deletion_protection=settings.deletion_protection)

    @classmethod
    def from_parameters(cls, params: Mapping[str, Any]) -> Self:
        """Read CreateTable's parameters; raises ``AwsError`` as AWS words it."""
        return cls(**fields_from_parameters(params))

    @classmethod
    def from_cloudformation(cls, resource_type: str, properties: Mapping[str, Any], name: str | None = None) -> Self:
        """Read the resolved properties of an ``AWS::DynamoDB::Table`` or ``AWS::DynamoDB::GlobalTable``.

        ``name`` is the physical name, for a template that leaves ``TableName`` to CloudFormation. Raises
        ``TerrellaError`` saying what is wrong or cannot be done here.
        """
        return cls(**fields_from_cloudformation(resource_type, properties, name))
