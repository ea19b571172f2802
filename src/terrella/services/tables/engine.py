"""What every operation works with."""

import re
from dataclasses import dataclass
from typing import Any

from terrella.journal import Journal
from terrella.kernel import Arn, AwsError, Clock, Ids, TerrellaError
from terrella.services.tables.catalog import Catalog
from terrella.services.tables.ports import Replication
from terrella.services.tables.table import Table
from terrella.services.tables.tokens import Tokens
from terrella.services.tables.values import invalid

TABLE_NAME_PATTERN = "[a-zA-Z0-9_.-]+"
_is_table_name = re.compile(TABLE_NAME_PATTERN).fullmatch


@dataclass(frozen=True, slots=True)
class Engine:
    """One region's journal and tables."""

    journal: Journal
    catalog: Catalog
    region: str
    account: str
    clock: Clock
    ids: Ids
    replication: Replication
    tokens: Tokens

    def table(self, name: str) -> Table:
        """The table that an item operation names, by name or ARN; raises ``AwsError``."""
        table = self.catalog.serving(name)
        if table is None:
            name = self.table_name(name)
            table = self.catalog.serving(name)
        if table is None:
            raise self.catalog.refusal(name)
        return table

    def table_name(self, given: str, shortest: int = 1) -> str:
        """The name out of a name or an ARN; raises ``AwsError`` for one that cannot be a table's."""
        if given.startswith("arn:"):
            return self._name_of_arn(given)
        complaint = ""
        if len(given) < shortest:
            complaint = f"Member must have length greater than or equal to {shortest}"
        elif len(given) > 255:
            complaint = "Member must have length less than or equal to 255"
        elif not _is_table_name(given):
            complaint = f"Member must satisfy regular expression pattern: {TABLE_NAME_PATTERN}"
        if complaint:
            raise invalid(
                f"1 validation error detected: Value '{given}' at 'tableName' failed to satisfy constraint: {complaint}"
            )
        return given

    def _name_of_arn(self, given: str) -> str:
        try:
            arn = Arn.parse(given)
        except TerrellaError:
            raise invalid(f"Invalid table ARN: {given}") from None
        kind, _, name = arn.resource.partition("/")
        if arn.service != "dynamodb" or kind != "table" or not name:
            raise invalid(f"Invalid table ARN: {given}")
        if (arn.region, arn.account) != (self.region, self.account):
            raise AwsError("ResourceNotFoundException", "Requested resource not found")
        return name

    def table_arn(self, name: str) -> str:
        """A table's ARN."""
        return str(Arn("dynamodb", self.region, self.account, f"table/{name}"))


Answer = bytes | dict[str, Any]
"""What an operation answers: JSON, or what becomes JSON."""
