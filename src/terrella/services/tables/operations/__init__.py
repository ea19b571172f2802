"""One operation, one file. The registry says which there are; everything else answers that it is not implemented."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from terrella.services.tables.engine import Answer, Engine
from terrella.services.tables.operations import batch_get_item, batch_write_item, create_table, scan
from terrella.services.tables.operations.delete_item import delete_item
from terrella.services.tables.operations.delete_table import delete_table
from terrella.services.tables.operations.describe_continuous_backups import describe_continuous_backups
from terrella.services.tables.operations.describe_limits import describe_limits
from terrella.services.tables.operations.describe_table import describe_table
from terrella.services.tables.operations.describe_time_to_live import describe_time_to_live
from terrella.services.tables.operations.get_item import get_item
from terrella.services.tables.operations.list_tables import list_tables
from terrella.services.tables.operations.list_tags_of_resource import list_tags_of_resource
from terrella.services.tables.operations.put_item import put_item
from terrella.services.tables.operations.query import query
from terrella.services.tables.operations.tag_resource import tag_resource
from terrella.services.tables.operations.transact_get_items import transact_get_items
from terrella.services.tables.operations.transact_write_items import transact_write_items
from terrella.services.tables.operations.untag_resource import untag_resource
from terrella.services.tables.operations.update_item import update_item
from terrella.services.tables.operations.update_table import update_table
from terrella.services.tables.operations.update_time_to_live import update_time_to_live

Operation = Callable[[Engine, dict[str, Any]], Awaitable[Answer]]

OPERATIONS: Mapping[str, Operation] = {
    "BatchGetItem": batch_get_item.batch_get_item,
    "BatchWriteItem": batch_write_item.batch_write_item,
    "CreateTable": create_table.create_table,
    "DeleteItem": delete_item,
    "DeleteTable": delete_table,
    "DescribeContinuousBackups": describe_continuous_backups,
    "DescribeLimits": describe_limits,
    "DescribeTable": describe_table,
    "DescribeTimeToLive": describe_time_to_live,
    "GetItem": get_item,
    "ListTables": list_tables,
    "ListTagsOfResource": list_tags_of_resource,
    "PutItem": put_item,
    "Query": query,
    "Scan": scan.scan,
    "TagResource": tag_resource,
    "TransactGetItems": transact_get_items,
    "TransactWriteItems": transact_write_items,
    "UntagResource": untag_resource,
    "UpdateItem": update_item,
    "UpdateTable": update_table,
    "UpdateTimeToLive": update_time_to_live,
}

BEFORE_CONSTRAINTS: Mapping[str, Callable[[dict[str, Any]], None]] = {
    "BatchGetItem": batch_get_item.check_batch,
    "BatchWriteItem": batch_write_item.check_batch,
    "CreateTable": create_table.check_table_name,
    "Query": scan.check_limit,
    "Scan": scan.check_limit,
}

__all__ = ["BEFORE_CONSTRAINTS", "OPERATIONS", "Operation"]
