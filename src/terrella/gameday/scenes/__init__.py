"""The scenes of the talk, one file each: what it showed on stage, and what it could not show."""

from terrella.gameday.scenes import (
    failing_health,
    killed_region,
    one_item,
    partition,
    reported_lag,
    seventy_items,
)

SCENES = (one_item.play, seventy_items.play, failing_health.play, partition.play, reported_lag.play, killed_region.play)

__all__ = ["SCENES"]
