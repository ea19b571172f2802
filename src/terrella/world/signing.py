"""What the development authority signs: EC P-256 keys, each in a file that only its owner may read."""

import datetime as dt
import os
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from terrella.kernel import Clock, TerrellaError
from terrella.wire.tls import Identity

if TYPE_CHECKING:
    from terrella.world.certificates import DevelopmentAuthority

VALID_DAYS = 3650
_EARLY_DAYS = 1  # other hosts' clocks may be behind


def sign(authority: "DevelopmentAuthority", names: Iterable[str], clock: Clock) -> None:
    """Make a certificate and a key for each name, and the authority itself if there is none."""
    now = dt.datetime.fromtimestamp(clock.now_ms() / 1000, dt.UTC)
    if authority.certificate.exists():
        own, own_key = _read(authority)
    else:
        own, own_key = _make_authority(authority.world, now)
        _write_key(authority.key, own_key)
        _write(authority.certificate, own.public_bytes(serialization.Encoding.PEM), 0o644)
    for name in names:
        files = authority.files(name)
        key = ec.generate_private_key(ec.SECP256R1())
        certificate = _certify(Identity(authority.world, name), key, own, own_key, now)
        _write_key(files.key, key)
        _write(files.certificate, certificate.public_bytes(serialization.Encoding.PEM), 0o644)


def _make_authority(world: str, now: dt.datetime) -> tuple[x509.Certificate, ec.EllipticCurvePrivateKey]:
    key = ec.generate_private_key(ec.SECP256R1())
    name = _name(f"terrella development authority of {world}")
    certificate = (
        _builder(name, name, key, now)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(signs_certificates=True), critical=True)
        .sign(key, hashes.SHA256())
    )
    return certificate, key


def _certify(
    identity: Identity,
    key: ec.EllipticCurvePrivateKey,
    authority: x509.Certificate,
    authority_key: ec.EllipticCurvePrivateKey,
    now: dt.datetime,
) -> x509.Certificate:
    names = [x509.UniformResourceIdentifier(identity.uri), x509.DNSName(identity.dns_name)]
    both = [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]  # regions call, and are called
    issuer = x509.AuthorityKeyIdentifier.from_issuer_public_key(authority_key.public_key())
    return (
        _builder(_name(identity.name), authority.subject, key, now)
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(signs_certificates=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage(both), critical=False)
        .add_extension(issuer, critical=False)
        .sign(authority_key, hashes.SHA256())
    )


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey, now: dt.datetime
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=_EARLY_DAYS))
        .not_valid_after(now + dt.timedelta(days=VALID_DAYS))
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text[:64])])


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _read(authority: "DevelopmentAuthority") -> tuple[x509.Certificate, ec.EllipticCurvePrivateKey]:
    try:
        certificate = x509.load_pem_x509_certificate(authority.certificate.read_bytes())
        key = serialization.load_pem_private_key(authority.key.read_bytes(), None)
    except (OSError, ValueError) as error:
        raise TerrellaError(
            f"{authority.directory}: found an authority that cannot be read ({error}), expected authority.pem and"
            " authority.key; remove the directory and all of its certificates are made anew"
        ) from error
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise TerrellaError(f"{authority.key}: found a key of another kind, expected the one that was made here")
    return certificate, key


def _write_key(path: Path, key: ec.EllipticCurvePrivateKey) -> None:
    plain = serialization.NoEncryption()
    _write(path, key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain), 0o600)


def _write(path: Path, content: bytes, mode: int) -> None:
    """Never there half, and a key never readable by others, not even for a moment."""
    beside = path.with_name(f".{path.name}.new")
    beside.unlink(missing_ok=True)
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
    beside.replace(path)
