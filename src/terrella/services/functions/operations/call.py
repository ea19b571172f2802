"""What every operation is given."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from terrella.services.functions.core import FunctionCore


@dataclass(frozen=True, slots=True)
class Call:
    """A call of the API: parameters by the model's names, the request's id, and the X-Ray header that came with it."""

    params: dict[str, Any]
    request_id: str
    trace_id: str = ""


Operation = Callable[[FunctionCore, Call], Awaitable[dict[str, Any]]]
"""Answers the output's members by the model's names; raises ``AwsError``."""
