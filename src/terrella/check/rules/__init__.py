"""The multi-region rules, one file each, in the order in which they are tried."""

from terrella.check import exceptions
from terrella.check.rules import (
    hasty_health_check,
    missing_replica,
    slow_failover,
    table_made_twice,
    unguarded_record,
    unknown_endpoint,
    unknown_health_check,
    watches_other_region,
)

RULES = [
    watches_other_region.RULE,
    table_made_twice.RULE,
    missing_replica.RULE,
    unguarded_record.RULE,
    unknown_health_check.RULE,
    unknown_endpoint.RULE,
    hasty_health_check.RULE,
    slow_failover.RULE,
]

ALL_RULES = [*RULES, *exceptions.RULES]
"""Those on exceptions too: they look at no template, and so are not tried."""
