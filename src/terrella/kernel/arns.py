"""Amazon Resource Names."""

from dataclasses import dataclass
from typing import Self

from terrella.kernel.errors import TerrellaError


@dataclass(frozen=True, slots=True)
class Arn:
    """``arn:partition:service:region:account:resource``; ``resource`` may itself contain colons and slashes."""

    service: str
    region: str
    account: str
    resource: str
    partition: str = "aws"

    def __str__(self) -> str:
        return f"arn:{self.partition}:{self.service}:{self.region}:{self.account}:{self.resource}"

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read an ARN; raises ``TerrellaError`` if it is none."""
        parts = text.split(":", 5)
        if len(parts) != 6 or parts[0] != "arn":
            raise TerrellaError(f"{text!r} is not an ARN: expected arn:partition:service:region:account:resource")
        return cls(partition=parts[1], service=parts[2], region=parts[3], account=parts[4], resource=parts[5])
