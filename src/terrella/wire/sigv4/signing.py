"""Signing, for our own requests: what the command line asks of a world that is not on loopback."""

import hashlib
import time
from dataclasses import dataclass

from terrella.wire.http import Request
from terrella.wire.sigv4.canonical import signature
from terrella.wire.sigv4.scope import ALGORITHM, Scope


@dataclass(frozen=True, slots=True)
class AccessKey:
    """A pair of credentials. The secret is kept out of logs."""

    id: str
    secret: str

    def __repr__(self) -> str:
        return f"AccessKey({self.id!r})"


def sign(request: Request, key: AccessKey, region: str, service: str, now_ms: int) -> Request:
    """The request with its signature; it must have a ``host`` header. All of its headers are signed."""
    date = amz_date(now_ms)
    headers = [*request.headers, ("x-amz-date", date)]
    signed = Request(request.method, request.target, headers, request.body, request.peer)
    scope = Scope(key.id, date[:8], region, service)
    names = sorted({name for name, _ in headers})
    proof = signature(signed, scope, names, date, hashlib.sha256(request.body).hexdigest(), key.secret)
    credential = f"Credential={key.id}/{scope.text}"
    signed.headers.append(
        ("authorization", f"{ALGORITHM} {credential}, SignedHeaders={';'.join(names)}, Signature={proof}")
    )
    return signed


def amz_date(ms: int) -> str:
    """``20260131T235959Z``."""
    return time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(ms / 1000))
