"""Which route takes a method and a path, told as tables."""

import pytest

from terrella.kernel import TerrellaError
from terrella.services.gateway.routes import RouteTable

ROUTES = [
    "GET /",
    "POST /items",
    "GET /items",
    "GET /items/{id}",
    "ANY /items/{id}/parts/{part}",
    "GET /items/latest",
    "ANY /files/{path+}",
    "GET /files/{path+}",
    "OPTIONS /{proxy+}",
    "GET /caf\u00e9",
]


def table(*keys: str, strict: bool = False) -> RouteTable[str]:
    routes = [("ANY", "$default", key) if key == "$default" else (*key.split(" "), key) for key in keys]
    return RouteTable(routes, strict=strict)  # type: ignore[arg-type] # split gives two, which mypy cannot know


@pytest.mark.parametrize(
    ("request_line", "route", "parameters"),
    [
        ("GET /", "GET /", None),
        ("GET /items", "GET /items", None),
        ("GET /items/", "GET /items", None),
        ("POST /items", "POST /items", None),
        ("GET /items/7", "GET /items/{id}", {"id": "7"}),
        ("GET /items/a%20b", "GET /items/{id}", {"id": "a%20b"}),
        ("GET /items/latest", "GET /items/latest", None),
        ("PATCH /items/7/parts/8", "ANY /items/{id}/parts/{part}", {"id": "7", "part": "8"}),
        ("GET /items/latest/parts/8", "ANY /items/{id}/parts/{part}", {"id": "latest", "part": "8"}),
        ("GET /files/a/b", "GET /files/{path+}", {"path": "a/b"}),
        ("PUT /files/a/b", "ANY /files/{path+}", {"path": "a/b"}),
        ("OPTIONS /items/7", "OPTIONS /{proxy+}", {"proxy": "items/7"}),
        ("GET /caf%C3%A9", "GET /caf\u00e9", None),
        ("DELETE /items", None, None),
        ("GET /files", None, None),
        ("GET /files/", None, None),
        ("GET /items/7/parts", None, None),
        ("GET //items", None, None),
        ("PUT /nowhere", None, None),
    ],
)
def test_rest_routes(request_line: str, route: str | None, parameters: dict[str, str] | None) -> None:
    match = table(*ROUTES).match(*request_line.split(" "))
    assert (match and match.target) == route
    if match:
        assert match.parameters == parameters


# The example of "Create routes for HTTP APIs in API Gateway".
GUIDE = ["GET /pets/dog/1", "GET /pets/dog/{id}", "GET /pets/{proxy+}", "ANY /{proxy+}", "$default"]


@pytest.mark.parametrize(
    ("routes", "request_line", "route"),
    [
        (GUIDE, "GET /pets/dog/1", "GET /pets/dog/1"),
        (GUIDE, "GET /pets/dog/2", "GET /pets/dog/{id}"),
        (GUIDE, "GET /pets/cat/1", "GET /pets/{proxy+}"),
        (GUIDE, "POST /test/5", "ANY /{proxy+}"),
        (GUIDE, "POST /pets/dog/1", "ANY /{proxy+}"),
        (GUIDE, "GET /", "$default"),
        (["GET /items"], "GET /items/", None),
        (["GET /items/"], "GET /items/", "GET /items/"),
        # A full match goes before a greedy one, however deep.
        (["GET /a/{proxy+}", "GET /{x}/b"], "GET /a/b", "GET /{x}/b"),
        (["GET /a/{proxy+}", "GET /{x}/b"], "GET /a/c", "GET /a/{proxy+}"),
        (["GET /items/{id}"], "GET /items/", None),
        ([], "GET /", None),
    ],
)
def test_http_api_routes(routes: list[str], request_line: str, route: str | None) -> None:
    match = table(*routes, strict=True).match(*request_line.split(" "))
    assert (match and match.target) == route


def test_a_greedy_parameter_stands_at_the_end() -> None:
    with pytest.raises(TerrellaError, match="only stand at the end"):
        table("GET /{proxy+}/x")
    with pytest.raises(TerrellaError, match="begin with a slash"):
        table("GET items")
