"""The event payloads, against the samples of the API Gateway developer guide, and the reading of answers."""

from typing import Any

import msgspec
import pytest

from terrella.wire.events import (
    MalformedResponseError,
    ProxyExchange,
    http_api_event_v1,
    http_api_event_v2,
    read_http_api_response_v1,
    read_http_api_response_v2,
    read_rest_api_response,
    request_time,
    rest_api_event,
)

# "Create AWS Lambda proxy integrations for HTTP APIs", payload format 2.0; without the client's certificate and the JWT
# authorizer, which are not built, and with the moment's own date (the guide's sample contradicts itself).
GUIDE_V2: dict[str, Any] = {
    "version": "2.0",
    "routeKey": "$default",
    "rawPath": "/my/path",
    "rawQueryString": "parameter1=value1&parameter1=value2&parameter2=value",
    "cookies": ["cookie1", "cookie2"],
    "headers": {"header1": "value1", "header2": "value1,value2"},
    "queryStringParameters": {"parameter1": "value1,value2", "parameter2": "value"},
    "requestContext": {
        "accountId": "123456789012",
        "apiId": "api-id",
        "domainName": "id.execute-api.us-east-1.amazonaws.com",
        "domainPrefix": "id",
        "http": {
            "method": "POST",
            "path": "/my/path",
            "protocol": "HTTP/1.1",
            "sourceIp": "192.0.2.1",
            "userAgent": "agent",
        },
        "requestId": "id",
        "routeKey": "$default",
        "stage": "$default",
        "time": "04/Mar/2020:19:03:58 +0000",
        "timeEpoch": 1583348638390,
    },
    "body": "Hello from Lambda",
    "pathParameters": {"parameter1": "value1"},
    "isBase64Encoded": False,
    "stageVariables": {"stageVariable1": "value1", "stageVariable2": "value2"},
}

IDENTITY: dict[str, Any] = {
    "accessKey": None,
    "accountId": None,
    "caller": None,
    "cognitoAuthenticationProvider": None,
    "cognitoAuthenticationType": None,
    "cognitoIdentityId": None,
    "cognitoIdentityPoolId": None,
    "principalOrgId": None,
    "sourceIp": "192.0.2.1",
    "user": None,
    "userAgent": "user-agent",
    "userArn": None,
}

# The same page, payload format 1.0; without the client's certificate. Where the sample takes the first of two values of
# a query parameter but the last of two of a header, the last is taken for both, as the page on REST APIs has it.
GUIDE_V1: dict[str, Any] = {
    "version": "1.0",
    "resource": "/my/path",
    "path": "/my/path",
    "httpMethod": "GET",
    "headers": {"header1": "value1", "header2": "value2"},
    "multiValueHeaders": {"header1": ["value1"], "header2": ["value1", "value2"]},
    "queryStringParameters": {"parameter1": "value2", "parameter2": "value"},
    "multiValueQueryStringParameters": {"parameter1": ["value1", "value2"], "parameter2": ["value"]},
    "requestContext": {
        "accountId": "123456789012",
        "apiId": "id",
        "authorizer": {"claims": None, "scopes": None},
        "domainName": "id.execute-api.us-east-1.amazonaws.com",
        "domainPrefix": "id",
        "extendedRequestId": "request-id",
        "httpMethod": "GET",
        "identity": IDENTITY,
        "path": "/my/path",
        "protocol": "HTTP/1.1",
        "requestId": "id=",
        "requestTime": "04/Mar/2020:19:15:17 +0000",
        "requestTimeEpoch": 1583349317135,
        "resourceId": None,
        "resourcePath": "/my/path",
        "stage": "$default",
    },
    "pathParameters": None,
    "stageVariables": None,
    "body": "Hello from Lambda!",
    "isBase64Encoded": False,
}

