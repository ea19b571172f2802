"""A function's durable configuration, and how a template's word and the API's overrides are merged. Pure.

As on CloudFormation, a stack's update applies what the *template* changed since it was last applied, property by
property; what the Lambda API changed meanwhile stays.
"""

from typing import Self

import msgspec

from terrella.services.functions.code import Code


class Configuration(msgspec.Struct, frozen=True):
    """What a function is, at one moment."""

    name: str
    handler: str
    runtime: str
    code: Code
    environment: dict[str, str] = {}
    timeout_s: int = 3
    memory_mb: int = 128
    description: str = ""
    reserved_concurrency: int | None = None
    role: str = ""
    architectures: tuple[str, ...] = ("x86_64",)
    tags: dict[str, str] = {}
    logical_id: str = ""
    stack_name: str = ""


# A change of one of these is seen by handlers, so it needs new workers.
_SEEN_BY_WORKERS = ("handler", "runtime", "code", "environment", "timeout_s", "memory_mb")


class StoredFunction(msgspec.Struct, frozen=True):
    """What the journal keeps. ``declared`` is what the template said last; None for a function made by the API."""

    effective: Configuration
    declared: Configuration | None
    modified_ms: int
    revision_id: str

    def encode(self) -> bytes:
        """As stored: JSON."""
        return msgspec.json.encode(self)

    @classmethod
    def decode(cls, data: bytes) -> Self:
        """From what ``encode`` made."""
        return msgspec.json.decode(data, type=cls)


def declare(
    stored: StoredFunction | None, declared: Configuration, modified_ms: int, revision_id: str
) -> StoredFunction:
    """Apply a template's word: only what it changed since its last word; ``stored`` itself if it changed nothing."""
    if stored is None or stored.declared is None:
        return StoredFunction(declared, declared, modified_ms, revision_id)
    if stored.declared == declared:
        return stored
    before = stored.declared
    changes = {
        field: getattr(declared, field)
        for field in Configuration.__struct_fields__
        if getattr(declared, field) != getattr(before, field)
    }
    effective = msgspec.structs.replace(stored.effective, **changes)
    return StoredFunction(effective, declared, modified_ms, revision_id)


def override(stored: StoredFunction, changes: dict[str, object], modified_ms: int, revision_id: str) -> StoredFunction:
    """Apply what the API changed."""
    effective = msgspec.structs.replace(stored.effective, **changes)
    return StoredFunction(effective, stored.declared, modified_ms, revision_id)


def needs_new_workers(before: Configuration, after: Configuration) -> bool:
    """Whether running workers no longer are what the configuration says."""
    return any(getattr(before, field) != getattr(after, field) for field in _SEEN_BY_WORKERS)
