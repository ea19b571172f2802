"""terrella runs a SAM application in many real regions on one machine, and rehearses their failures."""

__version__ = "0.1.0"

__all__ = ["__version__"]
