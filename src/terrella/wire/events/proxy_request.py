"""What API Gateway's Lambda proxy integrations hand to a function: payload formats 1.0 and 2.0.

After the API Gateway developer guide: "Lambda proxy integrations in API Gateway" (REST APIs) and "Create AWS Lambda
proxy integrations for HTTP APIs". What that leaves open follows what others observed of the real service:

- REST APIs pass paths and path parameters as they were sent, percent-encoding kept; HTTP APIs decode them.
- REST APIs keep the case of header names. Ours come in lower case, so they are written as HTTP/1.1 clients usually send
  them (``Content-Type``). HTTP APIs put them in lower case.
- In format 2.0 what is absent is left out; in format 1.0 it is null.
"""

import base64
import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any
from urllib.parse import parse_qsl, unquote

import msgspec

from terrella.wire.http import Headers

_encode = msgspec.json.Encoder().encode

_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")

# What API Gateway takes out of a request before an integration sees it.
_DROPPED = frozenset(
    {
        "connection",
        "content-length",
        "content-md5",
        "expect",
        "max-forwards",
        "proxy-authenticate",
        "server",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
        "www-authenticate",
    }
)
# HTTP APIs take everything else for binary and send it base64-encoded, forms included.
_TEXT_TYPES = frozenset(("application/json", "application/javascript", "application/xml"))


@dataclass(slots=True)
class ProxyExchange:
    """One HTTP request as it reached a stage of an API.

    ``path`` is what the event shows as its path and ``context_path`` what its request context shows (they differ by
    the stage; format 2.0 shows only the latter); both as sent, percent-encoding kept. ``route`` is the resource's path
    (``/items/{id}``), ``route_key`` an HTTP API's name of the route (``GET /items/{id}``), ``headers`` are those of the
    request with what the gateway added, ``binary`` says that the API takes this body's type for binary.
    """

    method: str
    path: str
    context_path: str
    query: str
    headers: Headers
    body: bytes
    source_ip: str
    user_agent: str
    domain_name: str
    account: str
    api_id: str
    stage: str
    stage_variables: Mapping[str, str] | None
    route: str
    route_key: str
    resource_id: str
    deployment_id: str
    path_parameters: dict[str, str] | None
    request_id: str
    extended_request_id: str
    time_ms: int
    binary: bool = False


@lru_cache(maxsize=64)
def _time_of_second(second: int) -> str:
    moment = time.gmtime(second)
    day = f"{moment.tm_mday:02}/{_MONTHS[moment.tm_mon - 1]}/{moment.tm_year:04}"
    return f"{day}:{moment.tm_hour:02}:{moment.tm_min:02}:{moment.tm_sec:02} +0000"


