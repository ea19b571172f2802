"""What a world is after its processes were killed: by hand, one by one and all at once."""

import os
import re
import shutil
import signal
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import dns.message
import dns.query
import dns.rcode
import psutil
import pytest
from botocore.exceptions import BotoCoreError, ClientError
from tests.e2e.worlds import ROOT, Terrella, change, put, until

REGIONS = ("us-east-1", "eu-west-1")


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Terrella]:
    directory = tmp_path_factory.mktemp("crashes") / "items"
    made = Terrella.of(
        ROOT / "examples" / "items",
        directory,
        regions=REGIONS,
        edit=lambda template: re.sub(r"        - Region: us-west-2\n.*\n", "", template),
    )
    made.up()
    assert put(made, "us-east-1", "first")[0] == 201
    made.until_equal("items")
    yield made
    made.down()


def get(world: Terrella, region: str, item_id: str) -> int:
    return world.application(region, "GET", f"/items/{item_id}")[0]


def test_a_region_killed_by_hand_comes_back_as_it_was_deployed_whatever_the_template_says(world: Terrella) -> None:
    before = world.region("eu-west-1")
    template = world.directory / "template.yaml"
    kept = template.read_text()
    template.write_text(kept.replace("Resources:", "Resources: ["))
    shutil.move(world.directory / "handlers", world.directory / "away")
    try:
        os.kill(before["pid"], signal.SIGKILL)
        until(lambda: world.region("eu-west-1")["restarts"] == before["restarts"] + 1)
        world.until_serving()
        after = world.region("eu-west-1")
        assert after["pid"] != before["pid"]
        assert after["code_version"] == before["code_version"]
        assert get(world, "eu-west-1", "first") == 200
        assert [each["name"] for each in after["functions"]] == [each["name"] for each in before["functions"]]
    finally:
        template.write_text(kept)
        shutil.move(world.directory / "away", world.directory / "handlers")
    assert "was killed by SIGKILL and is started again" in world.log()


def test_a_restored_region_gets_what_was_applied_while_it_was_down_and_nothing_else(world: Terrella) -> None:
    version = world.region("eu-west-1")["code_version"]
    handler = world.directory / "handlers" / "health.py"
    change(handler, '"status": status', '"status": status, "edition": 2')
    world.run("kill", "eu-west-1")
    assert "eu-west-1 is serving" in world.run("restore", "eu-west-1").stdout
    assert world.region("eu-west-1")["code_version"] == version
    world.run("kill", "eu-west-1")
    assert "held-down; gets it when it starts" in world.run("apply").stdout
    world.run("restore", "eu-west-1")
    assert {each["code_version"] for each in world.status()["regions"]} != {version}
    assert world.application("eu-west-1", "GET", "/health")[1]["edition"] == 2


def test_workers_killed_by_hand_and_with_their_zone_cost_at_most_their_own_requests(world: Terrella) -> None:
    for _ in range(45):  # until each zone has a worker
        assert world.application("us-east-1", "GET", "/health")[0] == 200
    for worker in psutil.Process(world.pid("us-east-1")).children():
        worker.kill()
    until(lambda: world.application("us-east-1", "GET", "/health")[0] == 200)
    assert {world.application("us-east-1", "GET", "/health")[0] for _ in range(20)} == {200}
    assert re.fullmatch(r"Killed \d+ workers? of us-east-1a\.\n", world.run("kill", "us-east-1a").stdout)
    assert {world.application("us-east-1", "GET", "/health")[0] for _ in range(20)} == {200}


def lives(pid: int) -> bool:
    """Whether a process runs; one that has ended and that nobody has asked for yet does not."""
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def test_the_regions_serve_on_without_their_supervisor_and_up_takes_over(world: Terrella) -> None:
    pids = {name: world.pid(name) for name in REGIONS}
    world.kill_supervisor()
    assert all(psutil.pid_exists(pid) for pid in pids.values())
    assert put(world, "us-east-1", "orphaned")[0] == 201
    assert get(world, "us-east-1", "orphaned") == 200
    for command in ("status", "kill eu-west-1", "link", "apply", "conflicts", "logs items-get"):
        done = world.run(*command.split(), check=False)
        assert done.returncode == 1
        assert done.stderr.startswith("terrella: the world has no supervisor, though eu-west-1, us-east-1 still run")
    world.up()
    assert not any(lives(pid) for pid in pids.values())
    assert get(world, "eu-west-1", "orphaned") == 200


def test_down_stops_what_a_killed_supervisor_left(world: Terrella) -> None:
    world.kill_supervisor()
    assert world.run("down").stdout == "Stopped eu-west-1, us-east-1, left by a supervisor that was killed.\n"
    assert world.processes() == []
    assert "the world is not running" in world.run("down", check=False).stderr
    world.up()


def test_everything_killed_at_once_loses_no_acknowledged_write(world: Terrella) -> None:
    written = []
    for number in range(20):
        status, _ = put(world, REGIONS[number % 2], f"all-{number}")
        assert status == 201
        written.append(f"all-{number}")
    world.kill_everything()
    assert world.processes() == []
    world.up()
    world.until_equal("items")
    for item_id in written:
        assert get(world, "us-east-1", item_id) == 200
        assert get(world, "eu-west-1", item_id) == 200


