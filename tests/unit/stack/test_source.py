"""YAML and JSON to a tree and its lines."""

from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

from terrella.stack.errors import TemplateError
from terrella.stack.lines import line_at
from terrella.stack.source import parse

FILE = Path("template.yaml")


def tree(text: str) -> Any:
    return parse(dedent(text), FILE)[0]


def test_short_tags_become_long_functions() -> None:
    text = """
    a: !Ref X
    b: !GetAtt X.Y.Z
    c: !Sub "${X}"
    d: !If [C, !Ref X, !GetAtt [X, Y]]
    e: !Condition C
    """
    assert tree(text) == {
        "a": {"Ref": "X"},
        "b": {"Fn::GetAtt": ["X", "Y.Z"]},
        "c": {"Fn::Sub": "${X}"},
        "d": {"Fn::If": ["C", {"Ref": "X"}, {"Fn::GetAtt": ["X", "Y"]}]},
        "e": {"Condition": "C"},
    }


def test_scalars_are_what_cloudformation_takes_them_for() -> None:
    text = """
    version: 2012-10-17
    account: 012345670123
    octal: 0644
    number: 12
    fraction: 1.5
    yes: yes
    quoted: "12"
    200: status
    nothing:
    """
    assert tree(text) == {
        "version": "2012-10-17",
        "account": "012345670123",
        "octal": "0644",
        "number": 12,
        "fraction": 1.5,
        "yes": True,
        "quoted": "12",
        "200": "status",
        "nothing": None,
    }


def test_anchors_and_merges() -> None:
    text = """
    base: &base {a: 1, b: 2}
    more: {<<: *base, b: 3}
    again: *base
    """
    assert tree(text)["more"] == {"a": 1, "b": 3}
    assert tree(text)["again"] == {"a": 1, "b": 2}


def test_json_indented_by_tabs() -> None:
    assert tree('{\n\t"a": [1, {"Ref": "X"}]\n}') == {"a": [1, {"Ref": "X"}]}


def test_lines() -> None:
    _, lines = parse("a:\n  b:\n    - x\n    - c: !Sub |\n        text\n      d: 1\n", FILE)
    assert line_at(lines, ["a"]) == (1, 1)
    assert line_at(lines, ["a", "b", 0]) == (3, 3)
    assert line_at(lines, ["a", "b", 1, "d"]) == (6, 4)
    assert line_at(lines, ["a", "b", 1, "c", "Fn::Sub"]) == (4, 5)
    assert line_at(lines, ["a", "b", 7, "c"]) == (2, 2), "the nearest ancestor that is there"


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("", 1, "the file is empty"),
        ("a: 1\nb: [1,\nc: 2", 3, "this is not YAML"),
        ("a: 1\nb: 2\na: 3", 3, "the key a stands here twice, first on line 1"),
        ("a: 1\nb: !Nope x", 2, "the tag !Nope is unknown"),
        ("a: 1\nb: &x [*x]", 2, "an alias contains itself"),
        ("a: 1\nb: {<<: [1]}", 2, "<< merges mappings"),
        ("? [a]\n: 1", 1, "a key is text"),
        ("a: 1\n---\nb: 2", 2, "another document"),
    ],
)
def test_mistakes(text: str, line: int, message: str) -> None:
    with pytest.raises(TemplateError) as raised:
        parse(text, FILE)
    assert message in raised.value.message
    assert raised.value.line == line
