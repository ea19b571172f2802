"""Requests as files describe them: what is sent, what is judged, and what is wrong with a description."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from terrella.gameday.load import (
    CITIES,
    LoadError,
    LoadPlan,
    ResolverPlan,
    RetryPlan,
    describe_request,
    find_vantage_points,
    python_requests,
    rate_per_s,
)
from terrella.gameday.load.visit import Answer, Call, Visit
from terrella.gameday.load.writes import Known, ReadBack, Write, Writes

CREATE = {"method": "post", "path": "/items", "body": {"id": "{id}", "n": "{n}"}, "writes": "{id}"}


@dataclass
class Recorder:
    """A sender that only notes; ids count up."""

    writes: Writes = field(default_factory=Writes)
    calls: list[Call] = field(default_factory=list)
    ids: int = 0

    async def send(self, visit: Visit, call: Call) -> Answer:
        self.calls.append(call)
        return Answer(200, b'{"id": 1}')

    def new_id(self) -> str:
        self.ids += 1
        return f"id-{self.ids}"

    def draw(self, known: Known, client: str) -> Write | None:
        return self.writes.draw(known, client, 0.0)

    def visit(self, n: int = 7) -> Visit:
        return Visit(self, "kind", "tokyo", "tokyo-1", n, 0.0)


async def test_placeholders_are_filled_in_and_numbers_stay_numbers() -> None:
    recorder = Recorder()
    said = {**CREATE, "headers": {"Idempotency-Key": "{id}-{vantage_point}"}, "read_back": "GET /items/{id}"}
    await describe_request("create", said).play(recorder.visit())
    (call,) = recorder.calls
    assert (call.method, call.path, call.body) == ("POST", "/items", b'{"id":"id-1","n":7}')
    assert call.headers == (("content-type", "application/json"), ("idempotency-key", "id-1-tokyo"))
    assert call.write is not None
    assert (call.write.token, call.write.read_back) == ("id-1", ReadBack("GET", "/items/{id}"))
    assert call.reads is None


async def test_a_read_is_of_what_was_written() -> None:
    recorder = Recorder()
    recorder.writes.acknowledge(Write("a b/c", "create", "london-0", {"id": "a b/c", "n": 3}))
    get = describe_request("get", {"path": "/items/{id}?by={client}", "shows": '"n":{n}'})
    assert get.needs_known
    await get.play(recorder.visit())
    own = describe_request("own", {"path": "/items/{id}", "known": "own"})
    await own.play(recorder.visit())
    call, of_others = recorder.calls
    assert call.path == "/items/a%20b%2Fc?by=tokyo-1"
    assert call.reads is not None
    assert call.shows == '"n":3', "as it was written, not as this visit counts"
    assert of_others.reads is not None, "a client without writes of its own reads another's"


async def test_what_is_deleted_is_counted_on_no_more() -> None:
    writes = Writes()
    kept, gone = (Write(token, "create", "tokyo-1", {"id": token}) for token in ("kept", "gone"))
    for write in (kept, gone):
        writes.acknowledge(write)
    writes.withdraw(gone)
    assert list(writes.acknowledged) == ["kept"]
    assert {writes.draw(known, "tokyo-1", 0.99) for known in ("written", "recent", "own", "any")} == {kept}
    recorder = Recorder(writes)
    await describe_request("delete", {"method": "DELETE", "path": "/items/{id}", "deletes": True}).play(
        recorder.visit()
    )
    assert recorder.calls[0].deletes == kept


MISTAKES: dict[str, tuple[object, str, str]] = {
    "no mapping": ("GET /", "", "found 'GET /', expected the request x, a mapping with path, method, …"),
    "no path": ({}, "", "found the request x without a path, expected path: /items/{id}"),
    "unknown key": ({"path": "/", "verb": "GET"}, "verb", "found the key verb, expected one of: method, path"),
    "path": ({"path": "items"}, "path", "found items, expected a path that begins with /"),
    "placeholder": ({"path": "/{uuid}"}, "path", "found {uuid}, expected one of: {id}, {n}"),
    "method": ({"path": "/", "method": "FETCH"}, "method", "found FETCH, expected one of: GET"),
    "known": ({"path": "/{id}", "known": "all"}, "known", "found all, expected one of: written, recent, own, any"),
    "read_back": ({"path": "/", "read_back": "GET /"}, "read_back", "found read_back without writes"),
    "read_back's path": ({**CREATE, "read_back": "items"}, "read_back", "found items, expected a request such as"),
    "status": ({"path": "/", "expect": "201 Created"}, "expect", "found '201 Created', expected an HTTP status"),
    "deletes": ({"path": "/", "deletes": True}, "deletes", "found deletes without known"),
    "retry": ({"path": "/", "retry": "no"}, "retry", "found 'no', expected true or false"),
}


@pytest.mark.parametrize(("said", "key", "message"), MISTAKES.values(), ids=MISTAKES)
def test_mistakes(said: object, key: str, message: str) -> None:
    with pytest.raises(LoadError) as raised:
        describe_request("x", said)
    assert raised.value.key == key
    assert str(raised.value).startswith(message)


def plan(**changes: Any) -> LoadPlan:
    requests = {"create": describe_request("create", CREATE), "get": describe_request("get", {"path": "/{id}"})}
    given = {"rate_per_s": 1.0, "mix": {"create": 1}, "vantage_points": (CITIES["tokyo"],), "requests": requests}
    return LoadPlan(**{**given, **changes})


@pytest.mark.parametrize(
    ("changes", "key", "message"),
    [
        ({"rate_per_s": 0.0}, "rate", "found a rate of 0 a second"),
        ({"vantage_points": ()}, "from", "found no vantage point"),
        ({"mix": {"delete": 1}}, "mix", "found the request delete in the mix, expected one of: create, get"),
        ({"mix": {"create": 0}}, "mix", "found a mix without a weight above 0"),
        ({"mix": {"get": 1}}, "mix", "found get, of what was written, in a mix that writes nothing"),
        ({"clients": 0}, "clients", "found 0 clients"),
    ],
)
def test_a_plan_that_cannot_be_played_is_refused(changes: dict[str, Any], key: str, message: str) -> None:
    with pytest.raises(LoadError, match=message) as raised:
        plan(**changes)
    assert raised.value.key == key


def test_what_files_say_of_rates_resolvers_and_places() -> None:
    assert (rate_per_s("200/s"), rate_per_s("90/m")) == (200.0, 1.5)
    assert [ResolverPlan.parse(text).kept_s(60) for text in ("honour", "30s", "ignore")] == [60, 30, float("inf")]
    assert find_vantage_points(["tokyo", "tokyo"], CITIES) == (CITIES["tokyo"],)
    for read in (lambda: rate_per_s("0/s"), lambda: ResolverPlan.parse("30"), lambda: find_vantage_points(["x"], {})):
        with pytest.raises(LoadError):
            read()


def test_waits_double_up_to_a_limit_and_are_drawn_from_nothing_up() -> None:
    waits = RetryPlan(backoff_s=0.1, backoff_max_s=0.5)
    assert [waits.wait_s(attempts, 0.5) for attempts in (1, 2, 3, 4, 5)] == [0.05, 0.1, 0.2, 0.25, 0.25]
    assert RetryPlan(jitter=False).wait_s(1, 0.3) == 0.1


PYTHON = """\
helper = 1

async def _hidden(client): ...

async def buy(client):
    known = client.known()
    order = client.new_id()
    answer = await client.post("/orders", {"order": order}, writes=order, read_back=f"/orders/{order}")
    assert answer.json() == {"id": 1}
    await client.get(f"/orders/{order}")
"""


async def test_a_python_file_gives_a_kind_for_each_of_its_functions(tmp_path: Path) -> None:
    (tmp_path / "load.py").write_text(PYTHON)
    kinds = python_requests(tmp_path / "load.py")
    assert list(kinds) == ["buy"]
    recorder = Recorder()
    await kinds["buy"].play(recorder.visit())
    post, get = recorder.calls
    assert (post.method, post.body, get.path) == ("POST", b'{"order":"id-1"}', "/orders/id-1")
    assert post.write is not None
    assert post.write.read_back == ReadBack("GET", "/orders/id-1")
    for text, message in (("x = 1", "without requests"), ("import nothing_there", "cannot be loaded")):
        (tmp_path / "other.py").write_text(text)
        with pytest.raises(LoadError, match=message):
            python_requests(tmp_path / "other.py")
    with pytest.raises(LoadError, match="no Python file"):
        python_requests(tmp_path / "none.py")
