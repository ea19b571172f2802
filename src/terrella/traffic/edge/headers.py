"""What a proxy passes on. Pure."""

from terrella.wire.http import Headers, Request, Response

VIA = "1.1 terrella"
REGION_HEADER = "x-terrella-region"
_HOP_BY_HOP = frozenset(
    {"connection", "keep-alive", "proxy-authenticate", "proxy-authorization", "proxy-connection"}
    | {"te", "trailer", "transfer-encoding", "upgrade", "expect"}
)


def forwarded(request: Request, host: str | None) -> Request:
    """The request as a region gets it; ``host`` replaces the Host header that came."""
    asked_host = request.header("host")
    dropped = _hop_by_hop(request.headers) | {"host", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "via"}
    earlier = request.header("x-forwarded-for")
    headers: Headers = [("host", host or asked_host)]
    headers += [(name, value) for name, value in request.headers if name not in dropped]
    headers += [
        ("x-forwarded-for", f"{earlier}, {request.peer}" if earlier else request.peer),
        ("x-forwarded-host", request.header("x-forwarded-host") or asked_host),
        ("x-forwarded-proto", request.header("x-forwarded-proto") or "http"),
        ("via", _appended(request.header("via"))),
    ]
    return Request(request.method, request.target, headers, request.body, request.peer)


def returned(response: Response, region: str) -> Response:
    """The response as the client gets it, with the region that gave it."""
    dropped = _hop_by_hop(response.headers) | {"via"}
    headers = [(name, value) for name, value in response.headers if name not in dropped]
    headers += [("via", _appended(response.header("via"))), (REGION_HEADER, region)]
    return Response(response.status, headers, response.body)


def _hop_by_hop(headers: Headers) -> set[str]:
    """Headers that concern one connection only, those named by ``Connection`` included (RFC 9110, 7.6.1)."""
    named = {part.strip().lower() for name, value in headers if name == "connection" for part in value.split(",")}
    return named | _HOP_BY_HOP


def _appended(via: str) -> str:
    return f"{via}, {VIA}" if via else VIA
