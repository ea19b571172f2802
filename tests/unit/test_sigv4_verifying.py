"""Signatures as botocore makes them hold; whatever is changed afterwards, they do not."""

import datetime as dt
from typing import Any
from urllib.parse import urlsplit

import pytest
from botocore.auth import S3SigV4Auth, S3SigV4QueryAuth, SigV4Auth, SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.compat import get_current_datetime
from botocore.credentials import Credentials
from hypothesis import given
from hypothesis import strategies as st

from terrella.kernel import AwsError
from terrella.testing import ManualClock
from terrella.wire.http import Request
from terrella.wire.sigv4 import AccessKey, Grant, Verifier, sign

KEY = AccessKey("AKIATEST", "the secret / of +all")
GRANTS = {
    KEY.id: Grant((KEY.secret,)),
    "ROTATED": Grant(("new", "old")),
    "WORKER": Grant(("worker",), token="session"),
}
HOST = "10.0.0.1:4566"


def now_ms() -> int:
    """By the clock that botocore signs with."""
    return int(get_current_datetime().replace(tzinfo=dt.UTC).timestamp() * 1000)


def verifier(late_s: float = 0.0) -> Verifier:
    clock = ManualClock(now_ms())
    clock.advance(late_s)
    return Verifier(GRANTS.get, clock)


def signed_by_botocore(
    method: str = "POST",
    target: str = "/",
    body: bytes = b"{}",
    headers: dict[str, str] | None = None,
    *,
    credentials: Credentials | None = None,
    service: str = "dynamodb",
    auth: Any = SigV4Auth,
) -> Request:
    """As it would arrive."""
    credentials = credentials or Credentials(KEY.id, KEY.secret)
    outgoing = AWSRequest(method, f"http://{HOST}{target}", headers or {}, body)
    auth(credentials, service, "eu-west-1").add_auth(outgoing)
    assert outgoing.url is not None
    url = urlsplit(outgoing.url)
    arrived = [("host", HOST), *((name.lower(), value) for name, value in outgoing.headers.items())]
    return Request(method, url.path + (f"?{url.query}" if url.query else ""), arrived, body)


def code_of(request: Request, late_s: float = 0.0) -> str:
    with pytest.raises(AwsError) as caught:
        verifier(late_s).verify(request)
    return caught.value.code


SEGMENT = st.text("abcXYZ019-_.~ %:/+$é", min_size=1, max_size=8)


@given(
    segments=st.lists(SEGMENT, max_size=4),
    pairs=st.lists(st.tuples(SEGMENT, st.text("abc019 ~*&=+/é", max_size=6)), max_size=4),
    body=st.binary(max_size=50),
    value=st.text("abc  ,;:\t019", min_size=1, max_size=20).filter(str.strip),
)
def test_whatever_botocore_signs(segments: list[str], pairs: list[tuple[str, str]], body: bytes, value: str) -> None:
    """Paths, queries and headers with all that has to be encoded, and encoded twice."""
    from urllib.parse import quote

    path = "/" + "/".join(quote(segment, safe="") for segment in segments)
    query = "&".join(f"{quote(name, safe='-_.~')}={quote(text, safe='-_.~')}" for name, text in pairs)
    request = signed_by_botocore(
        "PUT", path + (f"?{query}" if query else ""), body, {"x-amz-meta": value}, service="lambda"
    )
    scope = verifier().verify(request)
    assert (scope.access_key, scope.region, scope.service) == (KEY.id, "eu-west-1", "lambda")


@given(
    part=st.sampled_from(["method", "path", "query", "body", "target", "signature", "host"]), byte=st.integers(1, 255)
)
def test_whatever_is_changed_afterwards(part: str, byte: int) -> None:
    request = signed_by_botocore("POST", "/a?b=c", b'{"a": 1}', {"X-Amz-Target": "DynamoDB_20120810.PutItem"})
    verifier().verify(request)
    headers = dict(request.headers)
    changed = Request(
        request.method if part != "method" else "PUT",
        request.target + {"path": "", "query": "d"}.get(part, ""),
        [],
        request.body[:-1] + bytes([request.body[-1] ^ byte]) if part == "body" else request.body,
    )
    if part == "path":
        changed.target = "/aa?b=c"
    if part == "target":
        headers["x-amz-target"] = "DynamoDB_20120810.DeleteTable"
    if part == "host":
        headers["host"] = "10.0.0.2:4566"
    if part == "signature":
        last = headers["authorization"][-1]
        headers["authorization"] = headers["authorization"][:-1] + ("0" if last != "0" else "1")
    changed.headers = list(headers.items())
    with pytest.raises(AwsError) as caught:
        verifier().verify(changed)
    assert (caught.value.code, caught.value.status) == ("InvalidSignatureException", 400)


def test_a_header_that_steers_must_be_signed() -> None:
    """Added on the way, it would change what is done without touching what was signed."""
    request = signed_by_botocore()
    request.headers.append(("x-amz-target", "DynamoDB_20120810.DeleteTable"))
    assert code_of(request) == "InvalidSignatureException"
    request = signed_by_botocore()
    request.headers.append(("x-amzn-trace-id", "Root=1"))  # proxies add it, and nobody signs it
    verifier().verify(request)


@pytest.mark.parametrize(
    ("target", "status", "message"),
    [
        ("DynamoDB_20120810.PutItem", 400, "Request is missing Authentication Token"),
        ("", 403, "Request is missing Authentication Token"),
    ],
)
def test_absent_signatures(target: str, status: int, message: str) -> None:
    """DynamoDB answers 400 where others answer 403."""
    with pytest.raises(AwsError) as caught:
        verifier().verify(Request("POST", "/", [("host", HOST), ("x-amz-target", target)]))
    assert (caught.value.code, caught.value.status) == ("MissingAuthenticationTokenException", status)
    assert caught.value.message == message