def test_a_storm_on_few_keys_through_cuts_and_a_crash_ends_in_equal_replicas(world: Terrella) -> None:
    clients = {region: world.client("dynamodb", region, max_pool_connections=16) for region in REGIONS}
    acknowledged: list[str] = []

    def write(number: int) -> None:
        client = clients[REGIONS[number % 2]]
        hot = {"id": {"S": f"hot-{number % 3}"}}
        with suppress(ClientError, BotoCoreError):  # the region that is killed refuses for a while
            if number % 5 == 0:
                client.delete_item(TableName="items", Key=hot)
            else:
                client.put_item(TableName="items", Item={**hot, "by": {"N": str(number)}})
            client.put_item(TableName="items", Item={"id": {"S": f"own-{number}"}})
            acknowledged.append(f"own-{number}")

    def storm(first: int) -> None:
        with ThreadPoolExecutor(8) as threads:
            list(threads.map(write, range(first, first + 150)))

    storm(0)
    world.run("link", *REGIONS, "--cut", "--one-way")
    storm(150)
    assert set(world.states().values()) == {"serving"}
    world.run("link", *REGIONS, "--cut")
    storm(300)
    world.run("link", *REGIONS, "--heal")
    victim = world.pid("us-east-1")
    with ThreadPoolExecutor(1) as beside:
        storming = beside.submit(storm, 450)
        until(lambda: len(acknowledged) > 470)
        os.kill(victim, signal.SIGKILL)
        storming.result()
    world.until_serving()
    world.until_equal("items")
    for client in clients.values():
        pages = client.get_paginator("scan").paginate(TableName="items", ProjectionExpression="id")
        assert set(acknowledged) <= {item["id"]["S"] for page in pages for item in page["Items"]}
    told = [world.control("GET", "conflicts?table=items", address=each) for each in world.addresses.values()]
    assert all(told)
    assert {each["loser"]["region"] for each in told[0]} <= set(REGIONS)


def test_every_name_server_answers_and_none_forgets_a_region_for_a_cut_between_two(world: Terrella) -> None:
    world.run("link", *REGIONS, "--cut")
    for address in (world.door, *world.addresses.values()):
        for ask in (dns.query.udp, dns.query.tcp):
            until(lambda address=address, ask=ask: answers(ask, address) == set(world.addresses.values()))  # type: ignore[misc]  # mypy cannot type a default in a lambda
    for name, kind, code in (("ITEMS.example.COM", "AAAA", "NOERROR"), ("no.example.com", "A", "NXDOMAIN")):
        answer = dns.query.udp(dns.message.make_query(name, kind), world.door, port=10053, timeout=5)
        assert dns.rcode.to_text(answer.rcode()) == code
    world.run("link", *REGIONS, "--heal")


def answers(ask: Callable[..., dns.message.Message], address: str) -> set[str]:
    """The addresses in twenty answers."""
    query = dns.message.make_query("items.example.com", "A")
    return {str(ask(query, address, port=10053, timeout=5).answer[0][0]) for _ in range(20)}


def test_up_twice_and_another_world_at_the_same_addresses_are_refused_in_one_sentence(
    world: Terrella,
) -> None:
    for arguments in (["up"], ["up", "--detach"]):
        done = world.run(*arguments, check=False)
        assert done.returncode == 1
        assert re.search(r"terrella: the world (items )?is running already \(process \d+\); terrella down", done.stderr)
    other = Terrella.of(ROOT / "examples" / "items", world.directory.parent / "other", base=world.base, regions=REGIONS)
    done = other.run("up", check=False)
    assert done.returncode == 1
    assert re.search(re.escape(f"{world.door}:4566"), done.stderr), done.stderr
    assert len(done.stderr.splitlines()) == 1, done.stderr
    assert not list((other.directory / ".terrella").glob("*.pid"))


@pytest.mark.parametrize(
    ("file", "before", "after", "said"),
    [
        ("world.yaml", "regions:", "regoins:", r"world\.yaml:3.*did you mean regions"),
        ("world.yaml", "us-east-1:", "us-esat-1:", r"world\.yaml:4.*us-esat-1"),
        ("world.yaml", "template.yaml", "nothing.yaml", r"nothing\.yaml"),
        ("world.yaml", "name:", "\tname:", r"world\.yaml:1"),
        ("template.yaml", "!Ref Weight", "!Ref Wieght", r"template\.yaml:\d+: .*Wieght.*Weight"),
        ("template.yaml", "AWS::Serverless::Api", "AWS::Serverless::StateMachine", r"template\.yaml:\d+: "),
    ],
)
def test_a_mistake_stops_up_with_one_clear_message_and_no_process(
    tmp_path: Path, file: str, before: str, after: str, said: str
) -> None:
    world = Terrella.of(
        ROOT / "examples" / "items",
        tmp_path / "broken",
        regions=REGIONS,
        edit=lambda template: re.sub(r"        - Region: us-west-2\n.*\n", "", template),
    )
    change(world.directory / file, before, after)
    done = world.run("up", check=False)
    assert done.returncode == 1, done.stdout
    assert re.search(said, done.stderr), done.stderr
    assert "Traceback" not in done.stderr + done.stdout
    assert world.processes() == []
