"""Parameter values, as CloudFormation checks them."""

from typing import Any

import pytest
from tests.unit.stack.conftest import Evaluate

from terrella.stack import TemplateError
from terrella.stack.errors import Mistake
from terrella.stack.parameters import parameter_values


def values(declarations: dict[str, Any], **given: Any) -> dict[str, Any]:
    return parameter_values({"Parameters": declarations}, given)


def test_defaults_and_given_values() -> None:
    declared = {
        "Text": {"Type": "String", "Default": "a"},
        "Number": {"Type": "Number", "Default": 1.5},
        "Flag": {"Type": "String", "Default": True},
        "List": {"Type": "List<Number>", "Default": "1, 2"},
        "Image": {"Type": "AWS::SSM::Parameter::Value<AWS::EC2::Image::Id>", "Default": "/aws/image"},
        "Names": {"Type": "AWS::SSM::Parameter::Value<List<String>>", "Default": "/names"},
    }
    assert values(declared, Text="b", List=[3, 4]) == {
        "Text": "b",
        "Number": "1.5",
        "Flag": "true",
        "List": ["3", "4"],
        "Image": "/aws/image",
        "Names": ["/names"],
    }


@pytest.mark.parametrize(
    ("declaration", "given", "message"),
    [
        ({"Type": "String"}, None, "the parameter P has no value: the template gives no Default"),
        ({"Type": "Strin"}, "a", "the parameter P has the unknown Type Strin"),
        ({}, "a", "the parameter P has no Type"),
        ({"Type": "Number"}, "ten", "has the value 'ten'; expected a number"),
        ({"Type": "Number", "MinValue": 1}, 0, "expected at least 1"),
        ({"Type": "Number", "MaxValue": 9}, 10, "expected at most 9"),
        ({"Type": "String", "MinLength": 2}, "a", "expected at least 2 characters"),
        ({"Type": "String", "MaxLength": "2"}, "abc", "expected at most 2 characters"),
        ({"Type": "String", "MaxLength": "two"}, "abc", "MaxLength is 'two'; expected a number"),
        ({"Type": "String", "AllowedValues": ["a", 1]}, "b", "expected one of a, 1"),
        ({"Type": "String", "AllowedPattern": "[a-z]+"}, "B", "expected text that matches [a-z]+"),
        (
            {"Type": "String", "AllowedPattern": "[a-z]+", "ConstraintDescription": "small letters"},
            "B",
            "(small letters)",
        ),
        ({"Type": "CommaDelimitedList", "AllowedValues": ["a", "b"]}, "a,c", "has the value 'c'"),
        ({"Type": "String"}, {"a": 1}, "has a mapping as its value"),
    ],
)
def test_a_value_that_does_not_fit(declaration: dict[str, Any], given: Any, message: str) -> None:
    with pytest.raises(Mistake) as raised:
        values({"P": declaration}, **({} if given is None else {"P": given}))
    assert message in raised.value.message
    assert raised.value.path[:2] == ("Parameters", "P")


def test_a_value_for_a_parameter_that_is_not_there() -> None:
    with pytest.raises(
        Mistake, match=r"parameter Gretting, which the template does not declare; did you mean Greeting\?"
    ):
        values({"Greeting": {"Type": "String", "Default": "a"}}, Gretting="hello")


def test_the_line_of_the_constraint_is_named(stack_of: Evaluate) -> None:
    text = """
    Parameters:
      Size:
        Type: Number
        MaxValue: 3
    Resources:
      Log: {Type: AWS::Logs::LogGroup}
    """
    with pytest.raises(TemplateError) as raised:
        stack_of(text, Size=4)
    assert str(raised.value).endswith("template.yaml:4: the parameter Size has the value '4'; expected at most 3")
