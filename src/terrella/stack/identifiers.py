"""Identifiers that derive from world, stack, region and logical id: every start gives the same ones.

They fill the format strings of the support tables; see ``support/model.py`` for the words.
"""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass

_DIGITS = "0123456789"
_LOWER = "abcdefghijklmnopqrstuvwxyz" + _DIGITS
_UPPER = "ABCDEFGHIJKLMNOPQRSTUVWXYZ" + _DIGITS


class _Characters:
    """``{UPPER:12}``: as many characters of an alphabet as the format asks for."""

    def __init__(self, seed: str, alphabet: str) -> None:
        self._seed = seed
        self._alphabet = alphabet

    def __format__(self, length: str) -> str:
        number = int.from_bytes(hashlib.sha256(f"{self._seed}|{self._alphabet}".encode()).digest())
        characters = []
        for _ in range(int(length)):
            number, index = divmod(number, len(self._alphabet))
            characters.append(self._alphabet[index])
        return "".join(characters)


class _PropertyValue:
    """``{property:Name}``: a resolved property of the same resource, as text."""

    def __init__(self, read: Callable[[str], str]) -> None:
        self._read = read

    def __format__(self, name: str) -> str:
        return self._read(name)


def uuid_from(seed: str) -> str:
    """A UUID-shaped identifier."""
    digits = hashlib.sha256(f"{seed}|uuid".encode()).hexdigest()
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:32]}"


@dataclass(frozen=True, slots=True)
class Scope:
    """Where a stack is: what pseudo parameters and identifiers derive from."""

    world: str
    stack_name: str
    region: str
    account: str
    partition: str = "aws"

    @property
    def stack_id(self) -> str:
        """The stack's ARN."""
        identifier = uuid_from(f"{self.world}|{self.stack_name}|{self.region}")
        resource = f"stack/{self.stack_name}/{identifier}"
        return f"arn:{self.partition}:cloudformation:{self.region}:{self.account}:{resource}"

    def words(self, logical_id: str, read_property: Callable[[str], str]) -> Mapping[str, object]:
        """What a format string of a resource may name, but for ``{id}``."""
        seed = f"{self.world}|{self.stack_name}|{self.region}|{logical_id}"
        return {
            "world": self.world,
            "stack": self.stack_name,
            "stack_lower": self.stack_name.lower(),
            "logical": logical_id,
            "logical_lower": logical_id.lower(),
            "region": self.region,
            "account": self.account,
            "partition": self.partition,
            "UPPER": _Characters(seed, _UPPER),
            "lower": _Characters(seed, _LOWER),
            "hex": _Characters(seed, "0123456789abcdef"),
            "uuid": uuid_from(seed),
            "property": _PropertyValue(read_property),
        }
