"""What a link between two regions is like."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Link:
    """One direction of the network path between two regions.

    ``loss`` is the share of segments lost (0 to 1), ``bandwidth_bytes_per_s`` is None for unlimited; nothing
    arrives while it is ``cut``.
    """

    delay_ms: float = 0.0
    jitter_ms: float = 0.0
    loss: float = 0.0
    bandwidth_bytes_per_s: float | None = None
    cut: bool = False
