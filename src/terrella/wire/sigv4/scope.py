"""Whose request it is, and for which region and service it was signed; the signature itself is not looked at here."""

from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import unquote_plus

from terrella.wire.http import Request

ALGORITHM = "AWS4-HMAC-SHA256"
TERMINATOR = "aws4_request"
_USUAL_BEGINNING = f"{ALGORITHM} Credential="
_ALGORITHMS = (ALGORITHM, "AWS4-ECDSA-P256-SHA256")


@dataclass(frozen=True, slots=True)
class Scope:
    """The credential scope: ``access_key/date/region/service/aws4_request``."""

    access_key: str
    date: str
    region: str
    service: str

    @property
    def text(self) -> str:
        """Without the access key, as it is signed."""
        return f"{self.date}/{self.region}/{self.service}/{TERMINATOR}"


def credential_scope(request: Request) -> Scope | None:
    """The scope that a request was signed for, by header or (presigned) by query; None if it is not signed."""
    authorization = request.header("authorization")
    if authorization:
        return _scope_of_header(authorization)
    for pair in request.query.split("&"):
        name, _, value = pair.partition("=")
        if name.lower() == "x-amz-credential":
            return parse_scope(unquote_plus(value))
    return None


def _scope_of_header(authorization: str) -> Scope | None:
    if authorization.startswith(_USUAL_BEGINNING):
        credential = authorization[len(_USUAL_BEGINNING) :].partition(",")[0]
        if " " not in credential:
            return parse_scope(credential)
    algorithm, _, rest = authorization.strip().partition(" ")
    if algorithm not in _ALGORITHMS:
        return None
    for part in rest.replace(",", " ").split():
        name, _, value = part.partition("=")
        if name == "Credential":
            return parse_scope(value)
    return None


@lru_cache(maxsize=1024)
def parse_scope(credential: str) -> Scope | None:
    """An access key may itself hold slashes, so the scope is read from its end."""
    parts = credential.rsplit("/", 4)
    if len(parts) != 5 or parts[4] != TERMINATOR or not all(parts):
        return None
    return Scope(access_key=parts[0], date=parts[1], region=parts[2], service=parts[3])
