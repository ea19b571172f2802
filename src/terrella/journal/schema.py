"""How the journal lies in its SQLite file.

A *stream* is what one origin does to one data set. In the file a dot is one integer, ``stream << 40 | sequence``:
so the log is in the order of its row ids, and an item's dot and context are integers.
"""

from collections.abc import Iterable
from pathlib import Path

import apsw
import msgspec

from terrella.journal.errors import JournalError

SCHEMA_VERSION = 5
SEQUENCE_BITS = 40
SEQUENCE_MASK = (1 << SEQUENCE_BITS) - 1
CACHE_KIB = 16 * 1024

_TABLES = """
create table meta (name text primary key, value any) without rowid;
create table incarnations (incarnation text primary key) without rowid;
create table data_sets (
  number integer primary key, id text not null unique, name text not null, lane text not null, members text not null,
  items integer not null default 0, bytes integer not null default 0, dropped integer not null default 0,
  joining text not null default '', epoch integer not null default 0, every_s real not null default 0,
  witness text not null default '', digests blob);
create table streams (
  id integer primary key, data_set integer not null, region text not null, incarnation text not null,
  applied integer not null default 0, floor integer not null default 1,
  predecessor text, predecessor_last integer not null default 0,
  acknowledged blob, log_bytes integer not null default 0,
  unique (data_set, region, incarnation));
create table items (
  id integer primary key, data_set integer not null, key blob not null, value blob, dot integer not null,
  hlc integer not null, context blob, expires integer, unique (data_set, key));
create index tombstones on items (dot) where value is null;
create table log (dot integer primary key, record blob not null);
create table indexes (
  number integer primary key, data_set integer not null, name text not null, fingerprint text not null default '',
  ready integer not null default 1, unique (data_set, name));
create table index_entries (
  number integer not null, index_key blob not null, key blob not null,
  primary key (number, index_key, key)) without rowid;
create table conflicts (loser integer primary key, data_set integer not null, record blob not null);
create index conflicts_by_data_set on conflicts (data_set, loser);
create table changes (
  position integer primary key autoincrement, data_set integer not null, at_ms integer not null, key blob not null,
  old blob, old_dot integer, old_hlc integer, new blob, new_dot integer not null, new_hlc integer not null,
  expires integer);
create index changes_by_data_set on changes (data_set, position);
create table parked (
  dot integer primary key, data_set integer not null, key blob, record blob not null, reason text not null);
create index parked_by_key on parked (data_set, key);
create table acknowledgements (peer text not null, stream integer not null, sequence integer not null,
  primary key (peer, stream)) without rowid;
create table drains (data_set integer not null, region text not null, state blob not null,
  primary key (data_set, region)) without rowid;
create table taken_over (own integer primary key, original integer not null);
create table joins (data_set integer primary key, state blob not null, start blob);
create table raft_groups (
  data_set integer primary key, member text not null, founding blob, term integer not null default 0,
  vote text not null default '', start blob not null, applied integer not null default 0);
create table raft_log (
  data_set integer not null, entry integer not null, term integer not null, kind integer not null, id text not null,
  data blob not null, primary key (data_set, entry)) without rowid;
create table raft_proposals (
  data_set integer not null, id text not null, entry integer not null, outcome integer not null,
  primary key (data_set, id)) without rowid;
create index raft_proposals_by_entry on raft_proposals (data_set, entry);
create table raft_peers (seen integer primary key, region text not null, incarnation text not null);
"""


def open_connection(path: Path | str) -> apsw.Connection:
    """A connection as the journal uses it: WAL, every commit flushed to the disk, checkpoints only when asked for."""
    connection = apsw.Connection(str(path))
    connection.set_busy_timeout(5000)
    connection.execute(
        f"pragma journal_mode=wal; pragma synchronous=full; pragma wal_autocheckpoint=0; "
        f"pragma cache_size=-{CACHE_KIB}; pragma temp_store=memory; pragma foreign_keys=off"
    )
    return connection


def memory_connection() -> apsw.Connection:
    """A store that lives as long as this connection: a simulated disk; a rollback takes away what was not committed."""
    return apsw.Connection(":memory:")


def prepare(connection: apsw.Connection, path: Path | str = ":memory:") -> None:
    """Make the tables in a new file; raises ``JournalError`` for a file of another version."""
    version = connection.execute("pragma user_version").get
    if version == 0 and connection.execute("select count(*) from sqlite_schema").get == 0:
        connection.execute(f"begin immediate; {_TABLES} pragma user_version={SCHEMA_VERSION}; commit")
    elif version != SCHEMA_VERSION:
        raise JournalError(f"{path} is a store of version {version}; this program reads version {SCHEMA_VERSION}")


def pack_dots(dots: Iterable[int]) -> bytes | None:
    """A context's dots as a column holds them; None for no dots."""
    ordered = sorted(dots)
    return msgspec.msgpack.encode(ordered) if ordered else None


_decode_dots = msgspec.msgpack.Decoder(list[int]).decode


def unpack_dots(column: bytes) -> list[int]:
    """The dots of a context's column."""
    return _decode_dots(column)