def test_unknown_keys_and_wrong_secrets() -> None:
    assert code_of(signed_by_botocore(credentials=Credentials("NOBODY", "x"))) == "UnrecognizedClientException"
    assert code_of(signed_by_botocore(credentials=Credentials(KEY.id, "wrong"))) == "InvalidSignatureException"


@pytest.mark.parametrize("secret", ["new", "old"])
def test_a_key_that_is_being_rotated(secret: str) -> None:
    verifier().verify(signed_by_botocore(credentials=Credentials("ROTATED", secret)))


def test_session_tokens_are_refused_unless_they_are_ours() -> None:
    with pytest.raises(AwsError, match="terrella issues no session tokens"):
        verifier().verify(signed_by_botocore(credentials=Credentials(KEY.id, KEY.secret, "token")))
    verifier().verify(signed_by_botocore(credentials=Credentials("WORKER", "worker", "session")))
    for token in (None, "another"):
        request = signed_by_botocore(credentials=Credentials("WORKER", "worker", token))
        assert code_of(request) == "UnrecognizedClientException"


def test_the_clocks_must_agree() -> None:
    """A quarter of an hour for DynamoDB, five minutes for others."""
    for service, minutes in (("dynamodb", 15), ("lambda", 5)):
        request = signed_by_botocore(service=service)
        for late_s in (minutes * 60 - 60, -minutes * 60 + 60):
            verifier(late_s).verify(request)
        with pytest.raises(
            AwsError, match=rf"Signature expired: \w+ is now earlier than \w+ \(\w+ - {minutes} min\.\)"
        ):
            verifier(minutes * 60 + 60).verify(request)
        with pytest.raises(AwsError, match=rf"Signature not yet current: .* \+ {minutes} min\.\)"):
            verifier(-minutes * 60 - 60).verify(request)


def test_the_date_and_its_scope_must_agree() -> None:
    request = signed_by_botocore()
    request.headers = [(name, "20200101T000000Z" if name == "x-amz-date" else value) for name, value in request.headers]
    with pytest.raises(AwsError, match="Date in Credential scope does not match"):
        verifier().verify(request)


def test_a_payload_hash_that_is_told_must_be_true() -> None:
    """Only S3 lets a body go unsigned; bodies signed in chunks are not taken."""
    told = signed_by_botocore(headers={"X-Amz-Content-SHA256": "UNSIGNED-PAYLOAD"})
    assert code_of(told) == "InvalidSignatureException"
    chunked = signed_by_botocore(headers={"X-Amz-Content-SHA256": "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"}, service="s3")
    assert code_of(chunked) == "NotImplemented"
    signed = signed_by_botocore("PUT", "/a//b/../c%20d", b"x", service="s3", auth=S3SigV4Auth)
    verifier().verify(signed)
    signed.body = b"y"
    assert code_of(signed) == "InvalidSignatureException"


@pytest.mark.parametrize(("auth", "service"), [(SigV4QueryAuth, "lambda"), (S3SigV4QueryAuth, "s3")])
def test_presigned(auth: Any, service: str) -> None:
    request = signed_by_botocore("GET", "/a%20b?c=d%2Fe", b"", service=service, auth=auth)
    verifier().verify(request)
    verifier(3000).verify(request)
    assert code_of(request, 4000) == "InvalidSignatureException"
    request.target += "&f=g"
    assert code_of(request) == "InvalidSignatureException"


@pytest.mark.parametrize(
    "authorization",
    [
        "Bearer x",
        "AWS4-ECDSA-P256-SHA256 Credential=a/20260101/eu-west-1/s3/aws4_request, SignedHeaders=host, Signature=0",
        "AWS4-HMAC-SHA256",
        "AWS4-HMAC-SHA256 Credential=AKIATEST/x, SignedHeaders=host, Signature=0",
        "AWS4-HMAC-SHA256 Credential=AKIATEST/20260101/eu-west-1/s3/aws4_request, SignedHeaders=host",
    ],
)
def test_what_is_no_signature(authorization: str) -> None:
    request = Request("GET", "/", [("host", HOST), ("x-amz-date", "x"), ("authorization", authorization)])
    assert code_of(request) == "IncompleteSignatureException"


@given(st.text(max_size=60), st.text(max_size=60), st.text(max_size=60))
def test_garbage_is_an_error_and_never_a_surprise(authorization: str, date: str, query: str) -> None:
    text = [each.encode().decode("latin-1") for each in (authorization, date, query)]
    headers = [("host", HOST), ("authorization", f"AWS4-HMAC-SHA256 {text[0]}"), ("x-amz-date", text[1])]
    for request in (Request("GET", "/", headers), Request("GET", f"/?X-Amz-Credential=a&{text[2]}", headers[:1])):
        with pytest.raises(AwsError):
            verifier().verify(request)


@given(st.binary(max_size=100), st.sampled_from(["/_terrella/status", "/_terrella/conflicts?table=a%20b&c"]))
def test_our_own_signatures_hold_as_well(body: bytes, target: str) -> None:
    request = Request("POST", target, [("host", HOST), ("x-terrella-control", "1")], body)
    signed = sign(request, KEY, "eu-west-1", "terrella", now_ms())
    assert verifier().verify(signed).service == "terrella"
    assert "the secret" not in repr(KEY)
