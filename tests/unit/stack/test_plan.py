"""From one stack to the next."""

import pytest
from tests.unit.stack.conftest import Evaluate

from terrella.stack import Action, Instruction, plan

BEFORE = """
Resources:
  T:
    Type: AWS::DynamoDB::Table
    Properties:
      AttributeDefinitions: [{AttributeName: id, AttributeType: S}]
      KeySchema: [{AttributeName: id, KeyType: HASH}]
  F:
    Type: AWS::Lambda::Function
    Properties:
      {Handler: a.b, Runtime: python3.12, Code: {ZipFile: x}, Environment: {Variables: {T: !Ref T}}, Timeout: 3}
  L:
    Type: AWS::Logs::LogGroup
    Properties: {LogGroupName: !Sub "/aws/lambda/${F}"}
"""


def shown(steps: list[Instruction]) -> list[str]:
    return [f"{step.action} {step.logical_id}: {step.why}{' (replaces it)' if step.replaces else ''}" for step in steps]


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (("", ""), []),
        (("Timeout: 3", "Timeout: 4"), ["update F: Timeout changed"]),
        (("ZipFile: x", "ZipFile: y"), ["update F: Code changed"]),
        (
            ("Handler: a.b, Runtime: python3.12", "Handler: c.d, Runtime: python3.13"),
            ["update F: Handler, Runtime changed"],
        ),
        (
            ("AttributeName: id", "AttributeName: key"),
            ["update T: AttributeDefinitions, KeySchema changed (replaces it)"],
        ),
        (
            ("{Handler", "{FunctionName: f, Handler"),
            ["update F: FunctionName changed (replaces it)", "update L: LogGroupName changed (replaces it)"],
        ),
        (("  L:", "  M:"), ["create M: it is new", "delete L: it is gone"]),
        (
            ("Type: AWS::Logs::LogGroup", "Type: AWS::CloudWatch::Dashboard"),
            ["create L: it is new", "delete L: it is now AWS::CloudWatch::Dashboard"],
        ),
    ],
)
def test_a_change(stack_of: Evaluate, change: tuple[str, str], expected: list[str]) -> None:
    current, desired = stack_of(BEFORE), stack_of(BEFORE.replace(*change))
    assert shown(plan(current, desired)) == expected


def test_a_first_start_creates_in_the_order_of_references(stack_of: Evaluate) -> None:
    assert shown(plan(None, stack_of(BEFORE))) == ["create T: it is new", "create F: it is new", "create L: it is new"]


def test_deletions_come_last_and_backwards(stack_of: Evaluate) -> None:
    steps = plan(stack_of(BEFORE), stack_of("Resources:\n  X: {Type: AWS::Logs::LogGroup}"))
    assert [(step.action, step.logical_id) for step in steps] == [
        (Action.CREATE, "X"),
        (Action.DELETE, "L"),
        (Action.DELETE, "F"),
        (Action.DELETE, "T"),
    ]


def test_a_retained_resource_stays(stack_of: Evaluate) -> None:
    kept = BEFORE.replace("Type: AWS::DynamoDB::Table", "Type: AWS::DynamoDB::Table\n    DeletionPolicy: Retain")
    steps = plan(stack_of(kept), stack_of("Resources:\n  X: {Type: AWS::Logs::LogGroup}"))
    assert steps[-1].action is Action.RETAIN


def test_an_update_knows_both_sides(stack_of: Evaluate) -> None:
    (step,) = plan(stack_of(BEFORE), stack_of(BEFORE.replace("Timeout: 3", "Timeout: 4")))
    assert step.before is not None
    assert (step.before.properties["Timeout"], step.resource.properties["Timeout"]) == (3, 4)
    assert step.changed == ("Timeout",)
