"""One region: wires the services together through their ports and serves them."""

from terrella.region.bulletin import BulletinBoard, BulletinReader
from terrella.region.configuration import ACCOUNT, Ports, RegionConfiguration, RegionSettings

__all__ = ["ACCOUNT", "BulletinBoard", "BulletinReader", "Ports", "RegionConfiguration", "RegionSettings"]
