"""What health checkers have to find: their endpoints, asked as they would ask."""

from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from typing import Any
from urllib.parse import urlsplit

_PATIENCE_S = 10.0
"""A cold start may take that long on a machine that has much to do."""
_WEB_PORTS = (None, 80, 443)


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where a check's probes go, in which region."""

    region: str
    port: int
    host: str
    path: str


def endpoint_of(told: str, addresses: Mapping[str, str], application_port: int) -> Endpoint | None:
    """The endpoint of a check as a status tells it (a URL, or what is calculated).

    None where one request cannot tell what checkers will find: calculated checks, bare TCP, names that lead to
    whichever region is healthy.
    """
    url = urlsplit(told)
    if url.scheme not in ("http", "https") or not url.hostname:
        return None
    words = url.hostname.split(".")
    regions = {address: name for name, address in addresses.items()}
    region = words[2] if words[1:2] == ["execute-api"] and len(words) > 3 else regions.get(url.hostname)
    if region is None or region not in addresses:
        return None
    port = application_port if url.port in _WEB_PORTS else url.port
    assert port is not None
    path = (url.path or "/") + (f"?{url.query}" if url.query else "")
    return Endpoint(region, port, url.hostname, path)


def ask(endpoint: Endpoint, address: str) -> bool:
    """One request; whether the answer is what Route 53 calls healthy."""
    with closing(HTTPConnection(address, endpoint.port, timeout=_PATIENCE_S)) as connection:
        try:
            connection.request("GET", endpoint.path, headers={"host": endpoint.host})
            answer = connection.getresponse()
            answer.read()
        except (OSError, HTTPException):
            return False
        return 200 <= answer.status <= 399


def expectations(
    status: Mapping[str, Any], addresses: Mapping[str, str], application_port: int, down: Iterable[str]
) -> dict[str, bool | None]:
    """By health check, whether checkers will find it healthy; None where that cannot be told.

    Nobody in the regions that are ``down`` answers; the others are asked, all at once.
    """
    told = {
        check_id: str(verdict["endpoint"])
        for region in status["regions"]
        if region["state"] == "serving"
        for check_id, verdict in region.get("health", {}).items()
    }
    endpoints = {check_id: endpoint_of(url, addresses, application_port) for check_id, url in told.items()}
    silent = set(down)
    asked = {one for one in endpoints.values() if one is not None and one.region not in silent}
    with ThreadPoolExecutor(max(1, len(asked))) as threads:
        answers = dict(zip(asked, threads.map(lambda one: ask(one, addresses[one.region]), asked), strict=True))
    return {check_id: None if one is None else answers.get(one, False) for check_id, one in endpoints.items()}
