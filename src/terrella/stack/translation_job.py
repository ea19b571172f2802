"""What goes to the translator's process and what comes back."""

from typing import Any

import msgspec


class Job(msgspec.Struct):
    """A template that the translator can take, and the values of its parameters and of ``AWS::Region``."""

    template: dict[str, Any]
    parameters: dict[str, Any]


class Outcome(msgspec.Struct):
    """The translated template and the parameters that it depends on, with their values; or what is wrong with it.

    ``errors`` are pairs of logical id (may be empty) and message.
    """

    document: dict[str, Any] = {}
    inputs: dict[str, Any] = {}
    errors: list[tuple[str, str]] = []
