"""Links: the directed network paths between regions, which delay, lose and break what crosses them."""

from terrella.wire.links.link import Link

__all__ = ["Link"]
