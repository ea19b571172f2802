"""What a process that has to answer within milliseconds tells its interpreter."""

import gc
import sys

from terrella.kernel import keep_pauses_short


def test_what_stays_is_not_collected_and_threads_wait_shortly() -> None:
    before_s = sys.getswitchinterval()
    try:
        keep_pauses_short()
        assert gc.get_freeze_count() > 10_000
        assert sys.getswitchinterval() <= 0.001
    finally:
        gc.unfreeze()
        sys.setswitchinterval(before_s)
