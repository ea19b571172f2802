"""The AWS services, one room each. No service imports another: it states what it needs in its own ``ports.py``."""
