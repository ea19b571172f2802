"""What all tests share."""

from hypothesis import HealthCheck, settings

# How fast examples are drawn says something of the machine, nothing of the code.
settings.register_profile("terrella", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("terrella")
