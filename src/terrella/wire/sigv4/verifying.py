"""Whether a signature holds; if it does not, the error that AWS would answer."""

import calendar
import hashlib
import hmac
import time
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import unquote_plus

from terrella.kernel import AwsError, Clock
from terrella.wire.http import Request
from terrella.wire.sigv4.canonical import SIGNATURE_PARAMETER, signature
from terrella.wire.sigv4.scope import ALGORITHM, Scope, parse_scope
from terrella.wire.sigv4.signing import amz_date

_WINDOW_MINUTES = {"dynamodb": 15, "s3": 15}
_WINDOW_MINUTES_USUALLY = 5
_EXPIRES_S_MAX = 7 * 24 * 3600
_UNSIGNED_PAYLOAD = "UNSIGNED-PAYLOAD"
_MAY_LEAVE_PAYLOAD_UNSIGNED = frozenset({"s3"})
_MISMATCH = (
    "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key"
    " and signing method. Consult the service documentation for details."
)
_INVALID_TOKEN = "The security token included in the request is invalid"  # noqa: S105 - it is AWS's sentence


@dataclass(frozen=True, slots=True)
class Grant:
    """What an access key may be used with: any of these secrets, and this session token and no other."""

    secrets: tuple[str, ...]
    token: str | None = None


@dataclass(frozen=True, slots=True)
class _Signed:
    scope: Scope
    names: tuple[str, ...]
    date: str
    proof: str
    token: str
    payload_hash: str | None
    lifetime_s: int | None


class Verifier:
    """``grant_of`` knows the access keys; the clock is compared with that of whoever signed."""

    def __init__(self, grant_of: Callable[[str], Grant | None], clock: Clock) -> None:
        self._grant_of = grant_of
        self._clock = clock

    def verify(self, request: Request) -> Scope:
        """Answers what the request was signed for. Raises ``AwsError`` as AWS does if the signature does not hold."""
        try:
            signed = _read(request)
            grant = self._grant_of(signed.scope.access_key)
            if grant is None or signed.token != (grant.token or ""):
                raise _invalid_token(signed, grant)
            _check_names(request, signed)
            self._check_time(signed)
            payload_hash = _payload_hash(request, signed)
            for secret in grant.secrets:
                expected = signature(request, signed.scope, signed.names, signed.date, payload_hash, secret)
                if hmac.compare_digest(expected.encode(), signed.proof.encode()):
                    return signed.scope
            raise _error("InvalidSignatureException", _MISMATCH)
        except AwsError as error:
            if request.header("x-amz-target").startswith("DynamoDB_") and error.status == 403:
                error.status = 400  # DynamoDB's way
            raise

    def _check_time(self, signed: _Signed) -> None:
        try:
            signed_s = calendar.timegm(time.strptime(signed.date, "%Y%m%dT%H%M%SZ"))
        except ValueError:
            raise _incomplete(f"Date must be in ISO-8601 'basic format'. Got '{signed.date}'.") from None
        if signed.scope.date != signed.date[:8]:
            raise _error(
                "InvalidSignatureException",
                f"Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP:"
                f" '{signed.scope.date}' != '{signed.date[:8]}', from '{signed.date}'.",
            )
        now_ms = self._clock.now_ms()
        now = amz_date(now_ms)
        minutes = _WINDOW_MINUTES.get(signed.scope.service, _WINDOW_MINUTES_USUALLY)
        window_s = minutes * 60 if signed.lifetime_s is None else signed.lifetime_s
        allowance = f"{minutes} min." if signed.lifetime_s is None else f"{window_s} s"
        if signed_s < now_ms / 1000 - window_s:
            edge = amz_date(now_ms - window_s * 1000)
            what = f"Signature expired: {signed.date} is now earlier than {edge} ({now} - {allowance})"
            raise _error("InvalidSignatureException", what)
        if signed_s > now_ms / 1000 + minutes * 60:
            edge = amz_date(now_ms + minutes * 60_000)
            what = f"Signature not yet current: {signed.date} is still later than {edge} ({now} + {minutes} min.)"
            raise _error("InvalidSignatureException", what)


def _read(request: Request) -> _Signed:
    authorization = request.header("authorization")
    if authorization:
        return _read_header(request, authorization)
    query = _parameters(request.query)
    if "x-amz-credential" in query or "x-amz-algorithm" in query:
        return _read_query(query)
    raise _error("MissingAuthenticationTokenException", "Request is missing Authentication Token")


