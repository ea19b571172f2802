"""REST-JSON by Lambda's model: where parameters travel, what is judged, how answers and errors look."""

import re
from typing import Any

import msgspec
import pytest

from terrella.kernel import AwsError
from terrella.wire.aws import constraints
from terrella.wire.aws.rest_json import RestJsonService
from terrella.wire.http import Request

LAMBDA = RestJsonService("lambda")


def read(method: str, target: str, body: Any = b"", **headers: str) -> tuple[str, dict[str, Any]]:
    sent = body if isinstance(body, bytes) else msgspec.json.encode(body)
    named = [(name.replace("_", "-"), value) for name, value in headers.items()]
    return LAMBDA.read(Request(method, target, named, sent))


def test_every_operation_is_found_by_its_own_path() -> None:
    model = LAMBDA._operations
    for name, operation in model.items():
        target = re.sub(r"\{\w+\+?\}", "some-thing", operation["http"]["requestUri"])
        found, _ = LAMBDA.route(Request(operation["http"]["method"], target, []))
        assert found == name


def test_every_pattern_of_the_model_compiles() -> None:
    for shape in LAMBDA._shapes.values():
        constraints._pattern(shape.get("pattern", ""))


def test_parameters_come_from_path_query_headers_and_body() -> None:
    assert read("GET", "/2015-03-31/functions/?MaxItems=3&Marker=a%20b") == (
        "ListFunctions",
        {"MaxItems": 3, "Marker": "a b"},
    )
    assert read(
        "POST", "/2015-03-31/functions/f%3A%24LATEST/invocations", b"\x00raw", x_amz_invocation_type="Event"
    ) == ("Invoke", {"FunctionName": "f:$LATEST", "InvocationType": "Event", "Payload": b"\x00raw"})
    body = {"ZipFile": "aGk=", "DryRun": True, "unknown": 1, "S3Key": None}
    assert read("PUT", "/2015-03-31/functions/f/code", body) == (
        "UpdateFunctionCode",
        {"FunctionName": "f", "ZipFile": b"hi", "DryRun": True},
    )


@pytest.mark.parametrize(
    ("body", "code", "words"),
    [
        ({"Timeout": "x"}, "SerializationException", "str cannot be converted to integer"),
        ({"Timeout": True}, "SerializationException", "bool cannot be converted to integer"),
        (b"{", "SerializationException", "the request's body is not JSON"),
        ([], "SerializationException", "Unexpected field type"),
        (
            {"Timeout": 0},
            "ValidationException",
            "Value '0' at 'timeout' failed to satisfy constraint: Member must have value greater than or equal to 1",
        ),
        (
            {"Runtime": "cobol"},
            "ValidationException",
            "at 'runtime' failed to satisfy constraint: Member must satisfy enum",
        ),
        ({"Handler": "a b"}, "ValidationException", "must satisfy regular expression pattern: [^\\s]+"),
        ({"Environment": {"Variables": {"1": "x"}}}, "ValidationException", "'***' at 'environment.variables'"),
    ],
)
def test_requests_are_judged_by_the_model(body: Any, code: str, words: str) -> None:
    with pytest.raises(AwsError) as caught:
        read("PUT", "/2015-03-31/functions/f/configuration", body)
    assert caught.value.code == code
    assert words in caught.value.message


def test_missing_parameters_and_unknown_paths() -> None:
    with pytest.raises(AwsError, match="Value null at 'role' failed to satisfy constraint: Member must not be null"):
        read("POST", "/2015-03-31/functions", {"FunctionName": "f", "Code": {}})
    with pytest.raises(AwsError) as caught:
        read("PATCH", "/2015-03-31/functions")
    assert (caught.value.code, caught.value.status) == ("UnknownOperationException", 404)


def test_answers() -> None:
    result = {"StatusCode": 202, "FunctionError": "Unhandled", "LogResult": None, "Payload": b"{}"}
    answer = LAMBDA.respond("Invoke", result, "id")
    assert (answer.status, answer.body) == (202, b"{}")
    assert answer.header("x-amz-function-error") == "Unhandled"
    assert answer.header("x-amzn-requestid") == "id"
    answer = LAMBDA.respond("GetFunctionConcurrency", {"ReservedConcurrentExecutions": None}, "id")
    assert (answer.status, answer.body) == (200, b"{}")
    assert LAMBDA.respond("DeleteFunctionConcurrency", {}, "id").status == 204


def test_errors_are_shaped_by_the_model() -> None:
    error = AwsError("TooManyRequestsException", "slow down", fields={"Reason": "X", "retryAfterSeconds": "1"})
    answer = LAMBDA.respond_error(error, "id")
    assert (answer.status, answer.header("x-amzn-errortype")) == (429, "TooManyRequestsException")
    assert answer.header("retry-after") == "1"
    assert isinstance(answer.body, bytes)
    assert msgspec.json.decode(answer.body) == {"message": "slow down", "Reason": "X", "Type": "User"}
    answer = LAMBDA.respond_error(AwsError("ServiceException", "m"), "id")
    assert isinstance(answer.body, bytes)
    assert (answer.status, msgspec.json.decode(answer.body)) == (500, {"Message": "m", "Type": "Service"})
