"""DynamoDB: its wire API, expressions and indexes, on the journal.

``service`` is the door; ``operations`` has a file for each operation, ``expressions`` the four little languages;
``table``, ``keys`` and ``values`` say what items and keys are, ``catalog`` which tables there are, ``pages`` how
Query and Scan walk.
"""

from terrella.services.tables.definition import STRONG, TableDefinition
from terrella.services.tables.operations import OPERATIONS
from terrella.services.tables.ports import ReplicaGroup, Replication
from terrella.services.tables.service import ReplicatedTable, Tables, TableStatus

__all__ = [
    "OPERATIONS",
    "STRONG",
    "ReplicaGroup",
    "ReplicatedTable",
    "Replication",
    "TableDefinition",
    "TableStatus",
    "Tables",
]
