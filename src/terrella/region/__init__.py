"""One region: wires the services together through their ports and serves them."""

from terrella.region.admission import Admission, PeerView
from terrella.region.configuration import ACCOUNT, Ports, RegionConfiguration, RegionSettings

__all__ = ["ACCOUNT", "Admission", "PeerView", "Ports", "RegionConfiguration", "RegionSettings"]
