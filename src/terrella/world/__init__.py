"""world.yaml, the supervisor of the region processes, and the front door."""
