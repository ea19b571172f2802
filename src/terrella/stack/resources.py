"""A stack: what a template comes to in one region."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from terrella.stack.support import Verdict


@dataclass(frozen=True, slots=True)
class Resource:
    """One resource of a stack, every intrinsic function in its properties resolved.

    ``physical_id`` is its name or id (not always what ``Ref`` answers: a queue's ``Ref`` is its URL). ``depends_on``
    are logical ids of this stack. ``line`` is where the source template declares it, or what SAM made it from. A
    function has ``code_hash``, and ``code_path`` (a directory) unless its code is ``Code.ZipFile`` in the
    template. A refused resource has a name, but no properties.
    """

    logical_id: str
    type: str
    properties: Mapping[str, Any]
    physical_id: str
    line: int
    verdict: Verdict
    depends_on: tuple[str, ...] = ()
    retained: bool = False
    code_path: Path | None = None
    code_hash: str | None = None


@dataclass(frozen=True, slots=True)
class Stack:
    """A template evaluated for one region: ``resources`` by logical id, each after those it depends on.

    ``version`` names the template and the code of its functions: it is the same in every region that has been given the
    same. ``fingerprint`` names what they come to in this region, with its parameters.
    """

    name: str
    region: str
    resources: Mapping[str, Resource]
    outputs: Mapping[str, Any]
    version: str
    fingerprint: str

    def of_type(self, *types: str) -> list[Resource]:
        """The resources of these types, in dependency order."""
        return [resource for resource in self.resources.values() if resource.type in types]


def version_of(content_digest: str, code_hashes: Mapping[str, str]) -> str:
    """12 hexadecimal digits that name a template and the code of its functions."""
    encoded = msgspec.json.encode((content_digest, code_hashes), order="sorted")
    return hashlib.sha256(encoded).hexdigest()[:12]


def fingerprint_of(resources: Mapping[str, Resource], outputs: Mapping[str, Any]) -> str:
    """12 hexadecimal digits that name a resolved stack."""
    content = {
        name: (one.type, one.properties, one.physical_id, one.code_hash, one.retained)
        for name, one in resources.items()
    }
    encoded = msgspec.json.encode((content, outputs), order="sorted")
    return hashlib.sha256(encoded).hexdigest()[:12]
