"""The multi-region rules, one file each, in the order in which they are tried."""

from terrella.check import exceptions
from terrella.check.rules import (
    certificate_of_other_region,
    counter_on_global_table,
    deep_health_check,
    edge_domain_made_twice,
    global_name_taken,
    hard_coded_region,
    hard_coded_region_in_code,
    hasty_health_check,
    incomplete_failover,
    latency_of_other_region,
    messages_stay,
    missing_replica,
    no_default_location,
    post_without_idempotency,
    record_made_twice,
    region_without_domain,
    regional_state,
    schedule_in_every_region,
    shared_health_check,
    slow_failover,
    state_in_function,
    stream_in_every_region,
    strong_table_regions,
    table_made_twice,
    table_not_replicated,
    uneven_replicas,
    unguarded_record,
    unknown_endpoint,
    unknown_health_check,
    watches_other_region,
)

_TRAFFIC = [
    watches_other_region.RULE,
    shared_health_check.RULE,
    deep_health_check.RULE,
    unguarded_record.RULE,
    unknown_health_check.RULE,
    unknown_endpoint.RULE,
    hasty_health_check.RULE,
    slow_failover.RULE,
    record_made_twice.RULE,
    incomplete_failover.RULE,
    no_default_location.RULE,
    latency_of_other_region.RULE,
    region_without_domain.RULE,
    certificate_of_other_region.RULE,
    edge_domain_made_twice.RULE,
]
_DATA = [
    table_made_twice.RULE,
    missing_replica.RULE,
    table_not_replicated.RULE,
    uneven_replicas.RULE,
    strong_table_regions.RULE,
    stream_in_every_region.RULE,
    counter_on_global_table.RULE,
    regional_state.RULE,
    messages_stay.RULE,
]
_PLACE = [
    hard_coded_region.RULE,
    hard_coded_region_in_code.RULE,
    state_in_function.RULE,
    post_without_idempotency.RULE,
    schedule_in_every_region.RULE,
    global_name_taken.RULE,
]
RULES = [*_TRAFFIC, *_DATA, *_PLACE]
ALL_RULES = [*RULES, *exceptions.RULES]
"""Those on exceptions too: they look at no template, and so are not tried."""
