"""One region: wires the services together through their ports and serves them."""

from terrella.region.admission import Admission, PeerView
from terrella.region.bulletin import BulletinBoard, BulletinReader
from terrella.region.configuration import ACCOUNT, Ports, RegionConfiguration, RegionSettings
from terrella.region.deployment import contribution_of
from terrella.region.desk import TrafficDesk
from terrella.region.process import refuse_unsupported, run_region, running_region

__all__ = [
    "ACCOUNT",
    "Admission",
    "BulletinBoard",
    "BulletinReader",
    "PeerView",
    "Ports",
    "RegionConfiguration",
    "RegionSettings",
    "TrafficDesk",
    "contribution_of",
    "refuse_unsupported",
    "run_region",
    "running_region",
]
