"""Client request tokens: a transaction that is sent again within ten minutes is not done again.

A token is kept in the transaction that it stands for, so that after a crash either both are there or neither. It is
known in its own region only, as on AWS.
"""

import hashlib
from collections.abc import Iterable
from typing import Any

import msgspec

from terrella.journal import DataSet, Journal, Lane, Transaction, data_set_id
from terrella.kernel import AwsError, Clock

REMEMBERED_S = 600
_INDEX = "moment"

_encode = msgspec.json.Encoder(order="deterministic").encode


class Tokens:
    """The tokens of one region."""

    def __init__(self, journal: Journal, region: str, world: str, clock: Clock) -> None:
        self._journal = journal
        self._clock = clock
        identity = data_set_id(world, "terrella:tables", f"transaction tokens of {region}", 1)
        self._data_set = DataSet(identity, "transaction tokens", Lane.LOCAL, (region,))

    async def start(self) -> None:
        """Make them usable again."""
        await self._journal.declare(self._data_set, _by_moment, {_INDEX: "1"})

    def note(self, transaction: Transaction, token: str, params: dict[str, Any]) -> bool:
        """Within a judge: False if the same request was done already.

        Raises ``AwsError`` IdempotentParameterMismatchException if the token came with another request.
        """
        request = {name: given for name, given in params.items() if name != "ReturnConsumedCapacity"}
        digest = hashlib.sha256(_encode(request)).digest()
        now_s = self._clock.now_ms() // 1000
        key = token.encode()
        stored = transaction.get(self._data_set.id, key)
        if stored is not None and stored.value is not None:
            moment_s, known = int.from_bytes(stored.value[:8], "big"), stored.value[8:]
            if now_s - moment_s < REMEMBERED_S:
                if known != digest:
                    raise AwsError(
                        "IdempotentParameterMismatchException",
                        "The request was rejected: its ClientRequestToken was used with other parameters",
                    )
                return False
        transaction.put(self._data_set.id, key, now_s.to_bytes(8, "big") + digest)
        return True

    async def sweep(self) -> None:
        """Forget the tokens that are too old."""
        until = (max(0, self._clock.now_ms() // 1000 - REMEMBERED_S)).to_bytes(8, "big")
        if self._journal.scan_index(self._data_set.id, _INDEX, end=(until, b""), limit=1):
            await self._journal.expire(self._data_set.id, _INDEX, b"", until)


def _by_moment(_key: bytes, value: bytes) -> Iterable[tuple[str, bytes]]:
    return [(_INDEX, value[:8])]
