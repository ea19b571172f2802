"""Two authorities, made once: the world's, and a stranger's."""

from pathlib import Path

import pytest

from terrella.kernel import SystemClock
from terrella.testing import ManualClock
from terrella.world import DevelopmentAuthority

EAST, IRELAND, WORLD = "us-east-1", "eu-west-1", "items"


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> DevelopmentAuthority:
    made = DevelopmentAuthority(tmp_path_factory.mktemp("certificates"), WORLD)
    made.ensure([EAST, IRELAND, "front-door"], SystemClock())
    return made


@pytest.fixture(scope="session")
def stranger(tmp_path_factory: pytest.TempPathFactory) -> DevelopmentAuthority:
    """An authority of the same names that is not the world's."""
    made = DevelopmentAuthority(tmp_path_factory.mktemp("stranger"), WORLD)
    made.ensure([EAST, IRELAND], SystemClock())
    return made


@pytest.fixture(scope="session")
def other_world(authority: DevelopmentAuthority, tmp_path_factory: pytest.TempPathFactory) -> DevelopmentAuthority:
    """The same authority's certificates for another world."""
    return _copy(authority, tmp_path_factory.mktemp("other"), "orders", SystemClock())


@pytest.fixture(scope="session")
def expired(authority: DevelopmentAuthority, tmp_path_factory: pytest.TempPathFactory) -> DevelopmentAuthority:
    """Certificates of the same authority that held in 1990."""
    return _copy(authority, tmp_path_factory.mktemp("expired"), WORLD, ManualClock(631_152_000_000))


def _copy(
    authority: DevelopmentAuthority, directory: Path, world: str, clock: SystemClock | ManualClock
) -> DevelopmentAuthority:
    copied = DevelopmentAuthority(directory, world)
    copied.certificate.write_bytes(authority.certificate.read_bytes())
    copied.key.write_bytes(authority.key.read_bytes())
    copied.ensure([EAST], clock)
    return copied
