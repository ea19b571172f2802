"""Regions as separate hosts: each in a network namespace of its own, on a bridge, with its own copy of the world."""

import asyncio
import os
import shutil
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config
from tests.e2e.worlds import ROOT, environment, give_translations, until

from terrella.world import HostsClient, load_world

REGIONS = ("us-east-1", "us-west-2", "eu-west-1")
KEY_ID, SECRET = "AKIAHOSTS", "correct-horse-battery-staple"
SECURITY = f"security: {{access_keys: [{{id: {KEY_ID}, secret: {SECRET}}}]}}\n"
_READY_S = 180.0


def missing() -> str:
    """Why there can be no network namespaces here; empty if there can."""
    if shutil.which("ip") is None:
        return "there is no ip command (iproute2)"
    name = f"tl{os.getpid() % 100_000}x"
    tried = subprocess.run(["ip", "netns", "add", name], capture_output=True, text=True, check=False)
    if tried.returncode != 0:
        return f"no network namespace can be made here: {tried.stderr.strip()}"
    _ip("netns", "del", name)
    return ""


def _ip(*arguments: str, check: bool = True) -> None:
    done = subprocess.run(["ip", *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0 or not check, f"ip {' '.join(arguments)}: {done.stderr}"


class Hosts:
    """Three hosts at 10.213.N.1 to .3; this machine is at .254. ``directories`` holds each one's copy of the world."""

    def __init__(self, directory: Path) -> None:
        number = os.getpid() % 200 + 1
        self._prefix = f"tl{os.getpid() % 100_000}"
        self._subnet = f"10.213.{number}"
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self.addresses = {name: f"{self._subnet}.{index}" for index, name in enumerate(REGIONS, start=1)}
        self.admin = directory / "admin"
        self.directories = {name: directory / name for name in REGIONS}

    # the network

    def wire(self) -> None:
        """A bridge, and a cable from each host to it."""
        bridge = self._prefix
        _ip("link", "add", bridge, "type", "bridge")
        _ip("addr", "add", f"{self._subnet}.254/24", "dev", bridge)
        _ip("link", "set", bridge, "up")
        for index, address in enumerate(self.addresses.values(), start=1):
            space, inside, outside = self._space(index), f"{self._prefix}i{index}", self._cable(index)
            _ip("netns", "add", space)
            _ip("link", "add", outside, "type", "veth", "peer", "name", inside)
            _ip("link", "set", inside, "netns", space)
            _ip("link", "set", outside, "master", bridge, "up")
            _ip("-n", space, "addr", "add", f"{address}/24", "dev", inside)
            _ip("-n", space, "link", "set", inside, "up")
            _ip("-n", space, "link", "set", "lo", "up")

    def unwire(self) -> None:
        """Leave nothing behind."""
        for index in range(1, len(REGIONS) + 1):
            _ip("netns", "del", self._space(index), check=False)
            _ip("link", "del", self._cable(index), check=False)
        _ip("link", "del", self._prefix, check=False)

    def pull_the_cable(self, region: str) -> None:
        """Nothing reaches the host any more."""
        _ip("link", "set", self._cable(REGIONS.index(region) + 1), "down")

    def plug_it_in(self, region: str) -> None:
        """It is there again."""
        _ip("link", "set", self._cable(REGIONS.index(region) + 1), "up")

    def _space(self, index: int) -> str:
        return f"{self._prefix}n{index}"

    def _cable(self, index: int) -> str:
        return f"{self._prefix}o{index}"

    # the hosts

    def install(self) -> None:
        """The world on the administrator's machine and on each host; certificates are made here and copied."""
        source = ROOT / "examples" / "items"
        listed = "".join(f"  {name}: {{azs: 1, address: {address}}}\n" for name, address in self.addresses.items())
        world = f"name: items\ntemplate: template.yaml\nregions:\n{listed}{SECURITY}"
        for directory in (self.admin, *self.directories.values()):
            shutil.copytree(source, directory, ignore=shutil.ignore_patterns(".terrella", "__pycache__"))
            (directory / "world.yaml").write_text(world)
            give_translations(directory)

    def copy_certificates(self, region: str) -> None:
        """What a host needs of them, and no more."""
        here, there = (each / ".terrella" / "certificates" for each in (self.admin, self.directories[region]))
        there.mkdir(parents=True, exist_ok=True)
        for name in ("authority.pem", f"{region}.pem", f"{region}.key"):
            shutil.copy(here / name, there / name)

    def command(self, region: str, *arguments: str) -> list[str]:
        """A command on a region's host."""
        return ["ip", "netns", "exec", self._space(REGIONS.index(region) + 1), *arguments]

    def start(self, region: str) -> None:
        """``terrella region``, as systemd would start it."""
        directory = self.directories[region]
        with (directory / "region.log").open("ab") as log:
            self._processes[region] = subprocess.Popen(
                self.command(region, sys.executable, "-m", "terrella", "region", region),
                cwd=directory,
                env=environment(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )

    def stop(self, region: str) -> None:
        """As systemd stops it."""
        process = self._processes.pop(region, None)
        if process is None:
            return
        process.terminate()
        with suppress(subprocess.TimeoutExpired):
            process.wait(10)
        process.kill()
        process.wait()

    def run(self, region: str) -> "subprocess.CompletedProcess[str]":
        """``terrella region`` where it is expected not to start."""
        return subprocess.run(
            self.command(region, sys.executable, "-m", "terrella", "region", region),
            cwd=self.directories[region],
            env=environment(),
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    def log(self, region: str) -> str:
        """What a region has written."""
        return (self.directories[region] / "region.log").read_text()

    def down(self) -> None:
        """Everything."""
        for region in REGIONS:
            self.stop(region)
        self.unwire()

    # asked from the administrator's machine

    def terrella(self, *arguments: str, check: bool = True) -> "subprocess.CompletedProcess[str]":
        """A command there."""
        done = subprocess.run(
            [sys.executable, "-m", "terrella", *arguments],
            cwd=self.admin,
            env=environment(),
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0 or not check, f"terrella {' '.join(arguments)}: {done.stdout}{done.stderr}"
        return done

    def status(self) -> dict[str, dict[str, Any]]:
        """What each region says of itself."""
        client = HostsClient(load_world(self.admin / "world.yaml"))
        return {each["region"]: each for each in asyncio.run(client.get("/_terrella/status"))["regions"]}

    def until_serving(self) -> None:
        """Wait until all of them serve and hear each other."""

        def serving() -> bool:
            for region, process in self._processes.items():
                assert process.poll() is None, self.log(region)[-2000:]
            return all(
                each["state"] == "serving" and all(peer["connected"] for peer in each["replication"].values())
                for each in self.status().values()
            )

        until(serving, "every region serving", _READY_S)

    def client(self, region: str, *, key_id: str = KEY_ID, secret: str = SECRET, at: str = "", token: str = "") -> Any:
        """DynamoDB of a region, asked at its own host or another one's."""
        return boto3.client(
            "dynamodb",
            region_name=region,
            endpoint_url=f"http://{self.addresses[at or region]}:4566",
            aws_access_key_id=key_id,
            aws_secret_access_key=secret,
            aws_session_token=token or None,
            config=Config(retries={"total_max_attempts": 1}, connect_timeout=5, read_timeout=10),
        )
