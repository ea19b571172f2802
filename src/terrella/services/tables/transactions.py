"""What transactions that read and transactions that write have in common."""

from terrella.journal import Lane
from terrella.services.tables.engine import Engine
from terrella.services.tables.table import Table
from terrella.services.tables.values import invalid


def transactional_table(engine: Engine, name: str) -> Table:
    """The table that a transaction's operation names; raises ``AwsError``, as AWS for one of the lane ``sync`` too."""
    table = engine.table(name)
    if table.record.lane == Lane.SYNC:
        raise invalid(f"Transactions are not supported on tables with multi-Region strong consistency: {table.name}")
    return table
