"""A world whose regions run on hosts of their own: nobody supervises it, so each region is asked itself.

``HostsClient`` answers as the supervisor's control API does, as far as that can be without one.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec

from terrella.kernel import TerrellaError
from terrella.wire.links import Link
from terrella.world.client import SUPERVISOR, ControlClient
from terrella.world.membership import require_region, told_region
from terrella.world.model import World
from terrella.world.region_view import SILENT

_STATUS_TIMEOUT_S = 3.0


class HostsClient(ControlClient):
    """A world's regions, asked one by one, with requests that are signed by its first access key."""

    def __init__(self, world: World) -> None:
        key = world.security.access_keys[0]
        super().__init__(SUPERVISOR, world.front_door, world.ports.aws, key=key)
        self._world = world
        self._regions = {
            name: ControlClient(name, settings.address, world.ports.aws, key=key)
            for name, settings in world.regions.items()
        }
        self._posts: dict[str, Callable[[Any], Awaitable[Any]]] = {
            "/_terrella/apply": self._apply,
            "/_terrella/links": self._change_links,
            "/_terrella/add": self._add,
            "/_terrella/remove": lambda body: self._decide("remove", body),
            "/_terrella/evict": lambda body: self._decide("evict", body),
        }

    async def get(self, path: str, timeout_s: float = 10.0) -> Any:
        """Only the status can be asked of all at once, and control state of whichever answers first."""
        if path == "/_terrella/members":
            return await self._members()
        if path != "/_terrella/status":
            raise TerrellaError(f"{path} can be asked of a region only, and not of a world without a supervisor")
        return await self._status()

    async def post(self, path: str, body: object, timeout_s: float = 60.0) -> Any:
        """What is done to a process is its own host's to do."""
        action = self._posts.get(path)
        if action is None:
            raise TerrellaError(
                "the regions run on hosts of their own, without a supervisor: stop and start them there"
                " (systemctl stop, systemctl start; docs/own-hosts.md)"
            )
        return await action(body)

    async def _status(self) -> dict[str, Any]:
        world = self._world
        regions = await asyncio.gather(*(self._status_of(name) for name in world.regions))
        first = next(iter(world.regions.values()))
        said = {name: link for each in regions for name, link in (each.get("links") or {}).items()}
        return {
            "world": world.name,
            "path": str(world.path),
            "template": str(world.template),
            "pid": None,
            "profile": next((each["profile"] for each in regions if "profile" in each), world.profile.name),
            "ready": all(each["state"] != SILENT for each in regions),
            "front_door": {"address": None, "aws": f"http://{first.address}:{world.ports.aws}"},
            "regions": regions,
            "faults": [],
            "links": [_link(pair, link, said) for pair, link in world.links.items()],
        }

    async def _status_of(self, name: str) -> dict[str, Any]:
        settings = self._world.regions[name]
        try:
            said: dict[str, Any] = await self._regions[name].get("/_terrella/status", _STATUS_TIMEOUT_S)
        except TerrellaError as error:
            unknown = dict.fromkeys(("pid", "code_version", "at_risk", "heard_s_ago", "restarts"))
            known = {"region": name, "address": settings.address, "azs": list(settings.azs)}
            return {**known, **unknown, "state": SILENT, "reason": str(error)}
        return {**said, "heard_s_ago": 0.0, "restarts": None}

    async def _apply(self, body: Any) -> Any:
        only = body.get("region")
        wanted = [self._region(only)] if only is not None else list(self._regions.values())
        return {"regions": [{"region": each.who, **await each.post("/_terrella/apply", {})} for each in wanted]}

    async def _change_links(self, body: Any) -> Any:
        """Each end is told; a region that starts again has its links as ``world.yaml`` says."""
        a, b = body["a"], body["b"]
        ends = [self._region(a), self._region(b)]
        if a == b:
            raise TerrellaError(f"found the link {a} -> {b}, expected two different regions")
        given = {name: value for name, value in body.items() if name in msgspec.to_builtins(Link())}
        pairs = [(a, b)] if body.get("one_way") else [(a, b), (b, a)]
        links = []
        for pair in pairs:
            changes = msgspec.to_builtins(self._world.links[pair]) if body.get("heal") else given
            told = {"from": pair[0], "to": pair[1], **changes}
            links.append({**told, **(await asyncio.gather(*(end.post("/_terrella/links", told) for end in ends)))[0]})
        return {"links": links}

    async def _members(self, but: str = "") -> dict[str, Any]:
        asked = await self._answering(but)
        told: dict[str, Any] = await asked.get("/_terrella/membership")
        return {**told, "processes": {}, "in_file": list(self._world.regions)}

    async def _add(self, body: Any) -> Any:
        """The others are told of it; its own host has to start it."""
        name = str(body["region"])
        require_region(self._world, name)
        settings = self._world.regions[name]
        asked = await self._answering(name)
        known = (await asked.get("/_terrella/membership"))["state"]["regions"]
        taken = {one["ordinal"] for other, one in known.items() if other != name}
        ordinal = list(self._world.regions).index(name) + 1
        links = {pair: link for pair, link in self._world.links.items() if name in pair}
        told = told_region(name, ordinal if ordinal not in taken else max(taken) + 1, settings, links)
        answer = await asked.post("/_terrella/membership/add", told)
        return {"region": name, "address": settings.address, **answer}

    async def _decide(self, what: str, body: Any) -> Any:
        name = str(body["region"])
        asked = await self._answering(name)
        answer = await asked.post(f"/_terrella/membership/{what}", {"name": name, "force": bool(body.get("force"))})
        return {"region": name, **answer}

    async def _answering(self, but: str) -> ControlClient:
        """A region that answers, another than ``but``."""
        reasons = []
        for name, client in self._regions.items():
            if name == but:
                continue
            try:
                await client.get("/_terrella/membership", _STATUS_TIMEOUT_S)
            except TerrellaError as error:
                reasons.append(str(error))
            else:
                return client
        raise TerrellaError(f"no {'other ' if but else ''}region answers: {'; '.join(reasons)}")

    def _region(self, name: str) -> ControlClient:
        if name not in self._regions:
            there_are = ", ".join(self._regions)
            raise TerrellaError(f"the world {self._world.name} has no region {name}; it has {there_are}")
        return self._regions[name]


def _link(pair: tuple[str, str], configured: Link, said: dict[str, Any]) -> dict[str, Any]:
    fields = said.get(f"{pair[0]} -> {pair[1]}", msgspec.to_builtins(configured))
    return {"from": pair[0], "to": pair[1], **fields, "changed": fields != msgspec.to_builtins(configured)}
