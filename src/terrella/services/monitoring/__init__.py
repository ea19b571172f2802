"""CloudWatch metrics: the ones that AWS keeps of replication, measured here, and those that the application puts.

One minute is the finest resolution; minutes are kept for fifteen days, in the region that measured them.
"""

from terrella.services.monitoring.ports import Latency, LatencySource
from terrella.services.monitoring.service import Monitoring

__all__ = ["Latency", "LatencySource", "Monitoring"]
