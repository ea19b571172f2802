"""The events that AWS services hand to functions, and what functions answer them with; pure building and reading."""

from terrella.wire.events.proxy_request import (
    ProxyExchange,
    http_api_event_v1,
    http_api_event_v2,
    request_time,
    rest_api_event,
)
from terrella.wire.events.proxy_response import (
    MalformedResponseError,
    ProxyResponse,
    read_http_api_response_v1,
    read_http_api_response_v2,
    read_rest_api_response,
)

__all__ = [
    "MalformedResponseError",
    "ProxyExchange",
    "ProxyResponse",
    "http_api_event_v1",
    "http_api_event_v2",
    "read_http_api_response_v1",
    "read_http_api_response_v2",
    "read_rest_api_response",
    "request_time",
    "rest_api_event",
]
