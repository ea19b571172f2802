"""The canonical form of a request, and what is signed of it: the part that both sides must agree on to the byte."""

import hashlib
import hmac
from collections.abc import Sequence
from functools import lru_cache
from urllib.parse import quote, unquote_to_bytes

from terrella.wire.http import Request
from terrella.wire.sigv4.scope import ALGORITHM, TERMINATOR, Scope

_AS_SENT = frozenset({"s3"})  # whose keys are paths: neither normalised nor encoded a second time
SIGNATURE_PARAMETER = "X-Amz-Signature"


def signature(request: Request, scope: Scope, names: Sequence[str], date: str, payload_hash: str, secret: str) -> str:
    """The signature of a request of which the headers ``names`` are signed; ``date`` as ``20260131T235959Z``."""
    canonical = canonical_request(request, scope.service, names, payload_hash)
    to_sign = f"{ALGORITHM}\n{date}\n{scope.text}\n{hashlib.sha256(canonical).hexdigest()}"
    return hmac.digest(_signing_key(secret, scope.date, scope.region, scope.service), to_sign.encode(), "sha256").hex()


def canonical_request(request: Request, service: str, names: Sequence[str], payload_hash: str) -> bytes:
    """Header values are bytes to those who sign them; latin-1 gives back the bytes that were sent."""
    names = sorted(names)
    lines = [
        request.method,
        _path(request.path, service),
        _query(request.query),
        *(f"{name}:{_value(request, name)}" for name in names),
        "",
        ";".join(names),
        payload_hash,
    ]
    return "\n".join(lines).encode("latin-1")


def _path(path: str, service: str) -> str:
    """``/a/./b%20c`` → ``/a/b%2520c``."""
    if service in _AS_SENT:
        return path or "/"
    kept: list[str] = []
    for segment in path.split("/"):
        if segment == "..":
            del kept[-1:]
        elif segment not in ("", "."):
            kept.append(segment)
    normal = "/" + "/".join(kept) + ("/" if kept and path.endswith("/") else "")
    return quote(normal.encode("latin-1"), safe="/~")


def _query(query: str) -> str:
    """Every name and value encoded in the one right way, in the order of the encoded; less the signature itself."""
    pairs = []
    for pair in query.split("&") if query else ():
        name, _, value = pair.partition("=")
        if name != SIGNATURE_PARAMETER:
            pairs.append((_encoded(name), _encoded(value)))
    return "&".join(f"{name}={value}" for name, value in sorted(pairs))


def _encoded(text: str) -> str:
    return quote(unquote_to_bytes(text.encode("latin-1")), safe="-_.~")


def _value(request: Request, name: str) -> str:
    values = [value for key, value in request.headers if key == name]
    if not values and name == "content-length":
        values = [str(len(request.body))]  # some clients sign it, and between regions it is written anew
    return ",".join(" ".join(value.split()) for value in values)


@lru_cache(maxsize=256)
def _signing_key(secret: str, date: str, region: str, service: str) -> bytes:
    key = b"AWS4" + secret.encode()
    for part in (date, region, service, TERMINATOR):
        key = hmac.digest(key, part.encode(), "sha256")
    return key
