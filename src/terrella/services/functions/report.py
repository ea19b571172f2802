"""The lines that Lambda writes around a handler's own, and cutting a worker's output into lines."""

import base64
import math

LINE_MAX_BYTES = 256 * 1024


class LineSplitter:
    """Bytes as they come to whole lines of text."""

    def __init__(self) -> None:
        self._partial = b""

    def feed(self, data: bytes) -> list[str]:
        """The lines that are complete now."""
        *lines, self._partial = (self._partial + data).split(b"\n")
        if len(self._partial) > LINE_MAX_BYTES:
            lines.append(self._partial)
            self._partial = b""
        return [_text(line) for line in lines if line]

    def rest(self) -> str:
        """What came without a newline at its end."""
        rest, self._partial = self._partial, b""
        return _text(rest)


def _text(line: bytes) -> str:
    # The Runtime Interface Client joins the lines of a traceback by carriage returns, to keep them one log event.
    return line.decode("utf-8", "replace").rstrip("\r").replace("\r", "\n").replace("\u00a0", " ")


def encode_tail(tail: bytes | bytearray) -> str:
    """A log's tail as ``LogResult`` has it."""
    return base64.b64encode(tail).decode()


def report(
    request_id: str,
    duration_ms: float,
    memory_mb: int,
    used_mb: int,
    init_ms: float | None,
    status: str,
    error_type: str,
) -> str:
    """The REPORT line.

    ``init_ms`` is None or 0 for a warm invocation, ``used_mb`` 0 if it cannot be told, ``status`` empty if all went
    well.
    """
    parts = [
        f"REPORT RequestId: {request_id}",
        f"Duration: {duration_ms:.2f} ms",
        f"Billed Duration: {math.ceil(duration_ms + (init_ms or 0.0))} ms",
        f"Memory Size: {memory_mb} MB",
    ]
    if used_mb:
        parts.append(f"Max Memory Used: {used_mb} MB")
    if init_ms:
        parts.append(f"Init Duration: {init_ms:.2f} ms")
    if status:
        parts.append(f"Status: {status}")
    if error_type:
        parts.append(f"Error Type: {error_type}")
    return "\t".join(parts)


def init_report(init_ms: float, error_type: str) -> str:
    """What is logged of an initialisation that failed."""
    return f"INIT_REPORT Init Duration: {init_ms:.2f} ms\tPhase: init\tStatus: error\tError Type: {error_type}"
