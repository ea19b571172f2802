"""Whether a table can be used here, and what one region tells another of a table that it is to hold as well."""

from dataclasses import replace
from enum import StrEnum

import msgspec

from terrella.journal import DataSet, Lane
from terrella.kernel import AwsError
from terrella.services.tables.definition import TableDefinition
from terrella.services.tables.ports import ReplicaGroup
from terrella.services.tables.table import TableRecord


class Standing(StrEnum):
    """What a region is to a table: ``AWAY`` has its data, and holds it no more."""

    ACTIVE = "ACTIVE"
    CREATING = "CREATING"
    DELETING = "DELETING"
    AWAY = "AWAY"


class ReplicaDefinition(msgspec.Struct, frozen=True):
    """A table for a region that does not know it."""

    definition: TableDefinition
    lane: str
    every_s: float
    generation: int
    stack: str
    logical_id: str


_encode = msgspec.json.Encoder(order="deterministic").encode
_decode = msgspec.json.Decoder(ReplicaDefinition).decode


def identity_of(stack: str, logical_id: str) -> str:
    """What regions call a table of one stack's template among themselves."""
    return f"{stack}\0{logical_id}"


def replica_definition(record: TableRecord) -> bytes:
    """What another region needs to make this table. What each replica sets for itself stays behind, as on AWS."""
    definition = replace(record.definition, tags={}, deletion_protection=False)
    return _encode(
        ReplicaDefinition(definition, record.lane, record.every_s, record.generation, record.stack, record.logical_id)
    )


def read_replica_definition(content: bytes) -> ReplicaDefinition | None:
    """What another region has told; None if it told nothing."""
    return _decode(content) if content else None


def standing_of(group: ReplicaGroup | None, region: str) -> Standing:
    """What a region is to a table."""
    if group is None:
        return Standing.ACTIVE
    if region in group.leaving:
        return Standing.DELETING
    if region in group.members:
        return Standing.ACTIVE
    return Standing.CREATING if region in group.joining else Standing.AWAY


def data_set_of(record: TableRecord, group: ReplicaGroup | None) -> DataSet:
    """A table's data set, held by whom it was decided; before that, by whom the template says."""
    lane = Lane(record.lane)
    if group is None:
        return DataSet(
            record.data_set_id,
            record.definition.name,
            lane,
            record.members,
            every_s=record.every_s,
            witness=record.witness,
        )
    return DataSet(
        record.data_set_id,
        record.definition.name,
        lane,
        group.members,
        group.joining,
        group.epoch,
        every_s=record.every_s,
        witness=record.witness,
    )


def refusal(name: str, standing: Standing, group: ReplicaGroup | None, region: str) -> AwsError:
    """Why items of a table cannot be read or written here. A replica that is being made is not found, as on AWS."""
    if standing is Standing.AWAY and group is not None and region in group.evicted:
        return AwsError(
            "ServiceUnavailable",
            f"{region} was evicted, and holds the table {name} no more; terrella region add {region} brings it back",
            503,
        )
    return AwsError("ResourceNotFoundException", "Requested resource not found")
