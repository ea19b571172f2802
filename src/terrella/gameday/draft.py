"""First drafts for an application that has none: a game day, and a test of the loss of a region."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from terrella.kernel import CITIES
from terrella.world import World

_NAMELESS = (
    "  # The template has no AWS::Route53::RecordSet: clients ask the region nearest to them, lost or not. So",
    "  # availability and failover will not hold; examples/items has the records and the health check that they take.",
)
_TEST = '''\
"""What holds when a region is lost. The fixture ``world`` comes with terrella: docs/pytest.md."""

{asked}


{body}'''
_LED_AWAY = """\
def test_customers_are_served_when_a_region_is_lost(world):
    customer = world.http("{city}")
    assert customer.get(PATH).status == 200
    world.region("{victim}").kill()
    world.settle()  # until nobody is led there any more
    assert customer.get(PATH).region != "{victim}"
    world.region("{victim}").restore()
    assert world.converged()
"""
_OTHER_SERVES = """\
def test_one_region_serves_when_another_is_lost(world):
    # The template has no AWS::Route53::RecordSet: nobody leads customers away, so the region that is left is asked.
    world.region("{victim}").kill()
    assert world.region("{other}").http().get(PATH).status == 200
    world.region("{victim}").restore()
    assert world.converged()
"""
_COMES_BACK = """\
def test_the_region_comes_back(world):
    world.region("{victim}").kill()
    world.region("{victim}").restore()
    assert world.region("{victim}").http().get(PATH).status == 200
"""
_PARAMETER = re.compile(r"\{\w+\}")
_ID = "{id}"


@dataclass(frozen=True, slots=True)
class _Kind:
    """``lines`` of YAML below ``name``; ``ready``: it needs nothing that only the author of the application knows."""

    name: str
    lines: tuple[str, ...]
    ready: bool = False


def draft_game_day(world: World, routes: Iterable[tuple[str, str]], *, named: bool = True) -> str:
    """A game day's file that loses the world's last region; ``routes`` are the application's, by method and path.

    ``named``: the application has Route 53 records. Where it has none, nobody leads clients away from a lost region,
    and the draft says so.

    A plain GET can be sent as it is, and is. What a write takes nobody can know but its author: such requests are there
    with a body that is a guess, and are in ``mix`` only where nothing else is.
    """
    known = sorted({(method, _with_id(path)) for method, path in routes})
    kinds = [kind for method, path in known for kind in _kinds(method, path, known)]
    kinds = kinds or [_Kind("front", ("method: GET", "path: /"))]
    mix = [kind for kind in kinds if kind.ready] or kinds
    left_out = [f"{method} {path}" for method, path in known if not _kinds(method, path, known)]
    victim = _victim(world)
    lines = [
        "# What is sent, what breaks and when, what must hold: docs/gamedays.md; every fault: docs/faults.md",
        f"name: lose {victim}",
        "load:",
        "  rate: 20/s",
        f"  mix: {_mapping(mix)}",
        *(
            [f"  # No write is sent so far. When the requests below are filled in: mix: {_mapping(kinds)}"]
            if len(mix) < len(kinds)
            else []
        ),
        f"  from: [{', '.join(_cities(world))}]",
        "requests:",
        *(line for kind in kinds for line in (f"  {kind.name}:", *(f"    {each}" for each in kind.lines))),
        *(f"  # {each}: describe it, if it matters" for each in left_out),
        "faults:",
        f"  - {{at: 5s, kill: {victim}, for: {{fast: 10s, aws: 240s}}}}",
        "expect: # under profile fast, and under aws, where health checks and resolvers take as long as on AWS",
        *([] if named else _NAMELESS),
        "  availability:",
        '    fast: ">= 99% excluding the first 5s after a change"',
        '    aws: ">= 99% excluding the first 180s after a change"',
        '  failover: {fast: "<= 5s", aws: "<= 180s"}',
        "  lost_writes: 0",
        '  converged: "<= 30s after the last fault"',
    ]
    return "\n".join(lines) + "\n"


def draft_test(world: World, routes: Iterable[tuple[str, str]], *, named: bool = True) -> str:
    """A pytest file that loses the world's last region and passes for a healthy application; arguments as above.

    It asks the first GET that has no parameters; where the application has none, ``/``, and says what belongs there.
    """
    known = sorted(path for method, path in routes if method == "GET" and "{" not in path and path.startswith("/"))
    asked = f'PATH = "{known[0]}"' if known else 'PATH = "/"  # a guess: a GET that finds something in an empty world'
    *others, victim = world.regions
    body = _LED_AWAY if named and others else _OTHER_SERVES if others else _COMES_BACK
    city = min(CITIES.values(), key=lambda place: place.delay_to(victim)).name
    return _TEST.format(asked=asked, body=body.format(victim=victim, other=others[0] if others else "", city=city))


def _with_id(path: str) -> str:
    """``/orders/{orderId}`` as game days say it: ``/orders/{id}``. Other paths with parameters stay as they are."""
    return _PARAMETER.sub(_ID, path) if path.count("{") == 1 else path


def _kinds(method: str, path: str, known: Sequence[tuple[str, str]]) -> list[_Kind]:
    """The request to a route; none if it is not of a kind that can be guessed."""
    one_item = path.endswith(f"/{_ID}")
    name = "-".join([method.lower(), *re.findall(r"\w+", path)])
    target = path if "{" not in path else f'"{path}"'
    if method == "GET" and "{" not in path and path.startswith("/"):
        return [_Kind(name, ("method: GET", f"path: {path}"), ready=True)]
    if method == "GET" and one_item:
        written = any(_item_of(*route) == path for route in known)
        return [_Kind(name, ("method: GET", f"path: {target}", "known: written"))] if written else []
    item = _item_of(method, path)
    if not item:
        return []
    lines = ["method: " + method, f"path: {target}", 'body: {id: "{id}"}  # a guess: what does it take?']
    if ("GET", item) in known:
        lines += ['writes: "{id}"  # "{response.id}", if the application chooses the id', f"read_back: GET {item}"]
    return [_Kind(name, tuple(lines))]


def _item_of(method: str, path: str) -> str:
    """Where what a request writes can be read; empty if it is no write that can be guessed."""
    if method == "POST" and "{" not in path and path.startswith("/"):
        return f"{path.rstrip('/')}/{_ID}"
    return path if method == "PUT" and path.endswith(f"/{_ID}") else ""


def _mapping(kinds: Sequence[_Kind]) -> str:
    return "{" + ", ".join(f"{kind.name}: 1" for kind in kinds) + "}"


def _cities(world: World) -> list[str]:
    """A city near each region, each once."""
    found = [min(CITIES.values(), key=lambda city: city.delay_to(region)).name for region in world.regions]
    return list(dict.fromkeys(found))


def _victim(world: World) -> str:
    """The last region; where there is no other, its first zone."""
    *_, last = world.regions
    return last if len(world.regions) > 1 else f"{last}a"
