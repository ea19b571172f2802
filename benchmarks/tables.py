"""PutItem and GetItem through HTTP to one region's endpoint; every write is on disk before its answer."""

import json

from benchmarks.context import Context
from benchmarks.figures import Figure
from benchmarks.load import Load, run_load
from benchmarks.wire import dynamodb
from benchmarks.worlds import AWS_PORT, BenchWorld, pinned

PUT_BUDGET, GET_BUDGET = 10_000.0, 15_000.0
CONNECTIONS = 64
REGION = "us-east-1"
SECONDS = 2.0
_ITEM = '{"id":{"S":"bench-{id}"},"message":{"S":"how much wood would a woodchuck chuck"},"count":{"N":"42"}}'


def put_body(table: str) -> bytes:
    """A PutItem of about 100 bytes of item."""
    return f'{{"TableName":"{table}","Item":{_ITEM}}}'.encode()


def get_body(table: str) -> bytes:
    """A GetItem of one of them."""
    return f'{{"TableName":"{table}","Key":{{"id":{{"S":"bench-{{id}}"}}}}}}'.encode()


def create_body(table: str) -> bytes:
    """A table like the example's, of one region only."""
    return json.dumps(
        {
            "TableName": table,
            "BillingMode": "PAY_PER_REQUEST",
            "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
            "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
        }
    ).encode()


def run(context: Context) -> list[Figure]:
    """A table of one region, and the example's, which all three regions hold."""
    world = context.world()
    wire = world.dynamodb(REGION)
    status, answer = wire.exchange(dynamodb(world.address(REGION), REGION, "CreateTable", create_body("bench-local")))
    if status != 200 and b"ResourceInUse" not in answer:
        raise RuntimeError(f"CreateTable answered {status}: {answer!r}")
    wire.close()
    figures = []
    for table, kind in (("bench-local", "table of one region"), ("items", "replicated to two others, same machine")):
        puts, gets = _measure(context, world, table)
        budgets = (PUT_BUDGET, GET_BUDGET) if table == "bench-local" else (None, None)
        figures += [
            *_figures(f"PutItem, {kind}", puts, budgets[0], "each on disk (fsync) before its answer"),
            *_figures(f"GetItem, {kind}", gets, budgets[1], "of items that are there"),
        ]
    return figures


def _measure(context: Context, world: BenchWorld, table: str) -> tuple[list[Load], list[Load]]:
    host = world.address(REGION)
    put = dynamodb(f"{host}:{AWS_PORT}", REGION, "PutItem", put_body(table))
    get = dynamodb(f"{host}:{AWS_PORT}", REGION, "GetItem", get_body(table))
    puts: list[Load] = []
    gets: list[Load] = []
    first = 0
    pid = world.pid_of(REGION)
    with pinned(pid, 0):
        for number in range(context.repeats):
            context.say(f"PutItem and GetItem, {table}, {number + 1} of {context.repeats}")
            done = _load(context, host, put, pid, first)
            gets.append(_load(context, host, get, pid, first, first + done.requests))
            puts.append(done)
            first += done.requests + CONNECTIONS
    return puts, gets


def _load(context: Context, host: str, request: bytes, pid: int, first: int, last: int = 0) -> Load:
    done = run_load(
        host,
        AWS_PORT,
        request,
        connections=CONNECTIONS,
        seconds=SECONDS,
        scratch=context.scratch,
        first=first,
        last=last,
        pid=pid,
    )
    if done.errors:
        raise RuntimeError(f"{done.errors} of {done.requests} requests failed")
    return done


def _figures(name: str, loads: list[Load], budget: float | None, what: str) -> list[Figure]:
    how = (
        f"{loads[0].tool}, {CONNECTIONS} keep-alive connections with boto3's headers, {SECONDS:g} s; {what}; "
        "the region on one core, the load on the other"
    )
    latencies = {"p50_ms": [one.p50_ms for one in loads], "p99_ms": [one.p99_ms for one in loads]}
    return [
        Figure(name, "/s", [one.per_second for one in loads], how, budget, more_is_better=True, details=latencies),
        Figure("  processor time of the region for one", "µs", [one.server_us for one in loads], ""),
    ]
