"""The development authority: certificates for a world whose ``world.yaml`` names none.

They are made once, by the first ``terrella up`` or by ``terrella certificates``, in ``.terrella/certificates``: one for
each region, one for the front door and one for whoever monitors it. Whoever holds ``authority.key`` can pass for any
region, so it stays where it was made; a host needs ``authority.pem`` and its own region's two files.
"""

import fcntl
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from terrella.kernel import Clock, TerrellaError
from terrella.wire.tls import Identity, TlsFiles, check_own


@dataclass(frozen=True, slots=True)
class DevelopmentAuthority:
    """The authority's directory; nothing in it is read or made before it is asked for."""

    directory: Path
    world: str

    @property
    def certificate(self) -> Path:
        """What everybody judges by."""
        return self.directory / "authority.pem"

    @property
    def key(self) -> Path:
        """What it signs with."""
        return self.directory / "authority.key"

    def files(self, name: str) -> TlsFiles:
        """Where the certificate of a region (or of the front door) is, or would be."""
        return TlsFiles(self.certificate, self.directory / f"{name}.pem", self.directory / f"{name}.key")

    def ensure(self, names: Iterable[str], clock: Clock) -> list[str]:
        """Have certificates that hold for all names; answers those that were made now.

        Raises ``TerrellaError`` if one does not hold and the authority's key is not here.
        """
        self.directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        with self._alone():  # regions that are started by hand may come at once
            wanting = [name for name in names if not self.holds(name)]
            if wanting and self.certificate.exists() and not self.key.exists():
                raise TerrellaError(
                    f"found no certificate in {self.directory} that holds for {', '.join(wanting)}, nor {self.key}"
                    " to sign one with; terrella certificates makes them, where the authority is"
                )
            if wanting:
                # A fifth of a second to import, once in the life of a world.
                from terrella.world.signing import sign

                sign(self, wanting, clock)
            return wanting

    def holds(self, name: str) -> bool:
        """Whether others would take what is here: it is for this world, of this authority, and has not expired."""
        try:
            check_own(self.files(name), Identity(self.world, name))
        except TerrellaError:
            return False
        return True

    @contextmanager
    def _alone(self) -> Iterator[None]:
        descriptor = os.open(self.directory / ".lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)
