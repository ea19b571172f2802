"""HTTP/1.1 both ways: a server on httptools for everything that listens, a client over any ``Connection``."""

from terrella.wire.http.client import HttpClient, HttpError, SocketConnection, fetch
from terrella.wire.http.message import Handler, Headers, Request, Response, json_response
from terrella.wire.http.server import HttpServer

__all__ = [
    "Handler",
    "Headers",
    "HttpClient",
    "HttpError",
    "HttpServer",
    "Request",
    "Response",
    "SocketConnection",
    "fetch",
    "json_response",
]
