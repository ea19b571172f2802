"""AWS's protocols, driven by the service models that botocore ships: reading and judging requests, encoding errors."""
