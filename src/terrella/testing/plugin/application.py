"""The application under test: where its ``world.yaml`` is, and the copy of it that a world under test runs.

Nothing but ``world.yaml`` is copied: the copy names the template by its full path, so the code under test is the code
that is being edited. Addresses, certificates and keys are left out: a world under test is on loopback, at a base of its
own, whatever hosts the real one has.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from terrella.kernel import PROFILES
from terrella.testing.plugin.errors import WorldError
from terrella.world import World, load_world

FILE_NAME = "world.yaml"


@dataclass(frozen=True, slots=True)
class Application:
    """A ``world.yaml``, and the profile that it is tested in: ``fast``, ``aws``, or None for its own.

    ``skip_unsupported`` starts it although its template holds resources that are not supported.
    """

    path: Path
    profile: str | None = None
    skip_unsupported: bool = False

    def __post_init__(self) -> None:
        if self.profile is not None and self.profile not in PROFILES:
            raise WorldError(f"found the profile {self.profile!r}, expected {' or '.join(PROFILES)}")

    def load(self) -> World:
        """What it says. Raises ``TerrellaError`` with the lines of the original file."""
        if not self.path.is_file():
            raise WorldError(f"found no {self.path}, expected the world.yaml of the application under test")
        return load_world(self.path)

    def copy_to(self, directory: Path, base: str) -> World:
        """The same world in a directory of its own, at ``base``."""
        original = self.load()
        document: dict[str, Any] = yaml.safe_load(self.path.read_text(encoding="utf-8"))
        ports = (document.get("addresses") or {}).get("ports")
        document.pop("security", None)
        document |= {"name": original.name, "template": str(original.template)}
        document["addresses"] = {"base": base} | ({"ports": ports} if ports else {})
        document["profile"] = self.profile or original.profile.name
        document["regions"] = {
            name: {key: value for key, value in (settings or {}).items() if key != "address"}
            for name, settings in document["regions"].items()
        }
        directory.mkdir(parents=True, exist_ok=True)
        copy = directory / FILE_NAME
        copy.write_text(yaml.safe_dump(document, sort_keys=False), encoding="utf-8")
        return load_world(copy)


def find_world_yaml(start: Path, root: Path) -> Path:
    """The nearest ``world.yaml`` at or above ``start``, up to ``root``; raises ``WorldError``."""
    for directory in (start, *start.parents):
        if (directory / FILE_NAME).is_file():
            return directory / FILE_NAME
        if directory == root:
            break
    raise WorldError(
        f"found no {FILE_NAME} in {start} or above it, up to {root}; expected one there, or its path in pytest's ini"
        " file (terrella_world_yaml = …) or in a marker (@pytest.mark.terrella(world_yaml=…))"
    )
