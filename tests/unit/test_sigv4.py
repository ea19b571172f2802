"""Whose request it is, read from real clients' signatures."""

import pytest
from botocore.auth import SigV4Auth, SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from terrella.wire.http import Request
from terrella.wire.sigv4 import Scope, credential_scope

CREDENTIALS = Credentials("test", "secret")


def test_the_header_that_botocore_signs() -> None:
    signed = AWSRequest("POST", "http://127.0.0.1:4566/", data=b"{}")
    SigV4Auth(CREDENTIALS, "dynamodb", "eu-west-1").add_auth(signed)
    request = Request("POST", "/", [("authorization", signed.headers["Authorization"])])
    scope = credential_scope(request)
    assert scope is not None
    assert (scope.access_key, scope.region, scope.service) == ("test", "eu-west-1", "dynamodb")


def test_the_query_that_botocore_presigns() -> None:
    signed = AWSRequest("GET", "http://127.0.0.1:4566/bucket/key")
    SigV4QueryAuth(CREDENTIALS, "s3", "us-west-2").add_auth(signed)
    assert signed.url is not None
    scope = credential_scope(Request("GET", signed.url.removeprefix("http://127.0.0.1:4566"), []))
    assert scope is not None
    assert (scope.region, scope.service) == ("us-west-2", "s3")


def test_an_access_key_with_slashes() -> None:
    header = "AWS4-HMAC-SHA256 Credential=a/b/20260101/us-east-1/lambda/aws4_request,SignedHeaders=host,Signature=0"
    assert credential_scope(Request("GET", "/", [("authorization", header)])) == Scope(
        "a/b", "20260101", "us-east-1", "lambda"
    )


@pytest.mark.parametrize(
    ("target", "headers"),
    [
        ("/", []),
        ("/", [("authorization", "Bearer x")]),
        ("/", [("authorization", "AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1")]),
        ("/", [("authorization", "AWS4-HMAC-SHA256 SignedHeaders=host")]),
        ("/?X-Amz-Credential=nonsense", []),
    ],
)
def test_what_is_not_signed_has_no_scope(target: str, headers: list[tuple[str, str]]) -> None:
    assert credential_scope(Request("GET", target, headers)) is None
