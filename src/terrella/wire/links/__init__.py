"""Links: the directed network paths between regions, which delay, lose and break what crosses them.

``Link`` says what one direction is like, ``shaper`` decides when bytes arrive (no socket, no clock), ``Links`` opens
the connections of one region over them.
"""

from terrella.wire.links.connection import LinkConnection
from terrella.wire.links.link import Link
from terrella.wire.links.links import Links
from terrella.wire.links.shaper import Path, Sign, Stream

__all__ = ["Link", "LinkConnection", "Links", "Path", "Sign", "Stream"]
