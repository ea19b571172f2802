"""A blocking HTTP/1.1 client with as little of its own cost as Python allows: one socket, bytes in, bytes out."""

import json
import socket
import time
from typing import Any

_AUTHORIZATION = (
    "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20260101/{region}/dynamodb/aws4_request, "
    "SignedHeaders=content-type;host;x-amz-date;x-amz-target, Signature={signature}"
)


class Wire:
    """One keep-alive connection. Raises ``OSError`` when the other side is not there or goes away."""

    def __init__(self, host: str, port: int, timeout_s: float = 10.0) -> None:
        self._socket = socket.create_connection((host, port), timeout_s)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def exchange(self, request: bytes) -> tuple[int, bytes]:
        """Send one request, wait for its answer: status and body."""
        self._socket.sendall(request)
        held = b""
        while (end := held.find(b"\r\n\r\n")) < 0:
            held += self._receive()
        head = held[:end].lower()
        at = head.find(b"content-length:")
        length = int(head[at + 15 :].split(b"\r\n", 1)[0]) if at >= 0 else 0
        body = held[end + 4 :]
        while len(body) < length:
            body += self._receive()
        return int(head[9:12]), body

    def _receive(self) -> bytes:
        data = self._socket.recv(65536)
        if not data:
            raise ConnectionError("closed by the other side")
        return data

    def close(self) -> None:
        """Close it."""
        self._socket.close()


def encode(method: str, host: str, target: str, headers: dict[str, str] | None = None, body: bytes = b"") -> bytes:
    """A request as bytes."""
    lines = [f"{method} {target} HTTP/1.1", f"Host: {host}"]
    lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
    if body or method in ("POST", "PUT"):
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def dynamodb(host: str, region: str, operation: str, body: bytes) -> bytes:
    """A DynamoDB request with the headers that boto3 sends, a signature among them (nobody on loopback checks it)."""
    headers = {
        "X-Amz-Target": f"DynamoDB_20120810.{operation}",
        "Content-Type": "application/x-amz-json-1.0",
        "User-Agent": "Boto3/1.40.0 md/Botocore#1.40.0 ua/2.1 os/linux#6.1 md/arch#x86_64 lang/python#3.11.2",
        "X-Amz-Date": "20260101T000000Z",
        "Authorization": _AUTHORIZATION.format(region=region, signature="0" * 64),
        "amz-sdk-invocation-id": "7c6fa1f0-0000-4000-8000-000000000000",
        "amz-sdk-request": "attempt=1",
    }
    return encode("POST", host, "/", headers, body)


def ask(host: str, port: int, request: bytes, timeout_s: float = 10.0) -> tuple[int, bytes]:
    """One request on a connection of its own."""
    wire = Wire(host, port, timeout_s)
    try:
        return wire.exchange(request)
    finally:
        wire.close()


def ask_json(host: str, port: int, method: str, target: str, body: object = None) -> Any:
    """One request to a control API; raises ``RuntimeError`` for an error answer."""
    headers = {"x-terrella-control": "1", "Content-Type": "application/json"}
    content = b"" if body is None else json.dumps(body).encode()
    status, answer = ask(host, port, encode(method, f"{host}:{port}", target, headers, content))
    if status != 200:
        raise RuntimeError(f"{method} {target} at {host} answered {status}: {answer.decode(errors='replace')}")
    return json.loads(answer)


def milliseconds(wire: Wire, request: bytes, count: int) -> list[float]:
    """How long each of ``count`` exchanges took, one after the other; raises ``RuntimeError`` unless all answer 200."""
    took = []
    for _ in range(count):
        started = time.perf_counter()
        status, body = wire.exchange(request)
        took.append((time.perf_counter() - started) * 1000)
        if status != 200:
            raise RuntimeError(f"answered {status}: {body[:200]!r}")
    return took
