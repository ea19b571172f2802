"""The name server.

``packets`` turns answers into bytes, ``responder`` queries into responses (no I/O), ``server`` has the sockets.
"""

from terrella.traffic.nameserver.responder import Responder
from terrella.traffic.nameserver.server import NameServer

__all__ = ["NameServer", "Responder"]
