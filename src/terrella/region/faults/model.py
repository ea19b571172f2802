"""A fault as a region is told of it, and what a mechanism that carries faults out must do."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, Protocol, TypeVar

import msgspec

from terrella.kernel import TerrellaError

P = TypeVar("P", bound=msgspec.Struct)


@dataclass(frozen=True, slots=True)
class FaultOrder:
    """A fault that is to be active: ``parameters`` are those of its ``kind``; ``since_ms`` 0: from now on."""

    id: str
    kind: str
    parameters: Mapping[str, Any] = field(default_factory=dict)
    since_ms: int = 0


@dataclass(slots=True)
class ActiveFault(Generic[P]):
    """A fault that is active since ``since_ms`` (1970); ``hits`` counts what it has spoilt so far."""

    id: str
    kind: str
    since_ms: int
    parameters: P
    hits: int = 0


class Mechanism(Protocol):
    """Carries out the faults of its kinds. One small file each."""

    def check(self, fault: ActiveFault[Any]) -> None:
        """Whether it can be done here. Raises ``TerrellaError``."""
        ...

    def apply(self, faults: Sequence[ActiveFault[Any]]) -> None:
        """These of its kinds are active now, perhaps none, in the order in which they came. Idempotent."""
        ...


def read_parameters(kind: str, parameters: Mapping[str, Any], shape: type[P]) -> P:
    """Raises ``TerrellaError`` for parameters that the kind does not have."""
    try:
        return msgspec.convert(dict(parameters), shape)
    except msgspec.ValidationError as error:
        raise TerrellaError(f"found a fault {kind} with parameters that do not fit ({error})") from error
