"""Global tables with multi-Region strong consistency: what AWS asks of one, and reads that miss nothing.

Semantics are those of the DynamoDB Developer Guide, "Global tables: multi-Region strong consistency".
"""

from terrella.journal import Journal, Lane
from terrella.kernel import AwsError, TerrellaError
from terrella.services.tables.definition import STRONG, TableDefinition
from terrella.services.tables.table import Table
from terrella.services.tables.values import invalid

# The regions of a strongly consistent table are all of one of these sets.
REGION_SETS = (
    frozenset(("us-east-1", "us-east-2", "us-west-2")),
    frozenset(("eu-west-1", "eu-west-2", "eu-west-3", "eu-central-1")),
    frozenset(("ap-northeast-1", "ap-northeast-2", "ap-northeast-3")),
)
REGIONS_COUNT = 3


def check_strong(definition: TableDefinition, lane: Lane) -> None:
    """Raises ``TerrellaError`` for what a table in the lane ``sync`` cannot have, or its regions may not be."""
    if lane is not Lane.SYNC:
        return
    what = f"table {definition.name}: with strong consistency between regions"
    if definition.time_to_live:
        raise TerrellaError(f"{what}, items cannot expire: AWS does not support TimeToLiveSpecification there")
    local = [index.name for index in definition.indexes if index.local]
    if local:
        raise TerrellaError(f"{what}, there are no local secondary indexes; found {', '.join(local)}")
    if definition.consistency == STRONG:
        _check_regions(definition)


def _check_regions(definition: TableDefinition) -> None:
    """As AWS has it: exactly three regions of one set, all replicas, or two and a witness."""
    replicas = list(definition.replicas)
    witness = [definition.witness] if definition.witness else []
    found = f"found the replicas {', '.join(replicas)}" + (f" and the witness {witness[0]}" if witness else "")
    if len({*replicas, *witness}) != REGIONS_COUNT or len(replicas) + len(witness) != REGIONS_COUNT:
        raise TerrellaError(
            f"table {definition.name}: MultiRegionConsistency STRONG needs three replicas, or two and a witness in a "
            f"third region; {found}"
        )
    if not any(regions >= {*replicas, *witness} for regions in REGION_SETS):
        sets = "; ".join(", ".join(sorted(regions)) for regions in REGION_SETS)
        raise TerrellaError(
            f"table {definition.name}: the regions of a table with MultiRegionConsistency STRONG are all of one set "
            f"({sets}); {found}. (The lane sync of world.yaml takes any regions: to rehearse, not to deploy.)"
        )


async def settle(journal: Journal, table: Table, consistent: bool) -> None:
    """Before a strongly consistent read: wait until all is here that was acknowledged in any region."""
    if consistent and table.strong:
        await journal.catch_up(table.data_set_id)


def refuse_strong(table: Table, what: str) -> None:
    """Raises ``AwsError`` for an operation that is not supported on a table with strong consistency."""
    if table.strong:
        raise invalid(f"{what} is not supported on a global table with multi-Region strong consistency: {table.name}")


def write_conflict() -> AwsError:
    """What AWS answers when another region writes the same item at the same time."""
    return AwsError(
        "ReplicatedWriteConflictException",
        "One or more items in this request are being modified by a request in another Region.",
    )
