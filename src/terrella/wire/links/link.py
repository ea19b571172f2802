"""What a link between two regions is like."""

from dataclasses import dataclass
from math import inf


@dataclass(frozen=True, slots=True)
class Link:
    """One direction of the network path between two regions.

    ``loss`` is the share of segments lost (0 to 1), ``bandwidth_bytes_per_s`` is None for unlimited; nothing
    arrives while it is ``cut``. Raises ``ValueError`` for what no link can be.
    """

    delay_ms: float = 0.0
    jitter_ms: float = 0.0
    loss: float = 0.0
    bandwidth_bytes_per_s: float | None = None
    cut: bool = False

    def __post_init__(self) -> None:
        for name in ("delay_ms", "jitter_ms"):
            if not 0 <= getattr(self, name) < inf:
                raise ValueError(f"found {name} {getattr(self, name):g}, expected at least 0")
        if not 0 <= self.loss <= 1:
            raise ValueError(f"found loss {self.loss:g}, expected 0 to 1")
        if self.bandwidth_bytes_per_s is not None and not self.bandwidth_bytes_per_s > 0:
            raise ValueError(f"found bandwidth_bytes_per_s {self.bandwidth_bytes_per_s:g}, expected more than 0")
