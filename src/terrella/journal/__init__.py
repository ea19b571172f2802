"""Durable, replicated state: records, the store's transaction, vectors, merge, lanes. Pure core, SQLite at the edge."""
