"""Three regions on three hosts: certificates between them, signatures before them, and cables that are pulled."""

import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dns.message
import dns.query
import pytest
from botocore.exceptions import ClientError
from tests.e2e.hosts import SECURITY, Hosts, missing
from tests.e2e.worlds import change, until

EAST, WEST, IRELAND = "us-east-1", "us-west-2", "eu-west-1"
WHY_NOT = missing()
pytestmark = pytest.mark.skipif(bool(WHY_NOT), reason=WHY_NOT)


@pytest.fixture(scope="module")
def hosts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hosts]:
    hosts = Hosts(tmp_path_factory.mktemp("hosts"))
    try:
        hosts.wire()
        hosts.install()
        hosts.terrella("certificates")
        for region in hosts.directories:
            hosts.copy_certificates(region)
            hosts.start(region)
        hosts.until_serving()
        yield hosts
    finally:
        hosts.down()


def put(hosts: Hosts, region: str, key: str, **where: str) -> None:
    hosts.client(region, **where).put_item(TableName="items", Item={"id": {"S": key}})


def has(hosts: Hosts, region: str, key: str) -> bool:
    return "Item" in hosts.client(region).get_item(TableName="items", Key={"id": {"S": key}})


def ask(hosts: Hosts, region: str, *arguments: str) -> Any:
    """The application of a region, from inside of its host."""
    url = f"http://{hosts.addresses[region]}:8080/items"
    command = hosts.command(region, "curl", "-s", "-m", "20", "-H", "host: items.example.com", *arguments)
    said = subprocess.run([*command[:-1], url + command[-1]], capture_output=True, check=True).stdout
    return json.loads(said)


def names_of(hosts: Hosts, at: str) -> set[str]:
    """Where the application's name leads, as a region's own name server answers again and again."""
    query = dns.message.make_query("items.example.com", "A")
    answers = [dns.query.udp(query, hosts.addresses[at], 2, 10053).answer for _ in range(30)]
    return {record.address for answer in answers for rrset in answer for record in rrset}


def test_a_write_on_one_host_is_read_on_all(hosts: Hosts) -> None:
    put(hosts, EAST, "one")
    until(lambda: all(has(hosts, region, "one") for region in hosts.addresses), "the item everywhere")


def test_handlers_sign_with_credentials_of_their_own(hosts: Hosts) -> None:
    body = json.dumps({"id": "handled", "message": "hello"})
    assert ask(hosts, WEST, "-X", "POST", "-d", body, "")["written_in"] == WEST
    until(lambda: has(hosts, IRELAND, "handled"), "the handler's item in Ireland")


def test_a_call_for_another_region_goes_through_both_doors(hosts: Hosts) -> None:
    """Signed for Ireland and asked of Virginia: verified here and there."""
    put(hosts, IRELAND, "forwarded", at=EAST)
    assert has(hosts, IRELAND, "forwarded")


@pytest.mark.parametrize(
    ("credentials", "code"),
    [
        ({"secret": "wrong"}, "InvalidSignatureException"),
        ({"key_id": "AKIANOBODY"}, "UnrecognizedClientException"),
        ({"token": "some-session"}, "UnrecognizedClientException"),
    ],
)
def test_wrong_keys_are_refused(hosts: Hosts, credentials: dict[str, str], code: str) -> None:
    with pytest.raises(ClientError) as caught:
        hosts.client(EAST, **credentials).list_tables()
    assert caught.value.response["Error"]["Code"] == code


@pytest.mark.parametrize("path", ["", "_terrella/status", "_terrella/bulletin?full=1"])
def test_nothing_is_answered_unsigned(hosts: Hosts, path: str) -> None:
    url = f"http://{hosts.addresses[EAST]}:4566/{path}"
    said = subprocess.run(["curl", "-s", "-m", "10", "-i", url], capture_output=True, text=True, check=True).stdout
    assert said.startswith("HTTP/1.1 403")
    assert "MissingAuthenticationToken" in said


def test_a_monitor_looks_through_the_door_and_nothing_else(hosts: Hosts) -> None:
    """By another TLS client than ours, which checks the host's name as well."""

    def curl(path: str, *more: str) -> str:
        name = f"{EAST}.items.terrella.internal"
        certificates = hosts.admin / ".terrella" / "certificates"
        command = ["curl", "-s", "-m", "10", "-i", "--http1.1", "--resolve", f"{name}:4567:{hosts.addresses[EAST]}"]
        command += ["--cacert", str(certificates / "authority.pem"), "--cert", str(certificates / "monitor.pem")]
        command += ["--key", str(certificates / "monitor.key"), *more, f"https://{name}:4567{path}"]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout

    figures = curl("/metrics")
    assert figures.startswith("HTTP/1.1 200")
    assert "terrella_replication_lag_seconds{" in figures
    for path, more in (("/_terrella/apply", ("-X", "POST")), ("/_terrella/conflicts", ())):
        assert "monitor may not ask" in curl(path, *more)


def test_names_lead_to_the_hosts(hosts: Hosts) -> None:
    everywhere = set(hosts.addresses.values())
    until(lambda: all(names_of(hosts, at) == everywhere for at in hosts.addresses), "DNS handing out all hosts")