# "Lambda proxy integrations in API Gateway", the sample event of a REST API, with this exchange's values.
GUIDE_REST: dict[str, Any] = {
    "resource": "/items/{id}",
    "path": "/items/a%20b",
    "httpMethod": "PUT",
    "headers": {"Content-Type": "text/plain", "Header1": "value2"},
    "multiValueHeaders": {"Content-Type": ["text/plain"], "Header1": ["value1", "value2"]},
    "queryStringParameters": {"q": "c d", "empty": ""},
    "multiValueQueryStringParameters": {"q": ["a", "c d"], "empty": [""]},
    "requestContext": {
        "accountId": "123456789012",
        "apiId": "id",
        "deploymentId": "d1",
        "domainName": "id.execute-api.us-east-1.amazonaws.com",
        "domainPrefix": "id",
        "extendedRequestId": "request-id",
        "httpMethod": "PUT",
        "identity": IDENTITY,
        "path": "/prod/items/a%20b",
        "protocol": "HTTP/1.1",
        "requestId": "id=",
        "requestTime": "04/Mar/2020:19:15:17 +0000",
        "requestTimeEpoch": 1583349317135,
        "resourceId": "abc123",
        "resourcePath": "/items/{id}",
        "stage": "prod",
    },
    "pathParameters": {"id": "a%20b"},
    "stageVariables": {"colour": "blue"},
    "body": "Hello",
    "isBase64Encoded": False,
}


def exchange(**changes: Any) -> ProxyExchange:
    values: dict[str, Any] = {
        "method": "GET",
        "path": "/my/path",
        "context_path": "/my/path",
        "query": "parameter1=value1&parameter1=value2&parameter2=value",
        "headers": [("header1", "value1"), ("header2", "value1"), ("header2", "value2")],
        "body": b"Hello from Lambda!",
        "source_ip": "192.0.2.1",
        "user_agent": "user-agent",
        "domain_name": "id.execute-api.us-east-1.amazonaws.com",
        "account": "123456789012",
        "api_id": "id",
        "stage": "$default",
        "stage_variables": {},
        "route": "/my/path",
        "route_key": "GET /my/path",
        "resource_id": "abc123",
        "deployment_id": "d1",
        "path_parameters": None,
        "request_id": "id=",
        "extended_request_id": "request-id",
        "time_ms": 1583349317135,
    }
    return ProxyExchange(**{**values, **changes})


def test_format_2_0_is_the_guides_sample() -> None:
    headers = [("header1", "value1"), ("header2", "value1"), ("header2", "value2"), ("cookie", "cookie1; cookie2")]
    built = http_api_event_v2(
        exchange(
            method="POST",
            headers=headers,
            body=b"Hello from Lambda",
            user_agent="agent",
            api_id="api-id",
            route_key="$default",
            extended_request_id="id",
            time_ms=1583348638390,
            path_parameters={"parameter1": "value1"},
            stage_variables={"stageVariable1": "value1", "stageVariable2": "value2"},
        )
    )
    assert msgspec.json.decode(built) == GUIDE_V2


def test_format_1_0_of_an_http_api_is_the_guides_sample() -> None:
    assert msgspec.json.decode(http_api_event_v1(exchange())) == GUIDE_V1


def test_a_rest_apis_event() -> None:
    built = rest_api_event(
        exchange(
            method="PUT",
            path="/items/a%20b",
            context_path="/prod/items/a%20b",
            query="q=a&q=c+d&empty=",
            headers=[
                ("content-type", "text/plain"),
                ("header1", "value1"),
                ("header1", "value2"),
                ("connection", "close"),
                ("content-length", "5"),
            ],
            body=b"Hello",
            stage="prod",
            stage_variables={"colour": "blue"},
            route="/items/{id}",
            path_parameters={"id": "a%20b"},
        )
    )
    assert msgspec.json.decode(built) == GUIDE_REST


def test_what_is_absent_is_null_in_1_0_and_left_out_in_2_0() -> None:
    rest = msgspec.json.decode(rest_api_event(exchange(query="", body=b"")))
    absent = ("queryStringParameters", "multiValueQueryStringParameters", "pathParameters", "stageVariables", "body")
    assert [rest[name] for name in absent] == [None] * len(absent)
    two = msgspec.json.decode(http_api_event_v2(exchange(query="", body=b"")))
    assert not {"queryStringParameters", "pathParameters", "stageVariables", "body", "cookies"} & two.keys()
    assert two["rawQueryString"] == ""
    assert two["isBase64Encoded"] is False


def test_http_apis_decode_paths_and_rest_apis_do_not() -> None:
    sent = exchange(path="/a%20b", context_path="/a%20b")
    assert msgspec.json.decode(rest_api_event(sent))["path"] == "/a%20b"
    assert msgspec.json.decode(http_api_event_v1(sent))["path"] == "/a b"
    assert msgspec.json.decode(http_api_event_v2(sent))["rawPath"] == "/a b"


