"""What all tests share."""

import gc

import pytest
from hypothesis import HealthCheck, settings

# How fast examples are drawn says something of the machine, nothing of the code.
settings.register_profile("terrella", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("terrella")


@pytest.hookimpl(trylast=True)
def pytest_collection_finish() -> None:
    """What has been collected stays until the end: the garbage collector need not look through it again and again."""
    gc.collect()
    gc.freeze()