def test_a_pulled_cable(hosts: Hosts) -> None:
    """The others notice; the host alone goes on serving; plugged in again, both sides catch up."""
    hosts.pull_the_cable(WEST)
    try:
        until(lambda: not hosts.status()[EAST]["replication"][WEST]["connected"], "the cut noticed")
        until(lambda: hosts.addresses[WEST] not in names_of(hosts, EAST), "DNS without the host")
        put(hosts, EAST, "meanwhile-outside")
        alone = json.dumps({"id": "meanwhile-inside", "message": "hello"})
        assert ask(hosts, WEST, "-X", "POST", "-d", alone, "")["written_in"] == WEST
        status = hosts.status()
        assert (status[WEST]["state"], status[EAST]["state"]) == ("silent", "serving")
        assert not has(hosts, EAST, "meanwhile-inside")
    finally:
        hosts.plug_it_in(WEST)
    until(lambda: has(hosts, EAST, "meanwhile-inside") and has(hosts, WEST, "meanwhile-outside"), "both caught up")
    until(lambda: hosts.addresses[WEST] in names_of(hosts, EAST), "DNS with the host")


def test_commands_without_a_supervisor(hosts: Hosts) -> None:
    """Each region is asked; what a process is told is its own host's to do."""
    shown = hosts.terrella("status").stdout
    assert all(f"{region}  serving" in shown for region in hosts.addresses)
    assert "No conflicts" in hosts.terrella("conflicts").stdout
    hosts.terrella("link", EAST, IRELAND, "--cut")
    until(lambda: not hosts.status()[EAST]["replication"][IRELAND]["connected"], "the link cut")
    hosts.terrella("link", EAST, IRELAND, "--heal")
    until(lambda: hosts.status()[EAST]["replication"][IRELAND]["connected"], "the link healed")
    assert "nothing changed" in hosts.terrella("apply").stdout
    refused = hosts.terrella("kill", EAST, check=False)
    assert refused.returncode == 1
    assert "run on hosts of their own" in refused.stderr


def test_a_region_of_another_authority_is_refused(hosts: Hosts, tmp_path: Path) -> None:
    """It starts, for its own certificate holds with its own authority; nobody takes it, and everybody says why."""
    certificates = hosts.directories[IRELAND] / ".terrella" / "certificates"
    stranger = tmp_path / "stranger"
    shutil.copytree(hosts.admin, stranger, ignore=shutil.ignore_patterns(".terrella"))
    hosts.stop(IRELAND)
    admin, hosts.admin = hosts.admin, stranger
    try:
        hosts.terrella("certificates")
        hosts.copy_certificates(IRELAND)
        hosts.start(IRELAND)

        def refused() -> bool:
            east = hosts.status()[EAST]
            told = east["replication"][IRELAND]["last_error"] or ""
            address = hosts.addresses[IRELAND]
            return "its certificate does not hold" in told and any(
                one.startswith(f"{address}: it refused us: unknown ca") for one in east["refusals"]
            )

        until(refused, "the refusal, with its reason")
        until(lambda: hosts.status()[IRELAND]["state"] == "serving", "Ireland serving alone")
        put(hosts, EAST, "not-for-strangers")
        until(lambda: has(hosts, WEST, "not-for-strangers"), "the item in Oregon")
        assert not has(hosts, IRELAND, "not-for-strangers")
    finally:
        hosts.admin = admin
        hosts.stop(IRELAND)
        hosts.copy_certificates(IRELAND)
        hosts.start(IRELAND)
    assert (certificates / "eu-west-1.key").stat().st_mode & 0o777 == 0o600
    hosts.until_serving()
    until(lambda: has(hosts, IRELAND, "not-for-strangers"), "the item in Ireland")


def test_nothing_starts_without_what_it_needs(hosts: Hosts) -> None:
    """Keys, certificates, and certificates of its own: each is named."""
    directory = hosts.directories[IRELAND]
    hosts.stop(IRELAND)
    world = directory / "world.yaml"
    key = directory / ".terrella" / "certificates" / "eu-west-1.key"
    try:
        change(world, SECURITY, "")
        said = hosts.run(IRELAND)
        assert said.returncode == 1
        assert f"world.yaml:4: found us-east-1 at {hosts.addresses[EAST]}, which is not loopback" in said.stderr
        assert "in a world without access keys" in said.stderr
        world.write_text(world.read_text() + SECURITY)
        key.unlink()
        said = hosts.run(IRELAND)
        assert said.returncode == 1
        assert f"found no {key}" in said.stderr
        assert "terrella certificates makes one" in said.stderr
        for kind in ("pem", "key"):
            shutil.copy(hosts.admin / f".terrella/certificates/us-west-2.{kind}", key.with_suffix(f".{kind}"))
        said = hosts.run(IRELAND)
        assert said.returncode == 1
        assert "found a certificate of terrella://items/us-west-2" in said.stderr
    finally:
        hosts.copy_certificates(IRELAND)
        hosts.start(IRELAND)
    hosts.until_serving()


def test_a_region_leaves_and_comes_back_though_nobody_supervises_it(hosts: Hosts) -> None:
    """The regions decide among themselves, through their doors; the operator only asks one of them."""
    until(lambda: "items" in hosts.terrella("region", "list").stdout, "the table known to control state")
    put(hosts, IRELAND, "before-it-left")
    removed = hosts.terrella("region", "remove", IRELAND)
    assert "has left the world" in removed.stdout
    assert hosts.status()[IRELAND]["standing"] == "removed"
    assert has(hosts, EAST, "before-it-left")
    put(hosts, EAST, "while-it-was-gone")
    added = hosts.terrella("region", "add", IRELAND)
    assert "is serving" in added.stdout.splitlines()[-1]
    until(lambda: has(hosts, IRELAND, "while-it-was-gone"), "the item in Ireland")