@pytest.mark.parametrize(
    ("content_type", "body", "encoded"),
    [
        ("application/json", b"{}", False),
        ("application/problem+json; charset=utf-8", b"{}", False),
        ("text/csv", b"a,b", False),
        ("", b"plain", False),
        ("application/x-www-form-urlencoded", b"a=b", True),
        ("image/png", b"\x89PNG", True),
        ("text/plain", b"\xff\xfe", True),
    ],
)
def test_http_apis_send_what_is_no_text_in_base64(content_type: str, body: bytes, encoded: bool) -> None:
    headers = [("content-type", content_type)] if content_type else []
    event = msgspec.json.decode(http_api_event_v2(exchange(headers=headers, body=body)))
    assert event["isBase64Encoded"] is encoded


def test_rest_apis_send_declared_binary_in_base64_and_mangle_the_rest() -> None:
    event = msgspec.json.decode(rest_api_event(exchange(body=b"\x89PNG", binary=True)))
    assert (event["body"], event["isBase64Encoded"]) == ("iVBORw==", True)
    event = msgspec.json.decode(rest_api_event(exchange(body=b"\x89PNG")))
    assert (event["body"], event["isBase64Encoded"]) == ("\ufffdPNG", False)


def test_request_time() -> None:
    assert request_time(0) == "01/Jan/1970:00:00:00 +0000"


def test_a_rest_response_merges_both_kinds_of_headers_and_remaps_its_own() -> None:
    read = read_rest_api_response(
        b'{"statusCode":"201","headers":{"A":"1","B":"1","Date":"x","Transfer-Encoding":"chunked","Flag":true},'
        b'"multiValueHeaders":{"A":["1","2"],"Set-Cookie":["a","b"]},"body":"\xc3\xa4"}'
    )
    assert read.status == 201
    assert read.body == "ä".encode()
    assert read.headers == [
        ("content-type", "application/json"),
        ("b", "1"),
        ("x-amzn-remapped-date", "x"),
        ("flag", "true"),
        ("a", "1"),
        ("a", "2"),
        ("set-cookie", "a"),
        ("set-cookie", "b"),
    ]


def test_base64_is_decoded_for_rest_apis_only_where_binary_is_accepted() -> None:
    payload = b'{"statusCode":200,"body":"aGVsbG8=","isBase64Encoded":true}'
    assert read_rest_api_response(payload, binary_accepted=True).body == b"hello"
    assert read_rest_api_response(payload).body == b"aGVsbG8="
    assert read_http_api_response_v1(payload).body == b"hello"
    assert read_http_api_response_v2(payload).body == b"hello"


@pytest.mark.parametrize(
    "payload",
    [
        b'"text"',
        b"null",
        b"[]",
        b"not json",
        b'{"statusCode":200,"body":{"a":1}}',
        b'{"statusCode":"many"}',
        b'{"statusCode":99}',
        b'{"statusCode":200,"answer":1}',
        b'{"statusCode":200,"headers":["a"]}',
        b'{"statusCode":200,"headers":{"a b":"c"}}',
        b'{"errorMessage":"x"}',
    ],
)
def test_malformed_rest_responses(payload: bytes) -> None:
    with pytest.raises(MalformedResponseError):
        read_rest_api_response(payload)


@pytest.mark.parametrize(
    ("payload", "body"),
    [(b'"Hello from Lambda!"', b"Hello from Lambda!"), (b'{"message":"hi"}', b'{"message":"hi"}'), (b"[1]", b"[1]")],
)
def test_format_2_0_infers_a_response(payload: bytes, body: bytes) -> None:
    read = read_http_api_response_v2(payload)
    assert (read.status, read.headers, read.body) == (200, [("content-type", "application/json")], body)


def test_format_2_0_with_cookies() -> None:
    read = read_http_api_response_v2(
        b'{"statusCode":302,"headers":{"Location":"/x","Content-Length":"9"},"cookies":["a=1","b=2"]}'
    )
    assert read.status == 302
    assert read.headers == [
        ("content-type", "text/plain;charset=utf-8"),
        ("location", "/x"),
        ("set-cookie", "a=1"),
        ("set-cookie", "b=2"),
    ]


@pytest.mark.parametrize("payload", [b"not json", b'{"statusCode":200,"body":5}', b'{"statusCode":"x"}'])
def test_malformed_http_api_responses(payload: bytes) -> None:
    with pytest.raises(MalformedResponseError):
        read_http_api_response_v2(payload)
    with pytest.raises(MalformedResponseError):
        read_http_api_response_v1(payload)
