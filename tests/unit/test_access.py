"""Who may ask what of a region that is not on loopback."""

import pytest

from terrella.kernel import AwsError
from terrella.region import CONTROL_SERVICE, FRONT_DOOR, MONITOR, Access
from terrella.testing import ManualClock
from terrella.wire.http import Request
from terrella.wire.sigv4 import AccessKey, sign

CLOCK = ManualClock()
FIRST, SECOND = AccessKey("AKIAFIRST", "the first secret"), AccessKey("AKIASECOND", "the second secret")
WORKER = "WORKERKEY"


def token_of(key: str) -> str | None:
    return "token" if key == WORKER else None


def access(*keys: AccessKey) -> Access:
    return Access(keys, CLOCK, token_of)


def asked(
    target: str = "/", *, key: AccessKey | None = None, service: str = "dynamodb", token: str = "", method: str = "POST"
) -> Request:
    headers = [("host", "10.0.0.1:4566")]
    if token:
        headers.append(("x-amz-security-token", token))
    request = Request(method, target, headers)
    return sign(request, key, "us-east-1", service, CLOCK.now_ms()) if key is not None else request


def test_without_keys_anybody_may_ask_anything() -> None:
    nobody = access()
    nobody.check_service(asked())
    nobody.check_service(asked(key=AccessKey("test", "test")))
    nobody.check_control(asked("/_terrella/status", method="GET"))
    assert nobody.secret_of(WORKER) == "terrella"


def test_either_key_will_do() -> None:
    for key in (FIRST, SECOND):
        access(FIRST, SECOND).check_service(asked(key=key))
    with pytest.raises(AwsError, match="MissingAuthenticationTokenException"):
        access(FIRST).check_service(asked())


def test_workers_sign_with_what_they_are_given() -> None:
    """It follows from the first key; whoever has that one as its second takes it as well, so keys can be turned."""
    worker = AccessKey(WORKER, access(FIRST, SECOND).secret_of(WORKER))
    for keys in ((FIRST, SECOND), (SECOND, FIRST), (FIRST,)):
        access(*keys).check_service(asked(key=worker, token="token"))
    for request in (asked(key=worker), asked(key=worker, token="another")):
        with pytest.raises(AwsError, match="UnrecognizedClientException"):
            access(FIRST).check_service(request)
    with pytest.raises(AwsError, match="InvalidSignatureException"):
        access(SECOND).check_service(asked(key=worker, token="token"))
    assert access(FIRST).secret_of("OTHER") != worker.secret != FIRST.secret


def test_the_control_api_wants_to_be_meant() -> None:
    """What was signed for a table is no command."""
    access(FIRST).check_control(asked("/_terrella/apply", key=FIRST, service=CONTROL_SERVICE))
    for request in (asked("/_terrella/apply"), asked("/_terrella/apply", key=FIRST)):
        with pytest.raises(AwsError):
            access(FIRST).check_control(request)


def test_certificates_open_what_is_theirs() -> None:
    """On loopback too: other regions read what a region sees, and the front door does what it is told."""
    for guard in (access(), access(FIRST)):
        for proven, method, target, allowed in (
            ("eu-west-1", "GET", "/_terrella/bulletin?full=1", True),
            ("eu-west-1", "POST", "/_terrella/bulletin", False),
            ("eu-west-1", "GET", "/_terrella/status", False),
            ("eu-west-1", "POST", "/_terrella/apply", False),
            (FRONT_DOOR, "POST", "/_terrella/apply", True),
            (MONITOR, "GET", "/metrics", True),
            (MONITOR, "GET", "/_terrella/status", True),
            (MONITOR, "GET", "/_terrella/conflicts", False),
            (MONITOR, "POST", "/_terrella/status", False),
        ):
            request = Request(method, target, [], proven=proven)
            if allowed:
                guard.check_control(request)
            else:
                with pytest.raises(AwsError, match=f"{proven} may not ask"):
                    guard.check_control(request)
