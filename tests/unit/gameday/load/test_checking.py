"""Reading writes back: what is lost, what is there twice, and what nobody can tell."""

from terrella.gameday.load import WorldAddresses, Write, Writes, check_writes
from terrella.gameday.load.writes import ReadBack
from terrella.wire.http import HttpServer, Request, Response, json_response

BY = ReadBack("GET", "/orders?by={id}", counts="found.orders")


def write(token: str, back: ReadBack | None = BY) -> Write:
    return Write(token, "create", "tokyo-0", {"id": token}, back)


async def answer(request: Request) -> Response:
    """As many orders as the token says; ``broken`` is answered with an error."""
    token = request.query.removeprefix("by=")
    if token == "broken":
        return json_response({"error": "x"}, 500)
    if token == "strange":
        return json_response({"found": "many"})
    return json_response({"found": {"orders": ["x"] * int(token[-1])}})


async def test_each_write_is_found_as_often_as_it_is_there() -> None:
    writes = Writes()
    for each in (write("a1"), write("b0"), write("c2"), write("broken"), write("strange"), write("d1", None)):
        writes.acknowledge(each)
    for each in (write("e1"), write("f0"), write("a1")):
        writes.doubt(each)
    server = HttpServer(answer)
    port = await server.listen("127.0.0.1", 0)
    world = WorldAddresses("shop", {"us-east-1": "127.0.0.1"}, port, (), frozenset())
    told: list[tuple[int, int]] = []
    try:
        check = await check_writes(
            writes, world, on_progress=lambda done, total: told.append((done, total)), attempts=2
        )
    finally:
        await server.close()
    assert [found.write.token for found in check.lost] == ["b0"]
    assert [(found.write.token, found.count) for found in check.duplicated] == [("c2", 2)]
    assert {found.write.token for found in check.unread} == {"broken", "strange"}
    assert (check.acknowledged, check.unchecked, check.doubtful, check.doubtful_found) == (6, 1, 2, 1)
    assert (check.lost_writes, check.duplicated_writes) == (1, 1)
    assert told[-1] == (7, 7)


async def test_a_region_that_does_not_answer_has_lost_nothing_as_far_as_one_knows() -> None:
    writes = Writes()
    writes.acknowledge(write("a1"))
    server = HttpServer(answer)
    port = await server.listen("127.0.0.1", 0)
    await server.close()
    check = await check_writes(
        writes, WorldAddresses("shop", {"us-east-1": "127.0.0.1"}, port, (), frozenset()), attempts=1
    )
    assert (check.lost, len(check.unread)) == ([], 1)
