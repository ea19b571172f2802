"""What kinds of trouble a seed has: each kind finds other faults."""

from dataclasses import dataclass

USUAL = ("crash", "crash", "cut_off", "cut_one_way", "split", "weather", "compact", "transfer")


@dataclass(frozen=True, slots=True)
class Climate:
    """How many members there may be, what happens to them, how often, and what the links do.

    ``disk_s`` is the longest that a write takes on a slow disk, ``echo_s`` how much later a message may come again.
    ``append_bytes_max`` of -1 sends each entry in a message of its own. ``rates`` are what members' clocks may run at.
    """

    name: str
    sizes: tuple[int, ...] = (3, 3, 5)
    faults: tuple[str, ...] = USUAL
    fault_every_s: float = 0.5
    append_bytes_max: int = 256 * 1024
    rates: tuple[float, ...] = (1.0,)
    disk_s: float = 0.008
    echo_s: float = 0.03
    lost_share: float = 0.0
    repeated_share: float = 0.0
    crash_after_write_share: float = 0.0


MIXED = Climate("mixed", faults=(*USUAL, "lose_disk", "pause"), rates=(1.0, 1.0, 0.8, 1.2))
CLIMATES = (
    MIXED,
    Climate(
        "fickle leaders",
        sizes=(5,),
        faults=("crash_leader", "isolate_leader", "isolate_leader"),
        fault_every_s=0.3,
        append_bytes_max=-1,
        disk_s=0.04,
        lost_share=0.3,
    ),
    Climate("echoes", faults=("cut_off", "transfer"), echo_s=1.5, lost_share=0.1, repeated_share=0.3),
    Climate("pauses", faults=("pause_leader", "pause_leader", "pause", "compact"), rates=(1.0, 0.7, 1.3)),
    Climate(
        "power cuts",
        faults=("crash", "crash_all", "crash_all", "cut_off", "lose_disk"),
        crash_after_write_share=0.03,
        disk_s=0.4,
    ),
    MIXED,
)
