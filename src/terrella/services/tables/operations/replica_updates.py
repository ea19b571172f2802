"""UpdateTable with ReplicaUpdates: one replica more, or one less. The rules and their words are AWS's (2019.11.21)."""

from typing import Any

from terrella.kernel import AwsError, TerrellaError
from terrella.services.tables.describing import describe_replicas, describe_table
from terrella.services.tables.engine import Answer, Engine
from terrella.services.tables.parts import PROVISIONED
from terrella.services.tables.replicas import replica_definition
from terrella.services.tables.table import Table
from terrella.services.tables.values import invalid

_WITH_IT = ("TableName", "ReplicaUpdates", "MultiRegionConsistency")
_OVERRIDES = ("KMSMasterKeyId", "ProvisionedThroughputOverride", "OnDemandThroughputOverride", "TableClassOverride")


async def update_replicas(engine: Engine, table: Table, params: dict[str, Any]) -> Answer:
    """Raises ``AwsError``. The answer says UPDATING; the replica is CREATING until it holds every item."""
    action, region = _one_action(engine, table, params)
    if table.strong:
        raise invalid(
            f"The replicas of table {table.name} cannot be changed: its MultiRegionConsistency is STRONG, and it has "
            "the regions that it was made with"
        )
    others = {one["RegionName"] for one in describe_replicas(engine, table)}
    group = engine.replication.group(table.data_set_id)
    if action == "Create":
        if region in others:
            raise _exists(table.name)
        _check_capacity(table)
    elif region not in others:
        raise invalid(
            "Update global table operation failed because one or more replicas were not part of the global table. "
            f"Please retry the request without these replicas: [{region}]."
        )
    if group is not None and group.changing:
        raise in_use()
    try:
        if action == "Create":
            await _create(engine, table, region)
        else:
            await engine.replication.remove_replica(table.data_set_id, region)
    except TerrellaError as error:
        raise AwsError("InternalServerError", str(error), 500) from error
    return {"TableDescription": describe_table(engine, table, "UPDATING")}


async def _create(engine: Engine, table: Table, region: str) -> None:
    if await engine.replication.table_exists(region, table.name):
        raise _exists(table.name)
    table = await engine.catalog.make_global(table.name)
    record = table.record
    await engine.replication.add_replica(
        record.data_set_id, table.name, record.identity, record.members, region, replica_definition(record)
    )


def _one_action(engine: Engine, table: Table, params: dict[str, Any]) -> tuple[str, str]:
    """The one action that is asked for, and its region."""
    if any(parameter not in _WITH_IT for parameter in params):
        raise invalid("ReplicaUpdates cannot be combined with any other update of the table in one request")
    if params.get("MultiRegionConsistency") == "STRONG":
        raise invalid("terrella does not implement MultiRegionConsistency STRONG for a table that exists; EVENTUAL is")
    actions: dict[tuple[str, str], dict[str, Any]] = {}
    for update in params["ReplicaUpdates"]:
        if len(update) > 1:
            raise invalid("Update table operation with more than one type of replica actions not allowed.")
        if not update:
            raise invalid("There are no actions specified in the Replica Update Action of the request.")
        ((kind, given),) = update.items()
        actions[kind, given.get("RegionName", "")] = given
    if len(actions) > 1:
        raise invalid("Update table operation with more than one create or delete replica actions not allowed.")
    (((kind, region), given),) = actions.items()
    if kind == "Disassociate":
        raise invalid("terrella does not implement Disassociate yet: delete the replica, or its table")
    if region == engine.region:
        raise invalid(
            "Cannot add or delete the local region through ReplicaUpdates. Use CreateTable, DeleteTable, or "
            "UpdateTable as required."
        )
    if region not in engine.replication.regions:
        raise invalid(
            f"Region {region} is not supported. The latest version of global tables are only supported in the "
            f"following regions: [{', '.join(engine.replication.regions)}]"
        )
    if kind == "Update":
        if len(given) == 1:
            raise invalid("There are no actions specified in the Replica Update Action of the request.")
        raise invalid("terrella does not implement settings of one replica alone: nothing is limited or encrypted here")
    for override in _OVERRIDES:
        if override in given:
            raise invalid(f"terrella does not implement {override} for a replica: nothing is limited or encrypted here")
    return kind, region


def _check_capacity(table: Table) -> None:
    """Replicas of a table of fixed capacity could not keep up with each other; here there is no scaling to ask of."""
    if table.definition.billing_mode == PROVISIONED:
        raise invalid("Table write capacity should either be Pay-Per-Request or AutoScaled.")


def in_use() -> AwsError:
    """A change is under way."""
    return AwsError("ResourceInUseException", "The resource which you are attempting to change is in use.")


def _exists(name: str) -> AwsError:
    return invalid(
        f"Failed to create a the new replica of table with name: '{name}' because one or more replicas already "
        "existed as tables."
    )
