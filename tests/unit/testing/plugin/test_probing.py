"""Where a health check's endpoint is, by what a status tells of it."""

import pytest

from terrella.testing.plugin.probing import Endpoint, endpoint_of, expectations

ADDRESSES = {"us-east-1": "127.9.1.1", "eu-west-1": "127.9.2.1"}
HOST = "5lv9oe8p0c.execute-api.eu-west-1.amazonaws.com"


@pytest.mark.parametrize(
    ("told", "endpoint"),
    [
        (f"https://{HOST}:443/prod/health", Endpoint("eu-west-1", 8080, HOST, "/prod/health")),
        (f"http://{HOST}/health?deep=1", Endpoint("eu-west-1", 8080, HOST, "/health?deep=1")),
        ("http://127.9.1.1:9000/", Endpoint("us-east-1", 9000, "127.9.1.1", "/")),
        ("http://items.example.com/health", None),
        ("http://5lv9oe8p0c.execute-api.ap-south-1.amazonaws.com/health", None),
        ("tcp://127.9.1.1:9000", None),
        ("at least 1 of 2 checks", None),
    ],
)
def test_an_endpoint_that_one_request_can_judge(told: str, endpoint: Endpoint | None) -> None:
    assert endpoint_of(told, ADDRESSES, 8080) == endpoint


def test_nobody_answers_in_a_region_that_is_down() -> None:
    checks = {"one": {"endpoint": f"https://{HOST}/health"}, "two": {"endpoint": "at least 1 of 2 checks"}}
    status = {"regions": [{"state": "serving", "health": checks}, {"state": "held-down"}]}
    assert expectations(status, ADDRESSES, 8080, ["eu-west-1"]) == {"one": False, "two": None}
