"""Who is who: names in certificates, and the TLS contexts that ask for them."""

import ssl
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from terrella.kernel import TerrellaError
from terrella.wire.tls.stream import TlsError, TlsStream

_DOMAIN = "terrella.internal"


@dataclass(frozen=True, slots=True)
class Identity:
    """A region of a world, or another part of it that speaks to regions (its front door).

    A certificate names it by the URI ``terrella://WORLD/NAME`` or by the DNS name ``NAME.WORLD.terrella.internal``
    among its subject alternative names; it names no other part of the world beside it.
    """

    world: str
    name: str

    @property
    def uri(self) -> str:
        """``terrella://items/eu-west-1``."""
        return f"terrella://{self.world}/{self.name}"

    @property
    def dns_name(self) -> str:
        """``eu-west-1.items.terrella.internal``."""
        return f"{self.name}.{self.world}.{_DOMAIN}".lower()

    def is_named_by(self, certificate: dict[str, Any]) -> bool:
        """Whether a certificate (as ``TlsStream.certificate``) is this one's."""
        names = certificate.get("subjectAltName", ())
        return ("URI", self.uri) in names or ("DNS", self.dns_name) in [(kind, name.lower()) for kind, name in names]


def proven_name(certificate: dict[str, Any], world: str) -> str:
    """Which part of a world a certificate is of. Raises ``TlsError`` if it is of none, or of several."""
    found: set[str] = set()
    for kind, value in certificate.get("subjectAltName", ()):
        if kind == "URI":
            begins, _, name = value.rpartition("/")
            if begins == f"terrella://{world}":
                found.add(name)
        elif kind == "DNS":
            name, _, ends = value.lower().partition(".")
            if ends == f"{world}.{_DOMAIN}".lower():
                found.add(name)
    if not found:
        raise TlsError(f"it has a certificate of {names_in(certificate)}, which has no business in {world}")
    if len(found) > 1:
        raise TlsError(
            f"it has one certificate for all of {', '.join(sorted(found))}, and so proves to be none of them"
        )
    return found.pop()


def names_in(certificate: dict[str, Any]) -> str:
    """What a certificate names, for messages."""
    return ", ".join(str(name) for _, name in certificate.get("subjectAltName", ())) or "nobody"


@dataclass(frozen=True, slots=True)
class TlsFiles:
    """Where one part of a world has its certificate, its key, and the authority that all certificates are judged by."""

    authority: Path
    certificate: Path
    key: Path


def server_context(files: TlsFiles, protocols: Iterable[str]) -> ssl.SSLContext:
    """For the side that listens; the other side must show a certificate. Raises ``TerrellaError``."""
    context = _context(ssl.PROTOCOL_TLS_SERVER, files)
    context.num_tickets = 0  # connections are few and live long: nothing is ever resumed
    context.set_alpn_protocols(list(protocols))
    return context


def client_context(files: TlsFiles, protocol: str) -> ssl.SSLContext:
    """For the side that connects. Raises ``TerrellaError``."""
    context = _context(ssl.PROTOCOL_TLS_CLIENT, files)
    context.set_alpn_protocols([protocol])
    return context


def check_own(files: TlsFiles, identity: Identity) -> None:
    """Shake hands with ourselves: raises ``TerrellaError`` if others would refuse this certificate, and says why."""
    client = TlsStream(client_context(files, "check"))
    server = TlsStream(server_context(files, ["check"]), server_side=True)
    try:
        done = False
        while not done:
            done = client.shake_hands()
            server.receive(client.take())
            done = server.shake_hands() and done
            client.receive(server.take())
    except TlsError as error:
        reason = str(error).replace("its certificate", "the certificate")
        raise TerrellaError(
            f"{files.certificate}: {reason} (judged by {files.authority}), expected one that every region takes"
        ) from error
    if _proven_name_or_none(client.certificate, identity.world) != identity.name:
        raise TerrellaError(
            f"{files.certificate}: found a certificate of {names_in(client.certificate)},"
            f" expected one of {identity.uri} or {identity.dns_name}, and of nobody else"
        )


def _proven_name_or_none(certificate: dict[str, Any], world: str) -> str | None:
    try:
        return proven_name(certificate, world)
    except TlsError:
        return None


def _context(kind: "ssl._SSLMethod", files: TlsFiles) -> ssl.SSLContext:
    context = ssl.SSLContext(kind)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.check_hostname = False  # a region is known by its name in the world, not by an address
    context.verify_mode = ssl.CERT_REQUIRED
    try:
        context.load_verify_locations(files.authority)
    except OSError as error:
        raise TerrellaError(f"{files.authority}: found {_why(error)}, expected an authority's certificate") from error
    try:
        context.load_cert_chain(files.certificate, files.key)
    except OSError as error:
        expected = "a certificate and its key, as PEM without a password"
        raise TerrellaError(f"{files.certificate}, {files.key}: found {_why(error)}, expected {expected}") from error
    return context


def _why(error: OSError) -> str:
    if isinstance(error, ssl.SSLError):
        return (error.reason or "no PEM").replace("_", " ").lower()
    return (error.strerror or str(error)).lower()
