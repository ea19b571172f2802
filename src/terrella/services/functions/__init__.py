"""Lambda: its control API, the Runtime API, and a pool of worker processes for each availability zone."""
