"""A world of a game day's own: the application as it stands, in a fresh state directory, at addresses that are free."""

import shutil
from pathlib import Path

import yaml

from terrella.world import World


def write_world(world: World, directory: Path, base: str) -> Path:
    """Write a ``world.yaml`` like that of ``world``, with its own state and addresses; answers its path.

    The template stays where it is. Addresses and keys of hosts are left out: a rehearsal here plays on this machine.
    """
    root = yaml.compose(world.path.read_text(encoding="utf-8"), Loader=yaml.SafeLoader)
    assert isinstance(root, yaml.MappingNode)
    kept = [(key, value) for key, value in root.value if key.value not in ("addresses", "security", "template", "name")]
    for key, value in kept:
        if key.value == "regions" and isinstance(value, yaml.MappingNode):
            for _, settings in value.value:
                if isinstance(settings, yaml.MappingNode):
                    settings.value = [pair for pair in settings.value if pair[0].value != "address"]
    ports = world.ports
    said = {
        "name": world.name,
        "template": str(world.template),
        "addresses": {
            "base": base,
            "ports": {
                "aws": ports.aws,
                "application": ports.application,
                "dns": ports.dns,
                "replication": ports.replication,
            },
        },
    }
    ours = yaml.compose(yaml.safe_dump(said), Loader=yaml.SafeLoader)
    assert isinstance(ours, yaml.MappingNode)
    root.value = [*ours.value, *kept]
    path = directory / "world.yaml"
    directory.mkdir(parents=True, exist_ok=True)
    path.write_text(yaml.serialize(root, Dumper=yaml.SafeDumper), encoding="utf-8")
    cache = world.state_directory / "cache"
    if cache.is_dir():  # translating the template again would cost a second
        shutil.copytree(cache, directory / ".terrella" / "cache", dirs_exist_ok=True)
    return path
