"""Every intrinsic function, by what a template's output comes to."""

from textwrap import indent
from typing import Any

import pytest
from tests.unit.stack.conftest import Evaluate

from terrella.stack import TemplateError
from terrella.stack.intrinsics import FUNCTIONS

HEAD = """
Parameters:
  Word: {Type: String, Default: hello}
  Count: {Type: Number, Default: 7}
  Zones: {Type: CommaDelimitedList, Default: "a, b ,c"}
  Empty: {Type: CommaDelimitedList, Default: ""}
Mappings:
  Sizes:
    us-west-2: {small: 1, list: [x, y]}
    eu-west-1: {small: 2}
Conditions:
  Here: !Equals [!Ref AWS::Region, us-west-2]
  There: !Not [!Condition Here]
  Both: !And [!Condition Here, !Condition There]
  Either: !Or [!Condition Here, !Condition There]
  Numbers: !Equals [!Ref Count, 7]
Resources:
  Function:
    Type: AWS::Lambda::Function
    Properties: {FunctionName: greeter, Handler: a.b, Runtime: python3.12, Role: r, Code: {ZipFile: "x = 1"}}
  Elsewhere:
    Type: AWS::Logs::LogGroup
    Condition: There
Outputs:
  X:
    Value:
"""


def value(stack_of: Evaluate, expression: str) -> Any:
    return stack_of(HEAD + indent(expression, "      "), "us-west-2").outputs["X"]


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("!Ref Word", "hello"),
        ("!Ref Count", "7"),
        ("!Ref Zones", ["a", "b", "c"]),
        ("!Ref Empty", []),
        ("!Ref Function", "greeter"),
        ("!Ref AWS::Region", "us-west-2"),
        ("!Ref AWS::AccountId", "000000000000"),
        ("!Ref AWS::StackName", "items"),
        ("!Ref AWS::Partition", "aws"),
        ("!Ref AWS::URLSuffix", "amazonaws.com"),
        ("!Ref AWS::NotificationARNs", []),
        ("{Ref: Word}", "hello"),
        ("!GetAtt Function.Arn", "arn:aws:lambda:us-west-2:000000000000:function:greeter"),
        ("!GetAtt [Function, Arn]", "arn:aws:lambda:us-west-2:000000000000:function:greeter"),
        ("Fn::GetAtt: Function.Arn", "arn:aws:lambda:us-west-2:000000000000:function:greeter"),
        ("!Sub '${Word} ${AWS::Region} ${Function} ${!Word} $ {x}'", "hello us-west-2 greeter ${Word} $ {x}"),
        ("!Sub '${Function.Arn}'", "arn:aws:lambda:us-west-2:000000000000:function:greeter"),
        ("!Sub ['${a}-${Word}-${n}', {a: !Ref Count, n: true}]", "7-hello-true"),
        ("!Join ['-', [a, !Ref Word, 3]]", "a-hello-3"),
        ("!Join ['', !Ref Zones]", "abc"),
        ("!Select [1, !Ref Zones]", "b"),
        ("!Select ['0', [x]]", "x"),
        ("!Split ['.', 'a.b.c']", ["a", "b", "c"]),
        ("!If [Here, yes it is, {Ref: Nonsense}]", "yes it is"),
        ("!If [There, [1], [2, !Ref AWS::NoValue, {a: !Ref AWS::NoValue, b: 1}]]", [2, {"b": 1}]),
        ("!If [Both, 1, 2]", 2),
        ("!If [Either, 1, 2]", 1),
        ("!If [Numbers, 1, 2]", 1),
        ("!FindInMap [Sizes, !Ref AWS::Region, small]", 1),
        ("!FindInMap [Sizes, us-west-2, list]", ["x", "y"]),
        ("!FindInMap [Sizes, nowhere, small, {DefaultValue: !Ref Word}]", "hello"),
        ("!Base64 {Ref: Word}", "aGVsbG8="),
        ("!GetAZs ''", ["us-west-2a", "us-west-2b", "us-west-2c"]),
        ("!Select [0, !GetAZs eu-west-1]", "eu-west-1a"),
        ("!Cidr [10.0.0.0/16, 2, 8]", ["10.0.0.0/24", "10.0.1.0/24"]),
        ("!Length [a, b]", 2),
        ("Fn::Length: !Ref Zones", 3),
        ("Fn::ToJsonString: {a: !Ref Word, b: [1, true]}", '{"a":"hello","b":[1,true]}'),
    ],
)
def test_value(stack_of: Evaluate, expression: str, expected: Any) -> None:
    assert value(stack_of, expression) == expected


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        ("!Ref Wrod", "Ref names Wrod, which is no parameter or resource; did you mean Word?"),
        ("!Ref [a]", "Ref takes the name of a parameter or resource; found ['a']"),
        ("!Ref Elsewhere", "Elsewhere, which is not made in us-west-2: its condition There does not hold there"),
        ("!GetAtt Function.Url", "Function (AWS::Lambda::Function) has no attribute Url; it has Arn"),
        ("!GetAtt Function", "Fn::GetAtt takes [resource, attribute]"),
        ("!Sub '${Nobody.Arn}'", "in ${Nobody.Arn}: Fn::GetAtt names Nobody"),
        ("!Sub '${Zones}'", "in ${Zones}: text is needed here; found a list"),
        ("!Sub [a]", "Fn::Sub takes text, or [text, variables]"),
        ("!Join [a, b]", "Fn::Join needs a list here; found b"),
        ("!Select [9, !Ref Zones]", "Fn::Select asks for number 9 of a list of 3"),
        ("!Split ['', abc]", "Fn::Split has an empty delimiter"),
        ("!If [Nowhere, 1, 2]", "there is no condition Nowhere"),
        ("!If [Here, 1]", "Fn::If takes [condition, value if it holds, value otherwise]"),
        ("!FindInMap [Sizes, nowhere, small]", "there is no Sizes / nowhere / small in the Mappings"),
        ("!ImportValue shared", "Fn::ImportValue asks for 'shared' of another stack"),
        ("Fn::Reverse: [a]", "Fn::Reverse is not built"),
        ("{Fn::Join: ['', []], b: 1}", "Fn::Join stands beside other keys"),
        ("[a, null]", "there is no value here; CloudFormation takes no null"),
    ],
)
def test_a_mistake_says_where_and_what(stack_of: Evaluate, expression: str, message: str) -> None:
    with pytest.raises(TemplateError) as raised:
        value(stack_of, expression)
    assert message in raised.value.message
    value_line = len(HEAD.strip().splitlines())
    assert raised.value.line in (value_line, value_line + 1)
    assert str(raised.value).startswith(f"{raised.value.file}:{raised.value.line}: ")


@pytest.mark.parametrize("name", FUNCTIONS)
def test_every_function_refuses_nonsense_clearly(stack_of: Evaluate, name: str) -> None:
    """A crash that is no ``TemplateError`` would escape here."""
    lines = []
    for nonsense in ("{a: {b: c}}", "[]", "[[[]], {}]", "true", "[a, b, c, d, e, f]", "''"):
        try:
            value(stack_of, f"{name}: {nonsense}")
        except TemplateError as error:
            lines.append(error.line)
    assert lines
    assert min(lines) > 1
