"""The supervisor's control API: ``/_terrella/…`` on the front door's AWS port.

What changes anything needs the header ``x-terrella-control: 1``, which no web page of another origin can send.
"""

from collections.abc import Awaitable, Callable
from typing import Any, TypeVar
from urllib.parse import unquote

import msgspec

from terrella.kernel import AwsError, TerrellaError
from terrella.region import METRICS_CONTENT_TYPE, render_metrics
from terrella.wire.http import Request, Response, json_response
from terrella.world.aws_door import CONTROL_PREFIX
from terrella.world.client import CONTROL_HEADER
from terrella.world.faults import FaultRequest
from terrella.world.supervisor import Supervisor, link_fields

B = TypeVar("B", bound=msgspec.Struct)


class _Kill(msgspec.Struct, forbid_unknown_fields=True):
    region: str


class _Region(msgspec.Struct, forbid_unknown_fields=True):
    region: str
    force: bool = False


class _Renewal(msgspec.Struct, forbid_unknown_fields=True):
    ids: list[str]
    lease_s: float


class _Apply(msgspec.Struct, forbid_unknown_fields=True):
    region: str | None = None


class _Links(msgspec.Struct, forbid_unknown_fields=True):
    """``heal`` makes the link as ``world.yaml`` has it; else what is given changes and the rest stays."""

    a: str
    b: str
    one_way: bool = False
    heal: bool = False
    delay_ms: float | msgspec.UnsetType = msgspec.UNSET
    jitter_ms: float | msgspec.UnsetType = msgspec.UNSET
    loss: float | msgspec.UnsetType = msgspec.UNSET
    bandwidth_bytes_per_s: float | msgspec.UnsetType | None = msgspec.UNSET
    cut: bool | msgspec.UnsetType = msgspec.UNSET


_LINK_FIELDS = ("delay_ms", "jitter_ms", "loss", "bandwidth_bytes_per_s", "cut")


class ControlApi:
    """Answers for one supervisor."""

    def __init__(self, supervisor: Supervisor) -> None:
        self._supervisor = supervisor
        self._routes: dict[tuple[str, str], Callable[[Request], Awaitable[Any]]] = {
            ("GET", "status"): self._status,
            ("POST", "kill"): self._kill,
            ("POST", "restore"): self._restore,
            ("POST", "links"): self._links,
            ("POST", "apply"): self._apply,
            ("GET", "members"): self._members,
            ("POST", "add"): self._add,
            ("POST", "remove"): self._remove,
            ("POST", "evict"): self._evict,
            ("GET", "faults"): self._faults,
            ("POST", "faults"): self._inject,
            ("POST", "faults/renew"): self._renew,
            ("DELETE", "faults"): self._end_all,
            ("DELETE", "faults/"): self._end,
            ("POST", "down"): self._down,
        }

    async def handle(self, request: Request) -> Response:
        """Answer one request; a mistake answers ``{"error": sentence}``."""
        try:
            self._supervisor.access.check_control(request)
        except AwsError as error:
            return json_response({"error": error.message}, error.status)
        name = request.path.removeprefix(CONTROL_PREFIX)
        if request.method == "GET" and name == "metrics":
            samples = await self._supervisor.metrics()
            return Response(200, [("content-type", METRICS_CONTENT_TYPE)], render_metrics(samples))
        head, slash, _ = name.partition("/")
        route = self._routes.get((request.method, name)) or self._routes.get((request.method, head + slash))
        if route is None:
            known = ", ".join(f"{method} {path}" for method, path in self._routes)
            return json_response({"error": f"there is no {request.method} {request.path}; there is {known}"}, 404)
        if request.method != "GET" and request.header(CONTROL_HEADER) != "1":
            return json_response({"error": f"found no header {CONTROL_HEADER}: 1, expected it"}, 403)
        try:
            return json_response(await route(request))
        except TerrellaError as error:
            return json_response({"error": str(error)}, 400)

    async def _status(self, request: Request) -> Any:
        return await self._supervisor.status()

    async def _kill(self, request: Request) -> Any:
        return await self._supervisor.kill(_body(request, _Kill).region)

    async def _restore(self, request: Request) -> Any:
        return await self._supervisor.restore(_body(request, _Kill).region)

    async def _apply(self, request: Request) -> Any:
        return {"regions": await self._supervisor.apply(_body(request, _Apply).region)}

    async def _members(self, request: Request) -> Any:
        return await self._supervisor.membership.members()

    async def _add(self, request: Request) -> Any:
        return await self._supervisor.membership.add(_body(request, _Kill).region)

    async def _remove(self, request: Request) -> Any:
        body = _body(request, _Region)
        return await self._supervisor.membership.remove(body.region, force=body.force)

    async def _evict(self, request: Request) -> Any:
        body = _body(request, _Region)
        return await self._supervisor.membership.evict(body.region, force=body.force)

    async def _faults(self, request: Request) -> Any:
        return {"faults": self._supervisor.faults.report()}

    async def _inject(self, request: Request) -> Any:
        return await self._supervisor.faults.inject(_body(request, FaultRequest))

    async def _renew(self, request: Request) -> Any:
        body = _body(request, _Renewal)
        return await self._supervisor.faults.renew(body.ids, body.lease_s)

    async def _end(self, request: Request) -> Any:
        return await self._supervisor.faults.end(unquote(request.path.removeprefix(f"{CONTROL_PREFIX}faults/")))

    async def _end_all(self, request: Request) -> Any:
        return await self._supervisor.faults.end_all()

    async def _down(self, request: Request) -> Any:
        self._supervisor.stop()
        return {"stopping": True}

    async def _links(self, request: Request) -> Any:
        body = _body(request, _Links)
        given = {name: getattr(body, name) for name in _LINK_FIELDS if getattr(body, name) is not msgspec.UNSET}
        _check_link(given)
        changes = None if body.heal else given
        pairs = [(body.a, body.b)] if body.one_way else [(body.a, body.b), (body.b, body.a)]
        links = []
        for a, b in pairs:
            link = await self._supervisor.change_link(a, b, changes)
            links.append({"from": a, "to": b, **link_fields(link)})
        return {"links": links}


def _body(request: Request, kind: type[B]) -> B:
    try:
        return msgspec.json.decode(request.body or b"{}", type=kind)
    except msgspec.DecodeError as error:
        raise TerrellaError(f"found a body that does not fit ({error})") from error


def _check_link(given: dict[str, Any]) -> None:
    for name in ("delay_ms", "jitter_ms"):
        if given.get(name, 0.0) < 0:
            raise TerrellaError(f"found {name} {given[name]:g}, expected at least 0")
    if not 0 <= given.get("loss", 0.0) <= 1:
        raise TerrellaError(f"found loss {given['loss']:g}, expected 0 to 1")
    bandwidth = given.get("bandwidth_bytes_per_s")
    if bandwidth is not None and bandwidth <= 0:
        raise TerrellaError(f"found bandwidth_bytes_per_s {bandwidth:g}, expected more than 0")
