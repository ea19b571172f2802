"""Locks, pid files, ports and what was done by hand: what must not go stale."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from terrella.kernel import TerrellaError
from terrella.wire.links import Link
from terrella.world import load_world
from terrella.world.control_state import ControlState
from terrella.world.lock import Holder, WorldLock, holder
from terrella.world.ports import check_ports, port_owner
from terrella.world.processes import ProcessRecord, read_record, region_records, sweep, write_record

HOLD = """
import sys
from pathlib import Path
from terrella.world import WorldLock
WorldLock.acquire(Path(sys.argv[1]))
print("held", flush=True)
sys.stdin.read()
"""
FAMILY = """
import os, subprocess, sys
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], stdout=subprocess.DEVNULL)
print(child.pid, flush=True)
sys.stdin.read()
"""


def child(code: str, *arguments: str, session: bool = False) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-c", code, *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=session,
    )


def first_line(process: "subprocess.Popen[str]") -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def end(process: "subprocess.Popen[str]") -> None:
    process.kill()
    process.communicate()


def test_a_lock_is_held_once_and_gone_when_released(tmp_path: Path) -> None:
    lock = WorldLock.acquire(tmp_path, "items")
    lock.write(Holder(os.getpid(), "127.0.0.1", 4566, ready=True))
    assert holder(tmp_path) == Holder(os.getpid(), "127.0.0.1", 4566, ready=True)
    with pytest.raises(TerrellaError, match=f"the world items is running already \\(process {os.getpid()}\\)"):
        WorldLock.acquire(tmp_path, "items")
    lock.release()
    assert holder(tmp_path) is None
    assert list(tmp_path.iterdir()) == []
    WorldLock.acquire(tmp_path, "items").release()


def test_a_lock_whose_holder_was_killed_is_free(tmp_path: Path) -> None:
    process = child(HOLD, str(tmp_path))
    assert first_line(process) == "held"
    assert holder(tmp_path) == Holder(process.pid)
    end(process)
    assert holder(tmp_path) is None
    WorldLock.acquire(tmp_path).release()


def test_a_record_names_a_process_and_not_its_number(tmp_path: Path) -> None:
    process = child("import sys; sys.stdin.read()", session=True)
    write_record(tmp_path / "us-east-1.pid", process.pid)
    record = read_record(tmp_path / "us-east-1.pid")
    assert record is not None
    assert record.alive
    assert not ProcessRecord(process.pid, "another time").alive
    assert not sweep(ProcessRecord(process.pid, "another time"))
    assert process.poll() is None
    assert [(name, found) for name, _, found in region_records(tmp_path)] == [("us-east-1", record)]
    assert sweep(record)
    assert process.wait() == -signal.SIGKILL
    process.communicate()
    assert not record.alive


def test_workers_that_outlived_their_region_are_swept(tmp_path: Path) -> None:
    process = child(FAMILY, session=True)
    worker = psutil.Process(int(first_line(process)))
    write_record(tmp_path / "r.pid", process.pid)
    record = read_record(tmp_path / "r.pid")
    assert record is not None
    end(process)
    assert worker.is_running()
    assert sweep(record)
    psutil.wait_procs([worker], 20)
    assert not worker.is_running() or worker.status() == psutil.STATUS_ZOMBIE
    assert not sweep(record)


def test_a_damaged_pid_file_is_none(tmp_path: Path) -> None:
    (tmp_path / "r.pid").write_text("{")
    assert read_record(tmp_path / "r.pid") is None


def test_a_port_in_use_is_named_with_the_process_that_has_it(write_world: Callable[..., Path]) -> None:
    world = load_world(write_world("us-east-1"))
    check_ports(world)
    address = world.regions["us-east-1"].address
    with socket.socket() as taken:
        taken.bind((address, 8080))
        taken.listen()
        with pytest.raises(TerrellaError) as raised:
            check_ports(world)
        name = Path("/proc/self/comm").read_text().strip()
        assert str(raised.value) == (
            f"found {address}:8080 in use by process {os.getpid()} ({name}), expected it free for the application of"
            " us-east-1; world.yaml can change it (addresses)"
        )
    with socket.socket(type=socket.SOCK_DGRAM) as taken:
        taken.bind((address, 10053))
        assert port_owner(address, 10053, socket.SOCK_DGRAM) == f"process {os.getpid()} ({name})"
        with pytest.raises(TerrellaError, match="for DNS of us-east-1"):
            check_ports(world)


def test_what_was_done_by_hand_is_found_again_by_a_region(write_world: Callable[..., Path]) -> None:
    world = load_world(write_world("us-east-1", "eu-west-1"))
    state = ControlState.load(world.state_directory)
    state.set_link("us-east-1", "eu-west-1", Link(delay_ms=34, cut=True), world.links)
    state.set_link("eu-west-1", "us-east-1", world.links["eu-west-1", "us-east-1"], world.links)
    state.held_down.add("eu-west-1")
    state.save()
    found = ControlState.load(world.state_directory)
    assert (found.held_down, found.links) == ({"eu-west-1"}, {("us-east-1", "eu-west-1"): Link(34, cut=True)})
    assert world.region_configuration("us-east-1").links["us-east-1", "eu-west-1"].cut
    state.forget()
    assert not world.region_configuration("us-east-1").links["us-east-1", "eu-west-1"].cut


def test_damaged_state_is_told(write_world: Callable[..., Path]) -> None:
    world = load_world(write_world("us-east-1"))
    world.state_directory.mkdir()
    (world.state_directory / "control.json").write_text("{")
    with pytest.raises(TerrellaError, match="damaged"):
        world.region_configuration("us-east-1")
