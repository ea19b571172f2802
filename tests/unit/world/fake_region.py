"""A region that only speaks the control API, for the supervisor's tests: ``fake_region.py NAME WORLD_YAML``.

What it finds in ``DIRECTORY/NAME.behaviour`` decides: ``fail`` exits at once, ``crash-once`` exits once it serves,
``stubborn`` does not stop when asked, ``refuses`` takes no faults. All of them decide on membership at once, in
``DIRECTORY/members.json``.
"""

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec

from terrella.region import BulletinBoard
from terrella.wire.http import HttpServer, Request, Response, json_response
from terrella.world import load_world


def behaviour(path: Path) -> str:
    try:
        return path.read_text()
    except FileNotFoundError:
        return ""


def begin(name: str, how: str, path: Path) -> None:
    if how == "fail":
        sys.exit(f"terrella: found no table in {name}, expected one")
    if how == "crash-once":
        path.unlink()


def write(path: Path, content: object) -> None:
    fresh = path.with_name(f"{path.name}.{os.getpid()}")
    fresh.write_bytes(msgspec.json.encode(content))
    fresh.replace(path)


def decide(path: Path, world_path: Path, what: str, body: dict[str, Any]) -> dict[str, Any]:
    """Control state after a change, without any of its rules."""
    if not path.exists():
        world = load_world(world_path)
        regions: dict[str, Any] = {
            each: {"ordinal": number, "address": one.address, "status": "active"}
            for number, (each, one) in enumerate(world.regions.items(), start=1)
        }
        write(path, {"version": 0, "generation": 0, "regions": regions, "former": {}})
    state: dict[str, Any] = msgspec.json.decode(path.read_bytes())
    if what == "add":
        state["regions"][body["name"]] = {**body, "status": "active"}
        state["former"].pop(body["name"], None)
    elif what in ("remove", "evict"):
        gone = state["regions"].pop(body["name"])
        state["former"][body["name"]] = {**gone, "how": {"remove": "removed", "evict": "evicted"}[what], "version": 1}
    if what:
        state["version"] += 1
        write(path, state)
    return {**state, "groups": {}}


def take_faults(faults: dict[str, Any], body: dict[str, Any], refusal: str) -> Response:
    """One more, or all that there are."""
    if "faults" in body:
        faults.clear()
        faults.update({each["id"]: each for each in body["faults"]})
        return json_response({})
    if refusal:
        return json_response({"error": refusal}, 400)
    faults[body["id"]] = body
    return json_response({"id": body["id"], "done": 1})


async def main(name: str, world_path: Path) -> None:
    configuration = load_world(world_path).region_configuration(name)
    behaviour_path = world_path.parent / f"{name}.behaviour"
    how = behaviour(behaviour_path)
    begin(name, how, behaviour_path)
    worker = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])  # noqa: ASYNC220
    (world_path.parent / f"{name}.worker").write_text(str(worker.pid))
    faults: dict[str, Any] = {each.id: msgspec.to_builtins(each) for each in configuration.faults}
    links: dict[str, Any] = {f"{a} -> {b}": msgspec.to_builtins(link) for (a, b), link in configuration.links.items()}
    version = 1
    resumed = "--resume" in sys.argv

    def status() -> dict[str, Any]:
        call = {"function": "f", "from": name, "to": "x", "service": "dynamodb", "operation": "PutItem", "count": 1}
        return {
            "region": name,
            "pid": os.getpid(),
            "state": "serving",
            "standing": "active",
            "reason": "resumed" if resumed else "as told",
            "code_version": f"v{version}",
            "at_risk": 3,
            "replication": {},
            "health": {},
            "links": links,
            "faults": list(faults),
            "cross_region_calls": [call] if how == "calls" else [],
        }

    def bulletin(full: bool) -> dict[str, Any]:
        return {
            "region": name,
            "state": "serving",
            "code_version": f"v{version}",
            "observations": [],
            "contribution": {},
            "status": status() if full else {},
        }

    members = world_path.parent / "members.json"
    decide(members, world_path, "", {})
    board = BulletinBoard(bulletin)

    async def control(request: Request) -> Response:
        nonlocal version
        body = msgspec.json.decode(request.body or b"{}")
        match request.method, request.path:
            case "GET", "/_terrella/status":
                return json_response(status())
            case "GET", "/_terrella/bulletin":
                return Response(200, [], board.lines(full=request.query == "full=1"))
            case "POST", "/_terrella/links":
                links[f"{body.pop('from')} -> {body.pop('to')}"] = body
                return json_response({})
            case "POST", "/_terrella/faults" | "/_terrella/faults/all":
                return take_faults(
                    faults, body, refusal=f"there is no such thing in {name}" if how == "refuses" else ""
                )
            case "POST", "/_terrella/apply":
                version += 1
                return json_response({"code_version": f"v{version}", "changes": ["changed f"]})
            case "GET", "/_terrella/logs":
                lines = [{"time_ms": 1000, "az": f"{name}a", "request_id": "r", "message": f"hello from {name}"}]
                return Response(200, [], b"".join(msgspec.json.encode(line) + b"\n" for line in lines))
            case _, path if path.startswith("/_terrella/membership"):
                what = path.removeprefix("/_terrella/membership").strip("/")
                told = {"region": name, "majority_reachable": True, "problem": "", "standing": "active"}
                told |= {"state": decide(members, world_path, what, body)}
                return json_response(told | {"forced": bool(body.get("force")), "records_held": 1234})
            case "GET", "/_terrella/conflicts":
                return json_response([])
            case "POST", path if path.startswith("/_terrella/azs/"):
                return json_response({"killed": 2})
        return json_response({"region": name, "target": request.target, "body": request.body.decode()})

    server = HttpServer(control)
    await server.listen(configuration.own.address, configuration.ports.aws)
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, stop.set if how != "stubborn" else lambda: None)
    if how == "crash-once":
        os._exit(7)
    await stop.wait()
    worker.kill()
    worker.wait()
    await server.close()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], Path(sys.argv[2])))
