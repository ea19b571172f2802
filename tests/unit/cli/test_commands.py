"""Every command as a user types it: what it prints, and its exit code."""

import io
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import click
import msgspec
import psutil
import pytest
from click.testing import CliRunner, Result
from rich.console import Console

from terrella.cli import terrella
from terrella.cli.commands import COMMANDS
from terrella.cli.conflicts import conflicts_table, union
from terrella.cli.reference import reference
from terrella.cli.report import banner
from terrella.cli.status import at_risk, fitting_table, health, lag, status_table

StartWorld = Callable[[], "subprocess.Popen[str]"]
DOCS = Path(__file__).parents[3] / "docs"


def run(*arguments: str) -> Result:
    return CliRunner().invoke(terrella, list(arguments), prog_name="terrella", catch_exceptions=False)


def only_pids(directory: Path) -> list[int]:
    """Regions and workers of this test that live."""
    lines = ((process.pid, " ".join(process.info["cmdline"] or [])) for process in psutil.process_iter(["cmdline"]))
    return [pid for pid, line in lines if "fake_region" in line and str(directory) in line]


def test_help_imports_no_command() -> None:
    code = (
        "import sys\nfrom terrella.cli import terrella\n"
        "terrella(['--help'], standalone_mode=False)\n"
        "heavy = {'asyncio', 'rich', 'yaml', 'uvloop', 'msgspec', 'terrella.world'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert all(name in shown for name in COMMANDS)


@pytest.mark.parametrize("name", COMMANDS)
def test_the_table_of_commands_says_what_they_say_themselves(name: str) -> None:
    command = terrella.get_command(click.Context(terrella), name)
    assert command is not None
    assert command.name == name
    assert command.get_short_help_str(200) == COMMANDS[name]


def test_the_documentation_is_the_commands_own_help() -> None:
    assert (DOCS / "cli.md").read_text() == reference(), "python -m terrella.cli.reference > docs/cli.md"


@pytest.mark.parametrize(
    "arguments",
    [
        ["nonsense"],
        ["kill"],
        ["up", "--profile", "slow"],
        ["link", "us-east-1"],
        ["link", "--cut"],
        ["link", "us-east-1", "eu-west-1", "--delay", "200"],
        ["link", "us-east-1", "eu-west-1", "--heal", "--cut"],
        ["logs", "--lines", "0"],
    ],
    ids=" ".join,
)
def test_what_is_not_understood_exits_with_2(arguments: list[str]) -> None:
    result = run(*arguments)
    assert result.exit_code == 2
    assert "Usage: terrella" in result.stderr


@pytest.mark.parametrize(
    "arguments",
    [["status"], ["kill", "us-east-1"], ["restore", "us-east-1"], ["link"], ["conflicts"], ["apply"], ["logs", "f"]],
    ids=" ".join,
)
def test_a_world_that_does_not_run_is_one_sentence(world_path: Path, arguments: list[str]) -> None:
    result = run(*arguments)
    assert result.exit_code == 1
    assert result.stderr == "terrella: the world is not running; terrella up starts it\n"
    assert result.stdout == ""


def test_down_without_a_world(world_path: Path) -> None:
    result = run("down")
    assert (result.exit_code, result.stderr) == (1, "terrella: the world is not running; there is nothing to stop\n")


def test_a_mistake_starts_nothing(world_path: Path) -> None:
    world_path.write_text(world_path.read_text() + "profil: fast\n")
    result = run("up")
    assert result.exit_code == 1
    assert result.stderr.startswith("terrella: world.yaml:7: found the key profil, expected")
    assert not (world_path.parent / ".terrella").exists()


def test_check_names_the_line_and_fails_for_errors_only(world_path: Path) -> None:
    template = world_path.parent / "template.yaml"
    template.write_text("Resources:\n  Topic:\n    Type: AWS::SNS::Topic\n")
    result = run("check", "--no-lint")
    assert result.exit_code == 1
    assert result.stdout.startswith("template.yaml:2: error Topic (AWS::SNS::Topic)")
    assert result.stdout.endswith("1 error, 0 warnings.\n")
    rows = msgspec.json.decode(run("check", "--no-lint", "--json").stdout)
    assert [(row["severity"], row["line"]) for row in rows] == [("error", 2)]
    template.write_text("Resources:\n  Logs:\n    Type: AWS::Logs::LogGroup\n")
    result = run("check", "--no-lint")
    assert (result.exit_code, result.stdout) == (0, "Nothing found.\n")


def test_no_world_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert run("up").stderr.startswith("terrella: found no world.yaml, expected a world there")
    assert run("status", "--world", "elsewhere").stderr.startswith("terrella: found no elsewhere, expected")


def test_a_day_in_the_life_of_a_world(world_path: Path, start_world: StartWorld) -> None:
    process = start_world()
    status = msgspec.json.decode(run("status", "--json").stdout)
    assert [region["state"] for region in status["regions"]] == ["serving", "serving"]
    assert status["pid"] == process.pid
    table = run("status", "--world", str(world_path.parent)).stdout
    assert "us-east-1" in table
    assert "serving" in table
    assert "\x1b" not in table

    assert "f" in run("logs", "f").stdout
    assert run("logs", "f", "--region", "eu-west-1").stdout.split("  ", 1)[1] == "eu-west-1a  hello from eu-west-1\n"
    assert "has no region mars" in run("logs", "f", "--region", "mars").stderr
    assert run("conflicts").stdout == "No conflicts.\n"
    assert run("conflicts", "--json").stdout == "[]\n"
    assert run("apply", "--region", "us-east-1").stdout.startswith("us-east-1  v2  changed f\n")

    links = run("link", "us-east-1", "eu-west-1", "--cut", "--one-way", "--delay", "200ms", "--json")
    assert [(link["from"], link["cut"], link["delay_ms"]) for link in msgspec.json.decode(links.stdout)] == [
        ("us-east-1", True, 200.0),
        ("eu-west-1", False, 34.0),
    ]
    assert "cut" in run("link").stdout
    assert "cut" not in run("link", "us-east-1", "eu-west-1", "--heal").stdout

    killed = run("kill", "eu-west-1").stdout
    assert killed.startswith(
        "Killed eu-west-1; it is held down until terrella restore eu-west-1.\n"
        "Of its writes, 3 had not been confirmed by another region"
    )
    assert run("kill", "eu-west-1").stderr.startswith("terrella: eu-west-1 is held down already")
    assert run("logs", "f", "--region", "eu-west-1").stderr == "terrella: eu-west-1 is held-down\n"
    assert "held-down" in run("status").stdout
    assert "eu-west-1 is serving" in run("restore", "eu-west-1").stdout
    assert run("kill", "us-east-1a").stdout == "Killed 2 workers of us-east-1a.\n"
    assert "mars" in run("kill", "mars").stderr

    again = subprocess.run(process.args, capture_output=True, text=True, check=False)
    assert again.stderr == (
        f"terrella: the world items is running already (process {process.pid}); terrella down stops it\n"
    )
    assert run("down").stdout == "Stopped.\n"
    assert process.wait() == 0
    assert only_pids(world_path.parent) == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_ctrl_c_stops_everything(world_path: Path, start_world: StartWorld, number: signal.Signals) -> None:
    process = start_world()
    process.send_signal(number)
    shown, _ = process.communicate()
    assert process.returncode == 0
    assert "Stopping." in shown
    assert only_pids(world_path.parent) == []
    assert [each.name for each in (world_path.parent / ".terrella").iterdir()] == ["logs"]


def test_regions_outlive_a_killed_supervisor_and_down_stops_them(world_path: Path, start_world: StartWorld) -> None:
    process = start_world()
    process.kill()
    process.communicate()
    assert len(only_pids(world_path.parent)) == 2
    assert run("status").stderr == (
        "terrella: the world has no supervisor, though eu-west-1, us-east-1 still run: terrella up starts it anew,"
        " terrella down stops them\n"
    )
    assert run("down").stdout == "Stopped eu-west-1, us-east-1, left by a supervisor that was killed.\n"
    assert only_pids(world_path.parent) == []


def test_up_replaces_what_a_killed_supervisor_left_and_keeps_what_was_done_by_hand(
    world_path: Path, start_world: StartWorld
) -> None:
    first = start_world()
    assert run("kill", "eu-west-1").exit_code == 0
    left = only_pids(world_path.parent)
    first.kill()
    first.communicate()
    start_world()
    status = msgspec.json.decode(run("status", "--json").stdout)
    assert [region["state"] for region in status["regions"]] == ["serving", "held-down"]
    assert not set(left) & set(only_pids(world_path.parent))
    assert run("down").exit_code == 0
    start_world()
    status = msgspec.json.decode(run("status", "--json").stdout)
    assert [region["state"] for region in status["regions"]] == ["serving", "serving"]


def test_a_detached_start_that_fails_says_why(world_path: Path) -> None:
    (world_path.parent / "template.yaml").unlink()
    result = run("up", "--detach")
    assert result.exit_code == 1
    assert "where there is no file" in result.stderr


def test_cells_of_the_status_table() -> None:
    region = {
        "state": "serving",
        "health": {"a": {"healthy": True}, "b": {"healthy": False}},
        "replication": {"x": {"lag_ms": 12.4}, "y": {"lag_ms": 3}},
        "at_risk": 7,
        "heard_s_ago": 0.0,
    }
    assert (health(region), lag(region), at_risk(region)) == ("1/2", "12 ms", "7")
    assert lag({**region, "replication": {"x": {"lag_ms": None}}}) == "? (x)"
    down = {**region, "state": "held-down", "heard_s_ago": 42.4}
    assert (health(down), lag(down), at_risk(down)) == ("-", "-", "7 (42 s ago)")
    assert at_risk({"state": "starting"}) == "-"


def test_the_status_table_fits_a_terminal_of_80_columns() -> None:
    region = {
        "region": "ap-northeast-1",
        "state": "serving",
        "address": "127.0.3.1",
        "pid": 27123,
        "code_version": "3184da53db3f",
        "health": {"a": {"healthy": True}},
        "replication": {"x": {"lag_ms": 62}},
        "at_risk": 0,
        "reason": "caught up with every peer",
    }
    console = Console(width=80, file=io.StringIO())
    console.print(status_table({"world": "items", "profile": "fast", "links": [], "regions": [region]}))
    assert isinstance(console.file, io.StringIO)
    assert console.file.getvalue().splitlines()[-1].split() == [
        *("ap-northeast-1", "serving", "127.0.3.1", "27123", "3184da53", "1/1", "62", "ms", "0")
    ]


def test_the_status_table_leaves_columns_out_rather_than_cutting_names_short() -> None:
    peers = {"eu-west-1": {"lag_ms": None}, "us-east-1": {"lag_ms": None}}
    cut_off = {
        "region": "ap-southeast-2",
        "state": "catching-up",
        "address": "127.0.3.1",
        "pid": 27123,
        "code_version": "3184da53db3f",
        "health": {"a": {"healthy": True}},
        "replication": peers,
        "at_risk": 0,
    }
    silent = {**cut_off, "region": "us-east-1", "state": "held-down", "at_risk": 1234, "heard_s_ago": 11.2}
    status = {"world": "items", "profile": "fast", "links": [{"changed": True}], "regions": [cut_off, silent]}
    for width, address_shown in ((80, False), (120, True)):
        console = Console(width=width, file=io.StringIO())
        console.print(fitting_table(status, console))
        assert isinstance(console.file, io.StringIO)
        shown = console.file.getvalue()
        assert "…" not in shown
        for word in ("ap-southeast-2", "catching-up", "? (eu-west-1, us-east-1)", "1234 (11 s ago)"):
            assert word in shown
        assert ("127.0.3.1" in shown) == address_shown


@pytest.mark.parametrize(
    ("routes", "path"),
    [
        (["POST /items", "GET /items/{id}", "GET /health"], "/health"),
        (["ANY /", "GET /health"], "/"),
        (["POST /items", "$default"], "/"),
    ],
)
def test_the_banner_shows_a_request_that_can_be_answered(routes: list[str], path: str) -> None:
    region = {"region": "us-east-1", "address": "127.0.1.1", "state": "serving", "azs": ["us-east-1a"]}
    door = {"aws": "http://127.0.0.1:4566", "application": "http://127.0.0.1:8080", "dns": "127.0.0.1:10053"}
    gateway = {"apis": [{"routes": [{"route": route} for route in routes]}]}
    status = {
        "world": "items",
        "profile": "fast",
        "front_door": {**door, "names": []},
        "regions": [{**region, "gateway": gateway}],
    }
    assert f"$ curl http://127.0.0.1:8080{path}\n" in click.unstyle(banner(status, None))


def test_conflicts_that_several_regions_know_are_shown_once() -> None:
    one, two = {"key": "a", "loser": {"region": "x"}}, {"key": "b", "loser": {"region": "y"}}
    assert union([[one], [one, two], [{"loser": {"region": "x"}, "key": "a"}]]) == [one, two]


def test_a_conflict_is_shown_as_what_was_kept_and_what_was_lost() -> None:
    value = {"id": {"S": "2"}, "count": {"N": "7"}, "tags": {"SS": ["a"]}, "text": {"S": "[red]"}}
    winner = {"region": "eu-west-1", "incarnation": "f1", "sequence": 2, "time_ms": 1795276782300, "value": value}
    loser = {"region": "us-east-1", "incarnation": "13", "sequence": 9, "time_ms": 1795276781880, "value": None}
    console = Console(width=120, file=io.StringIO())
    console.print(conflicts_table([{"table": "items", "winner": winner, "loser": loser}]))
    assert isinstance(console.file, io.StringIO)
    _, kept, lost = console.file.getvalue().splitlines()
    assert kept.split()[:3] == ["items", "kept", "eu-west-1"]
    assert kept.rstrip().endswith('.300  id: 2, count: 7, tags: {"SS":["a"]}, text: [red]')
    assert lost.split()[:2] == ["lost", "us-east-1"]
    assert lost.rstrip().endswith(".880  deleted")


def test_the_regions_of_a_running_world(start_world: StartWorld, world_path: Path) -> None:
    start_world()
    refused = run("region", "add", "us-west-2")
    assert refused.exit_code == 1
    assert "  us-west-2: {azs: 2}" in refused.stderr
    world_path.write_text(world_path.read_text().replace("  us-east-1:\n", "  us-east-1:\n  us-west-2:\n"))
    added = run("region", "add", "us-west-2")
    assert added.exit_code == 0, added.output
    assert "us-west-2 is serving" in added.output
    listed = run("region", "list").output
    assert "control version 1, as us-east-1 has it" in listed
    assert "us-west-2" in listed
    told = msgspec.json.decode(run("region", "list", "--json").output)
    assert told["processes"]["us-west-2"]["state"] == "serving"
    removed = run("region", "remove", "us-west-2")
    assert "us-west-2 has left the world" in removed.output
    evicted = run("region", "evict", "eu-west-1", "--force")
    assert "eu-west-1 was evicted without a majority. 1,234 of its records are held by the others." in evicted.output
    assert "evicted" in run("region", "list").output


def test_faults_are_injected_listed_and_cleared(start_world: StartWorld) -> None:
    start_world()
    runner = CliRunner()

    def run(*arguments: str) -> tuple[int, str]:
        result = runner.invoke(terrella, ["fault", *arguments])
        return result.exit_code, result.output.strip()

    assert run() == (0, "Nothing is broken on purpose.")
    assert run("inject", "disk: eu-west-1, full: true") == (0, "disk of eu-west-1 full")
    code, said = run("inject", "{cut: us-east-1 -> eu-west-1}", "--for", "10m")
    assert (code, said) == (0, "cut us-east-1 -> eu-west-1, for 10m")
    code, said = run("list")
    assert said.startswith("disk of eu-west-1 full\ncut us-east-1 -> eu-west-1 (ends in ")
    assert [each["id"] for each in msgspec.json.decode(run("list", "--json")[1])] == [
        "disk of eu-west-1 full",
        "cut us-east-1 -> eu-west-1",
    ]
    code, said = run("inject", "kill: mars")
    assert (code, "found mars, expected a region of the world items" in said) == (1, True)
    assert "expected a fault such as" in run("inject", "[")[1]
    assert "this fault needs a game day" in run("inject", "resolver: everywhere")[1]
    assert "found soon, expected a duration" in run("inject", "kill: eu-west-1", "--for", "soon")[1]
    assert run("clear", "us-east-1") == (0, "no longer: cut us-east-1 -> eu-west-1")
    assert "found no fault us-east-1; broken on purpose is disk of eu-west-1 full" in run("clear", "us-east-1")[1]
    assert run("clear") == (0, "no longer: disk of eu-west-1 full")
