"""The JSON protocol: the quick judgement and the slow one agree, and errors are worded as AWS words them."""

from typing import Any

import msgspec
import pytest
from hypothesis import event, given
from hypothesis import strategies as st

from terrella.kernel import AwsError
from terrella.wire.aws import JsonRules, JsonService, load_service_model
from terrella.wire.aws.shapes import compile_fits

SERVICE = JsonService("dynamodb", JsonRules("com.amazonaws.dynamodb.v20120810"))
MODEL = load_service_model("dynamodb")


def operation(name: str) -> Any:
    found = SERVICE.operation(f"DynamoDB_20120810.{name}")
    assert found is not None
    return found


def test_operations_are_found_by_target_only() -> None:
    assert SERVICE.operation("DynamoDB_20120810.GetItem") is operation("GetItem")
    for target in ("", "GetItem", "DynamoDB_20120810.Nothing", "DynamoDBStreams_20120810.GetItem"):
        assert SERVICE.operation(target) is None


members = st.sampled_from(["TableName", "Limit", "ConsistentRead", "Select", "ExclusiveStartKey", "Segment", "Other"])
leaves = st.one_of(
    st.none(), st.booleans(), st.integers(-2, 10**6), st.text(max_size=3), st.sampled_from(["COUNT", "tab"])
)
contents = st.one_of(leaves, st.lists(leaves, max_size=2), st.dictionaries(st.sampled_from("SNBL"), leaves, max_size=2))


@given(st.dictionaries(members, contents | st.dictionaries(st.text(max_size=2), contents, max_size=2)))
def test_what_the_quick_judge_accepts_the_slow_one_leaves_as_it_is(params: dict[str, Any]) -> None:
    if compile_fits(MODEL, "ScanInput", frozenset())(params):
        assert operation("Scan").explain(params) == params


@given(st.dictionaries(members, contents))
def test_what_the_slow_judge_cleans_the_quick_one_accepts(params: dict[str, Any]) -> None:
    try:
        cleaned = operation("Scan").explain(params)
    except AwsError as error:
        event(error.code)
    else:
        assert operation("Scan").read(msgspec.json.encode(cleaned)) == cleaned


@pytest.mark.parametrize(
    ("name", "params", "message"),
    [
        ("GetItem", {"TableName": 1}, "NUMBER_VALUE cannot be converted to String"),
        ("GetItem", {"TableName": 1.5}, "DECIMAL_VALUE cannot be converted to String"),
        ("GetItem", {"TableName": True}, "TRUE_VALUE cannot be converted to String"),
        ("GetItem", {"TableName": []}, "Unrecognized collection type class java.lang.String"),
        ("GetItem", {"TableName": {}}, "Start of structure or map found where not expected"),
        ("GetItem", {"Key": "x"}, "Unexpected field type"),
        (
            "GetItem",
            {"Key": []},
            (
                "Unrecognized collection type java.util.Map<java.lang.String, "
                "com.amazonaws.dynamodb.v20120810.AttributeValue>"
            ),
        ),
        ("GetItem", {"Key": {"a": "x"}}, "Unexpected value type in payload"),
        ("GetItem", {"Key": {"a": {"BOOL": "maybe"}}}, "Unexpected token received from parser"),
        ("GetItem", {"Key": {"a": {"B": 1}}}, "only base-64-encoded strings are convertible to bytes"),
        ("GetItem", {"Key": {"a": {"B": "AB=="}}}, "Invalid last non-pad Base64 character dectected"),
        ("Scan", {"Limit": "1"}, "STRING_VALUE cannot be converted to Integer"),
    ],
)
def test_wrong_json_types(name: str, params: dict[str, Any], message: str) -> None:
    with pytest.raises(AwsError) as caught:
        operation(name).read(msgspec.json.encode(params))
    assert (caught.value.code, caught.value.message) == ("SerializationException", message)


def test_every_violation_is_told_at_once_and_at_most_ten() -> None:
    params = {"TableName": "t", "AttributeDefinitions": [{"AttributeType": "X"}] * 8, "KeySchema": []}
    with pytest.raises(AwsError) as caught:
        operation("CreateTable").explain(params)
    assert caught.value.message.startswith(
        "10 validation errors detected: Value null at 'attributeDefinitions.1.member."
    )


def test_every_operation_of_the_model_compiles() -> None:
    for name in MODEL.operation_names:
        operation(name)