def _read_header(request: Request, authorization: str) -> _Signed:
    algorithm, _, rest = authorization.strip().partition(" ")
    if algorithm != ALGORITHM:
        raise _incomplete(f"Unsupported AWS 'algorithm': '{algorithm}'; terrella takes {ALGORITHM} only.")
    parts = dict(part.partition("=")[::2] for part in rest.replace(",", " ").split())
    lacking = [name for name in ("Credential", "Signature", "SignedHeaders") if not parts.get(name)]
    date = request.header("x-amz-date")
    if lacking or not date:
        wants = [f"Authorization header requires '{name}' parameter." for name in lacking]
        if not date:
            wants.append("Authorization header requires existence of a 'X-Amz-Date' header.")
        raise _incomplete(" ".join(wants))
    return _Signed(
        scope=_scope(parts["Credential"]),
        names=tuple(parts["SignedHeaders"].lower().split(";")),
        date=date,
        proof=parts["Signature"],
        token=request.header("x-amz-security-token"),
        payload_hash=request.header("x-amz-content-sha256") or None,
        lifetime_s=None,
    )


def _read_query(query: dict[str, str]) -> _Signed:
    wanted = ("X-Amz-Algorithm", "X-Amz-Credential", "X-Amz-Date", "X-Amz-Expires", "X-Amz-SignedHeaders")
    lacking = [name for name in (*wanted, SIGNATURE_PARAMETER) if not query.get(name.lower())]
    if lacking:
        raise _incomplete(" ".join(f"AWS query-string parameters must include '{name}'." for name in lacking))
    if query["x-amz-algorithm"] != ALGORITHM:
        raise _incomplete(f"Unsupported AWS 'algorithm': '{query['x-amz-algorithm']}'.")
    lifetime = query["x-amz-expires"]
    if not lifetime.isdecimal() or not 1 <= int(lifetime) <= _EXPIRES_S_MAX:
        raise _incomplete(f"X-Amz-Expires must be from 1 to {_EXPIRES_S_MAX} seconds. Got '{lifetime}'.")
    scope = _scope(query["x-amz-credential"])
    return _Signed(
        scope=scope,
        names=tuple(query["x-amz-signedheaders"].lower().split(";")),
        date=query["x-amz-date"],
        proof=query["x-amz-signature"],
        token=query.get("x-amz-security-token", ""),
        payload_hash=_UNSIGNED_PAYLOAD if scope.service in _MAY_LEAVE_PAYLOAD_UNSIGNED else None,
        lifetime_s=int(lifetime),
    )


def _parameters(query: str) -> dict[str, str]:
    pairs = (pair.partition("=") for pair in query.split("&"))
    return {unquote_plus(name).lower(): unquote_plus(value) for name, _, value in pairs}


def _scope(credential: str) -> Scope:
    scope = parse_scope(credential)
    if scope is None:
        raise _incomplete(
            f"Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term, got"
            f" '{credential}'."
        )
    return scope


def _check_names(request: Request, signed: _Signed) -> None:
    """What decides what a request does must be signed, or it could be changed on the way."""
    if "host" not in signed.names:
        raise _error("InvalidSignatureException", "'Host' must be a 'SignedHeader' in the AWS Authorization.")
    for name, _ in request.headers:
        if name.startswith("x-amz-") and name not in signed.names:
            raise _error("InvalidSignatureException", f"'{name}' must be a 'SignedHeader' in the AWS Authorization.")


def _payload_hash(request: Request, signed: _Signed) -> str:
    """The body's own hash, whatever the request says of it; only where AWS allows it may the body go unsigned."""
    own = hashlib.sha256(request.body).hexdigest()
    told = signed.payload_hash
    if told is None or told.lower() == own:
        return told or own
    if told == _UNSIGNED_PAYLOAD and signed.scope.service in _MAY_LEAVE_PAYLOAD_UNSIGNED:
        return told
    if told.startswith("STREAMING-"):
        raise AwsError("NotImplemented", f"terrella does not take bodies that are signed in chunks ({told})", 501)
    reason = f"The body is not the one that was signed: x-amz-content-sha256 is '{told}', its SHA-256 is {own}."
    raise _error("InvalidSignatureException", reason)


def _invalid_token(signed: _Signed, grant: Grant | None) -> AwsError:
    if grant is not None and signed.token and grant.token is None:
        why = "terrella issues no session tokens: use the access key without one"
        return _error("UnrecognizedClientException", f"{_INVALID_TOKEN} ({why})")
    return _error("UnrecognizedClientException", f"{_INVALID_TOKEN}.")


def _incomplete(message: str) -> AwsError:
    return AwsError("IncompleteSignatureException", message)


def _error(code: str, message: str) -> AwsError:
    return AwsError(code, message, 403)
