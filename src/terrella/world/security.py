"""``security`` of ``world.yaml``: certificates of one's own and access keys; and having them before anything starts."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import yaml

from terrella.kernel import Clock, TerrellaError
from terrella.region import FRONT_DOOR, MONITOR
from terrella.wire.sigv4 import AccessKey
from terrella.wire.tls import Identity, TlsFiles, check_own
from terrella.world.document import Document, Entry

if TYPE_CHECKING:
    from terrella.world.model import World

SECURITY_KEYS = ("certificates", "access_keys")
CERTIFICATES_KEYS = ("authority", "regions", "front_door")
CERTIFICATE_KEYS = ("certificate", "key")
ACCESS_KEY_KEYS = ("id", "secret", "secret_file")
_SECRET_CHARACTERS_MIN = 8
_ID = re.compile(r"[A-Za-z0-9_+.-]{3,128}")


@dataclass(frozen=True, slots=True)
class WorldSecurity:
    """What ``world.yaml`` says.

    ``certificates`` are the user's own, by region (or ``front-door``); with none, the development authority makes them.
    ``place`` is where ``world.yaml`` names them, for messages.
    """

    certificates: Mapping[str, TlsFiles] = field(default_factory=dict)
    access_keys: tuple[AccessKey, ...] = ()
    place: str = ""


def read_security(document: Document, entry: Entry | None, regions: Iterable[str], directory: Path) -> WorldSecurity:
    """Read the section; mistakes are noted in the document. Paths are from ``directory``."""
    keys = document.keys(entry.value if entry else None, SECURITY_KEYS, "security")
    place = ""
    certificates: dict[str, TlsFiles] = {}
    if "certificates" in keys:
        place = f"{document.name}:{keys['certificates'].key_node.start_mark.line + 1}"
        certificates = _certificates(document, keys["certificates"], list(regions), directory)
    access_keys = _access_keys(document, keys["access_keys"], directory) if "access_keys" in keys else ()
    return WorldSecurity(certificates, access_keys, place)


def _certificates(document: Document, entry: Entry, regions: list[str], directory: Path) -> dict[str, TlsFiles]:
    """Whether the files are there is asked when a region starts: on a host of its own only its own are."""
    keys = document.keys(entry.value, CERTIFICATES_KEYS, "certificates")
    authority = _path(document, keys, "authority", entry, directory)
    found: dict[str, TlsFiles] = {}
    if "regions" not in keys:
        document.mistake(entry.key_node, "certificates without regions", "regions: each with certificate and key")
        return found
    named = keys["regions"]
    owners = document.keys(named.value, regions, "the regions of this world")
    for lacking in [region for region in regions if region not in owners]:
        document.mistake(named.key_node, f"no certificate for {lacking}", "one for every region")
    if "front_door" in keys:
        owners = {**owners, FRONT_DOOR: keys["front_door"]}
    for name, owner in owners.items():
        pair = document.keys(owner.value, CERTIFICATE_KEYS, "a certificate")
        certificate = _path(document, pair, "certificate", owner, directory)
        key = _path(document, pair, "key", owner, directory)
        found[name] = TlsFiles(authority, certificate, key)
    return found


def _path(document: Document, keys: Mapping[str, Entry], name: str, owner: Entry, directory: Path) -> Path:
    expected = f"{name}: the path of a PEM file"
    if name not in keys:
        document.mistake(owner.key_node, f"no {name}", expected)
        return directory
    return directory / (document.scalar(keys[name].value, expected, str) or "")


def _access_keys(document: Document, entry: Entry, directory: Path) -> tuple[AccessKey, ...]:
    found: dict[str, AccessKey] = {}
    for item in document.items(entry.value, "a list of access keys, each with id and secret"):
        keys = document.keys(item, ACCESS_KEY_KEYS, "an access key")
        identifier = None
        if "id" not in keys:
            document.mistake(item, "an access key without id", "id: a name such as AKIAEXAMPLE")
        else:
            expected = "an access key id: 3 letters, digits, _, +, . or -, or more"
            identifier = document.scalar(keys["id"].value, expected, _identifier)
        secret = _secret(document, item, keys, directory)
        if identifier in found:
            document.mistake(keys["id"].value, f"the access key {identifier} a second time", "each once")
        elif identifier and secret:
            found[identifier] = AccessKey(identifier, secret)
    return tuple(found.values())


def _secret(document: Document, item: yaml.Node, keys: Mapping[str, Entry], directory: Path) -> str | None:
    """A mistake about a secret never shows it."""
    given = [name for name in ("secret", "secret_file") if name in keys]
    if len(given) != 1:
        found = "both secret and secret_file" if given else "an access key without a secret"
        document.mistake(item, found, "secret, or secret_file with the path of a file that holds it")
        return None
    node = keys[given[0]].value
    if given == ["secret"]:
        secret, what = (node.value if isinstance(node, yaml.ScalarNode) else ""), "a secret"
    else:
        path = directory / (document.scalar(node, "the path of a file with the secret in it", str) or "")
        try:
            secret, what = path.read_text(encoding="utf-8").strip(), f"{path}"
        except (OSError, UnicodeDecodeError) as error:
            document.mistake(node, f"{path}, which cannot be read ({_why(error)})", "a file with the secret in it")
            return None
    if len(secret) < _SECRET_CHARACTERS_MIN or len(secret.split()) != 1:
        wanted = f"{_SECRET_CHARACTERS_MIN} characters or more, without spaces"
        document.mistake(node, f"{what} of {len(secret)} characters, or with spaces", wanted)
        return None
    return secret


def _identifier(text: str) -> str:
    if not _ID.fullmatch(text):
        raise ValueError(text)
    return text


def _why(error: OSError | UnicodeDecodeError) -> str:
    return (error.strerror or str(error)).lower() if isinstance(error, OSError) else "it is no UTF-8"


def require_certificates(world: "World", name: str, clock: Clock) -> None:
    """Before the process of one region starts: its certificate is here, and the others would take it.

    On loopback the development authority makes what is missing; elsewhere each host's own would be a stranger to the
    others', so it has to be copied. Raises ``TerrellaError``.
    """
    authority = world.development_authority
    if world.security.certificates or world.exposed:
        _require(world, name)
    elif not authority.holds(name):
        authority.ensure([*world.regions, FRONT_DOOR, MONITOR], clock)


def make_certificates(world: "World", clock: Clock) -> list[str]:
    """Have all of a world's certificates: those of the development authority are made; answers which were made now.

    Raises ``TerrellaError`` if the user's own do not hold.
    """
    names = [*world.regions, FRONT_DOOR]
    if not world.security.certificates:
        return world.development_authority.ensure([*names, MONITOR], clock)
    for name in names if world.exposed else world.regions:
        _require(world, name)
    return []


def _require(world: "World", name: str) -> None:
    files = world.tls_files(name)
    own = name in world.security.certificates
    lacking = [str(path) for path in (files.authority, files.certificate, files.key) if not path.is_file()]
    if not own and world.security.certificates:
        raise TerrellaError(
            f"{world.security.place}: found no certificate for the front door, expected front_door: with certificate"
            " and key, because terrella up reaches regions that are not on loopback by it"
        )
    if lacking and own:
        raise TerrellaError(
            f"{world.security.place}: found no file {', '.join(lacking)}, expected {name}'s certificate"
        )
    if lacking:
        raise TerrellaError(
            f"{name} is at {world.regions[name].address}, which is not loopback: found no {', '.join(lacking)},"
            " expected the certificate that it shows to other regions. terrella certificates makes one for each region;"
            f" copy authority.pem, {name}.pem and {name}.key to this host, or name your own in world.yaml"
            " (security.certificates)"
        )
    check_own(files, Identity(world.name, name))
