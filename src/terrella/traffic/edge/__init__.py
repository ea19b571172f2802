"""The edge: a thin HTTP reverse proxy at the front door, for browsers and curl.

``routing`` says which regions a request may go to and in which order, ``headers`` what is passed on; both are pure.
``proxy`` sends.
"""

from terrella.traffic.edge.proxy import Edge

__all__ = ["Edge"]
