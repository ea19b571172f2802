"""What an API request costs on its way through gateway and a warm function that does next to nothing."""

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from benchmarks.context import Context
from benchmarks.figures import Figure, percentile
from benchmarks.load import Load, run_load
from benchmarks.wire import Wire, ask, encode, milliseconds
from benchmarks.worlds import APPLICATION_PORT, AWS_PORT, EXAMPLE, NAME, ROOT, BenchWorld

P50_BUDGET_MS = 1.5
PER_WORKER_BUDGET = 1_200.0
REGION = "us-east-1"
FUNCTION = "items-health"
_REQUESTS = 1_500
_WARM = 200


def run(context: Context) -> list[Figure]:
    """The health function of the example, through the region's own application port."""
    world = context.world()
    context.say("gateway: latency")
    latencies = _latencies(world, context.repeats)
    context.say("gateway: requests a second of one worker")
    loads = _one_worker(context, world)
    context.say("gateway: awslambdaric on its own")
    bare = [percentile(one, 0.5) for one in _bare(context.scratch, context.repeats)]
    one_at_a_time = f"GET /health at the region's own :{APPLICATION_PORT}, one at a time, {_REQUESTS:,} times"
    return [
        Figure(
            "API request, p50",
            "ms",
            [percentile(one, 0.5) for one in latencies],
            f"{one_at_a_time}: client, gateway and warm function whole, the handler's own 20 µs included",
            P50_BUDGET_MS,
        ),
        Figure("API request, p99", "ms", [percentile(one, 0.99) for one in latencies], "the same requests"),
        Figure(
            "  awslambdaric on its own, p50",
            "ms",
            bare,
            "the same handler on a Runtime API of 60 lines on bare sockets: what no gateway can go below",
        ),
        Figure(
            "API requests a second of one worker",
            "/s",
            [one.per_second for one in loads],
            f"{loads[0].tool}, 4 connections, the function's reserved concurrency set to 1",
            PER_WORKER_BUDGET,
            more_is_better=True,
        ),
        Figure("  processor time of the region for one", "µs", [one.server_us for one in loads], ""),
    ]


def _latencies(world: BenchWorld, repeats: int) -> list[list[float]]:
    request = encode("GET", NAME, "/health")
    wire = Wire(world.address(REGION), APPLICATION_PORT)
    milliseconds(wire, request, _WARM)
    taken = [milliseconds(wire, request, _REQUESTS) for _ in range(repeats)]
    wire.close()
    return taken


def _one_worker(context: Context, world: BenchWorld) -> list[Load]:
    host = world.address(REGION)
    _reserve(host, 1)
    try:
        request = encode("GET", NAME, "/health")
        loads = [
            run_load(
                host,
                APPLICATION_PORT,
                request,
                connections=4,
                seconds=2,
                scratch=context.scratch,
                pid=world.pid_of(REGION),
            )
            for _ in range(context.repeats)
        ]
    finally:
        _reserve(host, None)
    failed = sum(one.errors for one in loads)
    if failed:
        raise RuntimeError(f"{failed} API requests failed")
    return loads


def _reserve(host: str, concurrency: int | None) -> None:
    path = f"/2017-10-31/functions/{FUNCTION}/concurrency"
    scope = f"AKIAIOSFODNN7EXAMPLE/20260101/{REGION}/lambda/aws4_request"
    headers = {"Authorization": f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature={'0' * 64}"}
    if concurrency is None:
        status, answer = ask(host, AWS_PORT, encode("DELETE", host, path, headers))
    else:
        body = json.dumps({"ReservedConcurrentExecutions": concurrency}).encode()
        status, answer = ask(host, AWS_PORT, encode("PUT", host, path, headers, body))
    if status not in (200, 204):
        raise RuntimeError(f"the reserved concurrency could not be set: {status} {answer!r}")


# awslambdaric with nothing around it


def _bare(scratch: Path, repeats: int) -> Iterator[list[float]]:
    listener = socket.create_server(("127.0.0.1", 0))
    worker = ROOT / "src" / "terrella" / "services" / "functions" / "worker.py"
    environment = {
        "PATH": os.environ.get("PATH", os.defpath),
        "LAMBDA_TASK_ROOT": str(EXAMPLE / "handlers"),
        "_HANDLER": "health.handler",
        "AWS_LAMBDA_RUNTIME_API": f"127.0.0.1:{listener.getsockname()[1]}",
        "AWS_REGION": REGION,
        "TZ": ":UTC",
    }
    process = subprocess.Popen(
        [sys.executable, "-P", "-s", str(worker), str(os.getpid())], env=environment, cwd=scratch
    )
    try:
        api = _BareRuntimeApi(listener)
        api.invoke(_WARM)
        for _ in range(repeats):
            yield api.invoke(_REQUESTS)
    finally:
        process.kill()
        process.wait()
        listener.close()


class _BareRuntimeApi:
    """Answers ``next`` with an event and times how long the response takes to come."""

    def __init__(self, listener: socket.socket) -> None:
        listener.settimeout(10)
        self._listener = listener
        self._connection: socket.socket | None = None
        event = json.dumps({"httpMethod": "GET", "path": "/health", "headers": {"host": NAME}, "body": None}).encode()
        head = (
            "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
            "Lambda-Runtime-Aws-Request-Id: 00000000-0000-4000-8000-000000000000\r\n"
            "Lambda-Runtime-Deadline-Ms: 4102444800000\r\n"
            f"Lambda-Runtime-Invoked-Function-Arn: arn:aws:lambda:{REGION}:000000000000:function:{FUNCTION}\r\n"
            f"Content-Length: {len(event)}\r\n\r\n"
        )
        self._event = head.encode() + event

    def invoke(self, count: int) -> list[float]:
        """Milliseconds of each invocation, from the event's sending to the answer's coming."""
        taken: list[float] = []
        started = 0.0
        while len(taken) < count:
            first_line = self._receive()
            if first_line.startswith(b"GET"):
                started = time.perf_counter()
                self._send(self._event)
            else:
                taken.append((time.perf_counter() - started) * 1000)
                self._send(b'HTTP/1.1 202 Accepted\r\nContent-Length: 15\r\n\r\n{"status":"OK"}')
        return taken

    def _send(self, data: bytes) -> None:
        assert self._connection is not None
        self._connection.sendall(data)

    def _receive(self) -> bytes:
        """One whole request; a client that closes after each is accepted anew."""
        held = b""
        while True:
            if self._connection is None:
                self._connection, _ = self._listener.accept()
                self._connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                self._connection.settimeout(10)
            data = self._connection.recv(65536)
            if not data:
                self._connection = None
                continue
            held += data
            head, found, body = held.partition(b"\r\n\r\n")
            if found:
                at = head.lower().find(b"content-length:")
                if at < 0 or len(body) >= int(head[at + 15 :].split(b"\r\n", 1)[0]):
                    return head.split(b"\r\n", 1)[0]
