"""What the gateway needs of other rooms."""

from typing import Protocol


class InvocationResult(Protocol):
    """What came of an invocation, as Lambda's ``Invoke`` answers it."""

    @property
    def status(self) -> int:
        """The HTTP status of ``Invoke``: 200 also when the function itself failed; 429 throttled, 413 too large."""
        ...

    @property
    def payload(self) -> bytes:
        """What the function returned, as JSON; or the error's description."""
        ...

    @property
    def function_error(self) -> str | None:
        """``Unhandled`` or ``Handled`` if the function failed."""
        ...

    @property
    def request_id(self) -> str:
        """The invocation's id, under which the function's log has it."""
        ...


class FunctionInvoker(Protocol):
    """Invokes functions of this region. May raise ``AwsError`` with Lambda's codes instead of answering a status."""

    async def invoke(self, name_or_arn: str, payload: bytes, /) -> InvocationResult:
        """Invoke and wait for the answer."""
        ...
