"""What is broken on purpose in one region: one small file for each mechanism.

Mechanisms act through attributes that are None or empty while nothing is broken, so that a healthy region pays one look
at an attribute. What is broken is derived from all faults that are active: two that overlap do not mend each other.
"""

from terrella.region.faults.faults import RegionFaults, check_fault
from terrella.region.faults.model import FaultOrder
from terrella.region.faults.parameters import MOMENTARY_FAULTS

__all__ = ["MOMENTARY_FAULTS", "FaultOrder", "RegionFaults", "check_fault"]