def request_time(time_ms: int) -> str:
    """A moment (milliseconds since 1970) as request contexts write it: ``04/Mar/2020:19:15:17 +0000``."""
    return _time_of_second(time_ms // 1000)


@lru_cache(maxsize=4096)
def _usual_case(name: str) -> str:
    return "-".join([part.capitalize() for part in name.split("-")])


def _query_pairs(query: str) -> list[tuple[str, str]]:
    return parse_qsl(query, keep_blank_values=True) if query else []


def _single_and_multi(pairs: list[tuple[str, str]]) -> tuple[dict[str, str] | None, dict[str, list[str]] | None]:
    if not pairs:
        return None, None
    multi: dict[str, list[str]] = {}
    for name, value in pairs:
        if name in multi:
            multi[name].append(value)
        else:
            multi[name] = [value]
    return dict(pairs), multi


def _body(exchange: ProxyExchange) -> tuple[str | None, bool]:
    if not exchange.body:
        return None, False
    if exchange.binary:
        return base64.b64encode(exchange.body).decode("ascii"), True
    # What is not UTF-8 and not declared binary arrives mangled on AWS, too.
    return exchange.body.decode("utf-8", "replace"), False


def _is_text(content_type: str) -> bool:
    media_type = content_type.partition(";")[0].strip().lower()
    return (
        not media_type
        or media_type in _TEXT_TYPES
        or media_type.startswith("text/")
        or media_type.endswith(("+json", "+xml"))
    )


def _http_api_body(exchange: ProxyExchange) -> tuple[str | None, bool]:
    if not exchange.body:
        return None, False
    content_type = next((value for name, value in exchange.headers if name == "content-type"), "")
    if _is_text(content_type):
        try:
            return exchange.body.decode("utf-8"), False
        except UnicodeDecodeError:
            pass
    return base64.b64encode(exchange.body).decode("ascii"), True


def _identity(exchange: ProxyExchange) -> dict[str, str | None]:
    return {
        "cognitoIdentityPoolId": None,
        "accountId": None,
        "cognitoIdentityId": None,
        "caller": None,
        "sourceIp": exchange.source_ip,
        "principalOrgId": None,
        "accessKey": None,
        "cognitoAuthenticationType": None,
        "cognitoAuthenticationProvider": None,
        "userArn": None,
        "userAgent": exchange.user_agent or None,
        "user": None,
    }


def _context_v1(exchange: ProxyExchange, path: str) -> dict[str, Any]:
    return {
        "resourceId": exchange.resource_id,
        "resourcePath": exchange.route,
        "httpMethod": exchange.method,
        "extendedRequestId": exchange.extended_request_id,
        "requestTime": request_time(exchange.time_ms),
        "path": path,
        "accountId": exchange.account,
        "protocol": "HTTP/1.1",
        "stage": exchange.stage,
        "domainPrefix": exchange.domain_name.partition(".")[0],
        "requestTimeEpoch": exchange.time_ms,
        "requestId": exchange.request_id,
        "identity": _identity(exchange),
        "domainName": exchange.domain_name,
        "deploymentId": exchange.deployment_id,
        "apiId": exchange.api_id,
    }


def rest_api_event(exchange: ProxyExchange) -> bytes:
    """The event of a REST API's Lambda proxy integration, as JSON."""
    headers, multi_headers = _single_and_multi(
        [(_usual_case(name), value) for name, value in exchange.headers if name not in _DROPPED]
    )
    query, multi_query = _single_and_multi(_query_pairs(exchange.query))
    body, is_base64 = _body(exchange)
    return _encode(
        {
            "resource": exchange.route,
            "path": exchange.path,
            "httpMethod": exchange.method,
            "headers": headers,
            "multiValueHeaders": multi_headers,
            "queryStringParameters": query,
            "multiValueQueryStringParameters": multi_query,
            "pathParameters": exchange.path_parameters,
            "stageVariables": exchange.stage_variables or None,
            "requestContext": _context_v1(exchange, exchange.context_path),
            "body": body,
            "isBase64Encoded": is_base64,
        }
    )


def http_api_event_v1(exchange: ProxyExchange) -> bytes:
    """The event of an HTTP API's Lambda proxy integration in payload format 1.0, as JSON."""
    headers, multi_headers = _single_and_multi([pair for pair in exchange.headers if pair[0] != "connection"])
    query, multi_query = _single_and_multi(_query_pairs(exchange.query))
    body, is_base64 = _http_api_body(exchange)
    context = _context_v1(exchange, unquote(exchange.path))
    # As the guide's sample has them: an HTTP API's 1.0 context knows neither resources nor deployments.
    context["resourceId"] = None
    del context["deploymentId"]
    context["authorizer"] = {"claims": None, "scopes": None}
    return _encode(
        {
            "version": "1.0",
            "resource": exchange.route,
            "path": unquote(exchange.path),
            "httpMethod": exchange.method,
            "headers": headers,
            "multiValueHeaders": multi_headers,
            "queryStringParameters": query,
            "multiValueQueryStringParameters": multi_query,
            "requestContext": context,
            "pathParameters": exchange.path_parameters,
            "stageVariables": exchange.stage_variables or None,
            "body": body,
            "isBase64Encoded": is_base64,
        }
    )


def _joined(pairs: list[tuple[str, str]]) -> dict[str, str]:
    joined: dict[str, str] = {}
    for name, value in pairs:
        joined[name] = f"{joined[name]},{value}" if name in joined else value
    return joined


def http_api_event_v2(exchange: ProxyExchange) -> bytes:
    """The event of an HTTP API's Lambda proxy integration in payload format 2.0, as JSON."""
    cookies = [
        cookie.strip() for name, value in exchange.headers if name == "cookie" for cookie in value.split(";") if cookie
    ]
    path = unquote(exchange.context_path)
    event: dict[str, Any] = {
        "version": "2.0",
        "routeKey": exchange.route_key,
        "rawPath": path,
        "rawQueryString": exchange.query,
    }
    if cookies:
        event["cookies"] = cookies
    event["headers"] = _joined([pair for pair in exchange.headers if pair[0] not in ("cookie", "connection")])
    if exchange.query:
        event["queryStringParameters"] = _joined(_query_pairs(exchange.query))
    event["requestContext"] = {
        "accountId": exchange.account,
        "apiId": exchange.api_id,
        "domainName": exchange.domain_name,
        "domainPrefix": exchange.domain_name.partition(".")[0],
        "http": {
            "method": exchange.method,
            "path": path,
            "protocol": "HTTP/1.1",
            "sourceIp": exchange.source_ip,
            "userAgent": exchange.user_agent,
        },
        "requestId": exchange.extended_request_id,
        "routeKey": exchange.route_key,
        "stage": exchange.stage,
        "time": request_time(exchange.time_ms),
        "timeEpoch": exchange.time_ms,
    }
    if exchange.path_parameters:
        event["pathParameters"] = exchange.path_parameters
    if exchange.stage_variables:
        event["stageVariables"] = exchange.stage_variables
    body, is_base64 = _http_api_body(exchange)
    if body is not None:
        event["body"] = body
    event["isBase64Encoded"] = is_base64
    return _encode(event)
