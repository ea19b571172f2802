"""Who may ask what of a region.

On loopback everybody may ask everything. Elsewhere an AWS request must be signed with a configured key or a worker's,
and so must one to the control API, unless it comes through the door: with the certificate of the world's front door it
may ask everything, with that of its monitor it may look (Prometheus signs nothing), and other regions may ask what they
need to know.
"""

import base64
import hmac
from collections.abc import Callable, Sequence

from terrella.kernel import AwsError, Clock
from terrella.region.configuration import FRONT_DOOR, MONITOR
from terrella.region.metrics import METRICS_PATH
from terrella.wire.http import Request
from terrella.wire.sigv4 import AccessKey, Grant, Verifier

CONTROL_SERVICE = "terrella"  # what a request to the control API is signed for
_PEERS_MAY_READ = ("/_terrella/bulletin", "/_terrella/membership", "/_terrella/table")
_MONITOR_MAY_READ = (METRICS_PATH, "/_terrella/metrics", "/_terrella/status", "/_terrella/bulletin")
_PEERS_MAY_SAY = ("/_terrella/membership/propose", "/_terrella/membership/raft")


class Access:
    """``keys`` are the configured ones, the first of which signs; with none, nothing is verified.

    ``token_of`` has the session token that goes with a worker's access key id; None if it is no worker's.
    """

    def __init__(
        self, keys: Sequence[AccessKey], clock: Clock, token_of: Callable[[str], str | None] = lambda _: None
    ) -> None:
        self._keys = {key.id: key for key in keys}
        self._token_of = token_of
        self._verifier = Verifier(self._grant_of, clock)

    def check_service(self, request: Request) -> None:
        """Raises ``AwsError`` if an AWS request's signature does not hold."""
        if self._keys:
            self._verifier.verify(request)

    def check_control(self, request: Request) -> None:
        """Raises ``AwsError`` unless this may be asked of the control API by whoever asks it."""
        if request.proven:
            self._check_guest(request)
        elif self._keys:
            scope = self._verifier.verify(request)
            if scope.service != CONTROL_SERVICE:
                found = f"the request is signed for {scope.service}, expected {CONTROL_SERVICE}"
                raise AwsError("InvalidSignatureException", found, 403)

    def secret_of(self, access_key: str) -> str:
        """The secret that goes with a worker's access key id: nobody has to remember it, and none is like another."""
        first = next(iter(self._keys.values()), None)
        return _derived(first.secret, access_key) if first is not None else "terrella"

    def _check_guest(self, request: Request) -> None:
        """Other regions tell each other what they see, and decide together; what is done to one they may not say."""
        if request.proven == MONITOR:
            allowed = request.method == "GET" and request.path in _MONITOR_MAY_READ
        else:
            allowed = request.path in (_PEERS_MAY_READ if request.method == "GET" else _PEERS_MAY_SAY)
        if allowed or request.proven == FRONT_DOOR:
            return
        reason = f"{request.proven} may not ask for {request.method} {request.path} here"
        raise AwsError("AccessDeniedException", reason, 403)

    def _grant_of(self, access_key: str) -> Grant | None:
        key = self._keys.get(access_key)
        if key is not None:
            return Grant((key.secret,))
        token = self._token_of(access_key)
        if token is None:
            return None
        return Grant(tuple(_derived(key.secret, access_key) for key in self._keys.values()), token)


def _derived(secret: str, access_key: str) -> str:
    return base64.b64encode(hmac.digest(secret.encode(), f"worker {access_key}".encode(), "sha256")).decode()
