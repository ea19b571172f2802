"""What Python does to a process that has to answer within milliseconds, and is told not to."""

import gc
import sys

_THREAD_TURN_S = 0.0005


def keep_pauses_short() -> None:
    """To be called once, when all that the process is made of has been loaded.

    That stays as long as the process: a full collection looks through it no more, which took 45 ms in a region. And a
    thread that has waited for the disk gets its turn after half a millisecond; by Python's default, an event loop that
    is busy keeps it waiting for five, twice in each commit.
    """
    gc.freeze()
    sys.setswitchinterval(_THREAD_TURN_S)
