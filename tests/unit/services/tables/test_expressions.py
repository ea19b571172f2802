"""The four little languages: what they mean, and how AWS words what is wrong with them."""

import contextlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from terrella.kernel import AwsError
from terrella.services.tables.expressions import (
    Substitutions,
    apply_update,
    bind_condition,
    bind_projection,
    bind_update,
    key_conditions,
    matches,
    parse_condition,
    parse_projection,
    parse_update,
    project,
)

ITEM: dict[str, Any] = {
    "id": {"S": "a"},
    "n": {"N": "5"},
    "big": {"N": "10"},
    "word": {"S": "hello"},
    "octets": {"B": "AAEC"},
    "yes": {"BOOL": True},
    "nil": {"NULL": True},
    "tags": {"SS": ["x", "y"]},
    "nums": {"NS": ["1", "2"]},
    "seq": {"L": [{"S": "zero"}, {"N": "1"}, {"M": {"deepest": {"S": "deep"}}}]},
    "doc": {"M": {"k": {"N": "7"}, "core": {"M": {"z": {"S": "end"}}}}},
}
NAMES = {"#n": "n", "#m": "doc", "#k": "k"}
VALUES: dict[str, Any] = {
    ":five": {"N": "5"},
    ":six": {"N": "6"},
    ":ten": {"N": "10"},
    ":a": {"S": "a"},
    ":he": {"S": "he"},
    ":ll": {"S": "ll"},
    ":x": {"S": "x"},
    ":one": {"N": "1"},
    ":sset": {"SS": ["y", "x"]},
    ":S": {"S": "S"},
    ":zero": {"S": "zero"},
    ":raw": {"B": "AAE="},
    ":true": {"BOOL": True},
    ":deep": {"M": {"deepest": {"S": "deep"}}},
}


def given_all() -> Substitutions:
    return Substitutions(dict(NAMES), {key: dict(value) for key, value in VALUES.items()})


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("n = :five", True),
        ("#n <> :five", False),
        ("absent <> :five", True),
        ("absent = :five", False),
        ("NOT absent = :five", True),
        ("n < :six AND big >= :ten", True),
        ("n > :six or word = :a", False),
        ("n BETWEEN :one AND :six", True),
        ("NOT n BETWEEN :one AND :six", False),
        ("n IN (:one, :five)", True),
        ("n in (:one, :six)", False),
        ("attribute_exists(doc.core.z)", True),
        ("attribute_exists(#m.#k.z)", False),
        ("attribute_not_exists(seq[3])", True),
        ("seq[0] = :zero", True),
        ("seq[2].deepest = :a", False),
        ("contains(seq, :deep)", True),
        ("contains(word, :ll)", True),
        ("contains(tags, :x)", True),
        ("contains(nums, :one)", True),
        ("contains(seq, :zero)", True),
        ("contains(octets, :raw)", True),
        ("begins_with(word, :he)", True),
        ("begins_with(octets, :raw)", True),
        ("begins_with(n, :he)", False),
        ("attribute_type(word, :S)", True),
        ("size(word) = :five", True),
        ("size(seq) < :five", True),
        ("size(octets) > :one", True),
        ("size(tags) > :one AND size(doc) > :one", True),
        ("size(n) > :one", False),
        ("tags = :sset", True),
        ("yes = :true", True),
        ("word < :five", False),
        ("(n = :five) AND (big = :ten OR n = :ten)", True),
        ("(n = :five AND (NOT (big = :five)))", True),
        ("(n) = (:five)", True),
        ("(size(word)) >= :five", True),
        ("n = :five OR n = :ten AND big = :five", True),
    ],
)
def test_conditions(expression: str, expected: bool) -> None:
    assert matches(bind_condition(parse_condition(expression), given_all()), ITEM) is expected


@pytest.mark.parametrize(
    ("expression", "complaint"),
    [
        ("", "The expression can not be empty;"),
        ("a = = :five", 'Syntax error; token: "=", near: "= = :five"'),
        ("a =", 'Syntax error; token: "<EOF>", near: "="'),
        ("!a", 'Syntax error; token: "!", near: "!a"'),
        ("n = :five n", 'Syntax error; token: "n", near: ":five n"'),
        ("foo(n)", "Invalid function name; function: foo"),
        ("size(n)", "The function is not allowed to be used this way in an expression; function: size"),
        (
            "contains(n, :x) = :x",
            "The function is not allowed to be used this way in an expression; function: contains",
        ),
        ("((n = :five))", "The expression has redundant parentheses;"),
        ("status = :five", "Attribute name is a reserved keyword; reserved keyword: status"),
        (
            "#zz = :five",
            "An expression attribute name used in the document path is not defined; attribute name: #zz",
        ),
        (
            "n = :zz",
            "An expression attribute value used in expression is not defined; attribute value: :zz",
        ),
        (
            "contains(n)",
            (
                "Incorrect number of operands for operator or function; operator or function: contains, "
                "number of operands: 1"
            ),
        ),
        (
            "attribute_exists(:a)",
            "Operator or function requires a document path; operator or function: attribute_exists",
        ),
        (
            "begins_with(n, :five)",
            "Incorrect operand type for operator or function; operator or function: begins_with, operand type: N",
        ),
        (
            "attribute_type(n, :a)",
            "Invalid attribute type name found; type: a, valid types: {B,NULL,SS,BOOL,L,BS,N,NS,S,M}",
        ),
        (
            "n = n",
            (
                "The first operand must be distinct from the remaining operands for this operator or function; "
                "operator: =, first operand: [n]"
            ),
        ),
        (
            "n BETWEEN :six AND :five",
            (
                "The BETWEEN operator requires upper bound to be greater than or equal to lower bound; "
                "lower bound operand: AttributeValue: {N:6}, upper bound operand: AttributeValue: {N:5}"
            ),
        ),
        ("NOT " * 400 + "n = :five", "The expression contains too many operators; operator count: 301"),
        ("(" * 60 + "n = :five" + ")" * 60, "The expression is nested more than 50 levels deep"),
    ],
)
def test_conditions_that_are_wrong(expression: str, complaint: str) -> None:
    with pytest.raises(AwsError) as caught:
        bind_condition(parse_condition(expression), given_all())
    assert caught.value.message == complaint


def update(expression: str, item: dict[str, Any] = ITEM) -> dict[str, Any]:
    return apply_update(bind_update(parse_update(expression), given_all()), item)


@pytest.mark.parametrize(
    ("expression", "changes"),
    [
        ("SET n = :six", {"n": {"N": "6"}}),
        ("SET n = n + :one, big = big - n", {"n": {"N": "6"}, "big": {"N": "5"}}),
        ("SET n = big, big = n", {"n": {"N": "10"}, "big": {"N": "5"}}),
        ("SET fresh = if_not_exists(fresh, :one) + :one", {"fresh": {"N": "2"}}),
        ("SET n = if_not_exists(n, :ten)", {}),
        ("SET nums2 = nums REMOVE nums", {"nums2": {"NS": ["1", "2"]}, "nums": None}),
        ("SET #m.#k = :a", {"doc": {"M": {"k": {"S": "a"}, "core": {"M": {"z": {"S": "end"}}}}}}),
        ("REMOVE doc.core.z, doc.nothing", {"doc": {"M": {"k": {"N": "7"}, "core": {"M": {}}}}}),
        ("REMOVE seq[0], seq[2]", {"seq": {"L": [{"N": "1"}]}}),
        ("SET seq[1] = :a REMOVE seq[0]", {"seq": {"L": [{"S": "a"}, ITEM["seq"]["L"][2]]}}),
        ("SET seq[9] = :a, seq[7] = :x", {"seq": {"L": [*ITEM["seq"]["L"], {"S": "x"}, {"S": "a"}]}}),
        ("REMOVE seq[9], nothing", {}),
        ("SET seq[2].deepest = :x", {"seq": {"L": [*ITEM["seq"]["L"][:2], {"M": {"deepest": {"S": "x"}}}]}}),
        ("ADD n :one, tally :five", {"n": {"N": "6"}, "tally": {"N": "5"}}),
        ("ADD tags :sset", {}),
        ("DELETE tags :sset", {"tags": None}),
        ("DELETE nothing :sset", {}),
        ("set n=:one remove word add big :one", {"n": {"N": "1"}, "word": None, "big": {"N": "11"}}),
        ("SET n = (n + :one)", {"n": {"N": "6"}}),
    ],
)
def test_updates(expression: str, changes: dict[str, Any]) -> None:
    expected = {**ITEM, **changes}
    assert update(expression) == {name: value for name, value in expected.items() if value is not None}
    assert ITEM["seq"]["L"][0] == {"S": "zero"}, "the item as it was is left alone"


def test_list_append_joins_both_ways() -> None:
    given = Substitutions(None, {":l": {"L": [{"S": "new"}]}})
    actions = bind_update(parse_update("SET a = list_append(seq, :l), b = list_append(:l, seq)"), given)
    changed = apply_update(actions, ITEM)
    assert changed["a"] == {"L": [*ITEM["seq"]["L"], {"S": "new"}]}
    assert changed["b"] == {"L": [{"S": "new"}, *ITEM["seq"]["L"]]}


@pytest.mark.parametrize(
    ("expression", "complaint"),
    [
        ("INVALID SYNTAX HERE", 'Syntax error; token: "INVALID", near: "INVALID SYNTAX"'),
        ("SET n = :one SET big = :one", 'The "SET" section can only be used once in an update expression;'),
        ("ADD hits : incr", 'Syntax error; token: ":", near: "hits : incr"'),
        (
            "SET n = :one, n = :five",
            (
                "Two document paths overlap with each other; must remove or rewrite one of these paths; "
                "path one: [n], path two: [n]"
            ),
        ),
        (
            "SET doc.k = :one REMOVE doc",
            (
                "Two document paths overlap with each other; must remove or rewrite one of these paths; "
                "path one: [doc, k], path two: [doc]"
            ),
        ),
        (
            "SET seq[0] = :one, seq.x = :one",
            (
                "Two document paths conflict with each other; must remove or rewrite one of these paths; "
                "path one: [seq, [0]], path two: [seq, x]"
            ),
        ),
        ("SET n = n + :a", "Incorrect operand type for operator or function; operator or function: +, operand type: S"),
        ("SET n = word + :one", "An operand in the update expression has an incorrect data type"),
        ("SET n = absent", "The provided expression refers to an attribute that does not exist in the item"),
        ("SET absent.x = :one", "The document path provided in the update expression is invalid for update"),
        ("SET word.x = :one", "The document path provided in the update expression is invalid for update"),
        ("ADD word :one", "An operand in the update expression has an incorrect data type"),
        ("SET n = size(word)", "Invalid function name; function: size"),
        (
            "SET n = list_append(seq, :a)",
            "Incorrect operand type for operator or function; operator or function: list_append, operand type: S",
        ),
    ],
)
def test_updates_that_are_wrong(expression: str, complaint: str) -> None:
    with pytest.raises(AwsError) as caught:
        update(expression)
    assert caught.value.message == complaint


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("id, n", {"id": ITEM["id"], "n": ITEM["n"]}),
        ("doc.core.z", {"doc": {"M": {"core": {"M": {"z": {"S": "end"}}}}}}),
        ("seq[2].deepest, seq[0]", {"seq": {"L": [{"S": "zero"}, {"M": {"deepest": {"S": "deep"}}}]}}),
        ("doc.k, doc.core", {"doc": ITEM["doc"]}),
        ("nothing, seq[7], word.x", {}),
    ],
)
def test_projections(expression: str, expected: dict[str, Any]) -> None:
    assert project(bind_projection(parse_projection(expression), Substitutions(None, None)), ITEM) == expected


@pytest.mark.parametrize(
    ("expression", "complaint"),
    [
        ("!!! INVALID !!!", 'Syntax error; token: "!", near: "!!"'),
        (
            "a, a.b",
            (
                "Two document paths overlap with each other; must remove or rewrite one of these paths; "
                "path one: [a], path two: [a, b]"
            ),
        ),
    ],
)
def test_projections_that_are_wrong(expression: str, complaint: str) -> None:
    with pytest.raises(AwsError) as caught:
        bind_projection(parse_projection(expression), Substitutions(None, None))
    assert caught.value.message == complaint


@pytest.mark.parametrize(
    ("expression", "complaint"),
    [
        ("id = :a OR n = :five", "Invalid operator used in KeyConditionExpression: OR"),
        ("id <> :a", "Invalid operator used in KeyConditionExpression: <>"),
        ("contains(id, :a)", "Invalid operator used in KeyConditionExpression: contains"),
        ("id = :a AND id = :x", "KeyConditionExpressions must only contain one condition per key"),
        ("doc.k = :a", "KeyConditionExpressions cannot have conditions on nested attributes"),
        ("size(id) = :five", "KeyConditionExpressions cannot contain nested operations"),
        ("id = n", "Invalid condition in KeyConditionExpression: Multiple attribute names used in one condition"),
        (":a = :x", "Invalid condition in KeyConditionExpression: No key attribute specified"),
    ],
)
def test_key_conditions_that_are_wrong(expression: str, complaint: str) -> None:
    with pytest.raises(AwsError) as caught:
        key_conditions(bind_condition(parse_condition(expression), given_all()))
    assert caught.value.message == complaint


def test_a_mirrored_key_condition_is_turned_round() -> None:
    found = key_conditions(bind_condition(parse_condition(":a = id AND :five < n"), given_all()))
    assert (found["id"].operator, found["n"].operator) == ("=", ">")


def test_values_and_names_that_are_not_used_or_not_well_formed() -> None:
    given = given_all()
    bind_condition(parse_condition("#n = :five"), given)
    with pytest.raises(AwsError, match=r"ExpressionAttributeNames unused in expressions: keys: \{#m, #k\}"):
        given.check_all_used()
    for names, values, words in (
        ({}, None, "ExpressionAttributeNames must not be empty"),
        ({"a": "b"}, None, 'ExpressionAttributeNames contains invalid key: Syntax error; key: "a"'),
        (None, {":a-b": {"S": "x"}}, 'ExpressionAttributeValues contains invalid key: Syntax error; key: ":a-b"'),
        (
            None,
            {":a": {"SS": []}},
            (
                "ExpressionAttributeValues contains invalid value: One or more parameter values were invalid: "
                "An string set  may not be empty for key :a"
            ),
        ),
    ):
        with pytest.raises(AwsError) as caught:
            Substitutions(names, values)
        assert caught.value.message == words


# A dumb oracle: Python evaluates the same expression on plain integers.

atoms = st.tuples(st.sampled_from("abc"), st.sampled_from(["=", "<>", "<", "<=", ">", ">="]), st.integers(0, 3))
conditions = st.recursive(
    atoms.map(lambda atom: (f"{atom[0]} {atom[1]} :v{atom[2]}", f"({atom[0]} {_python(atom[1])} {atom[2]})")),
    lambda inner: st.one_of(
        st.tuples(inner, inner, st.sampled_from(["AND", "OR"])).map(
            lambda parts: (
                f"{_wrapped(parts[0][0])} {parts[2]} {_wrapped(parts[1][0])}",
                f"({parts[0][1]} {parts[2].lower()} {parts[1][1]})",
            )
        ),
        inner.map(lambda pair: (f"NOT {_wrapped(pair[0])}", f"(not {pair[1]})")),
    ),
    max_leaves=8,
)


def _python(operator: str) -> str:
    return {"=": "==", "<>": "!="}.get(operator, operator)


def _wrapped(text: str) -> str:
    return f"({text})"


@given(conditions, st.fixed_dictionaries({"a": st.integers(0, 3), "b": st.integers(0, 3), "c": st.integers(0, 3)}))
def test_conditions_mean_what_python_means(pair: tuple[str, str], numbers: dict[str, int]) -> None:
    given = Substitutions(None, {f":v{number}": {"N": str(number)} for number in range(4)})
    item: dict[str, Any] = {name: {"N": str(number)} for name, number in numbers.items()}
    assert matches(bind_condition(parse_condition(pair[0]), given), item) is eval(pair[1], {}, dict(numbers))


PIECES = (
    "a b . [ 0 ] #n :five :a ( ) , = <> < <= + - AND OR NOT IN BETWEEN SET REMOVE ADD DELETE size contains "
    "begins_with if_not_exists list_append attribute_exists 99999999999 ! # :"
)


@given(st.lists(st.sampled_from(PIECES.split()), max_size=14).map(" ".join))
def test_no_text_breaks_a_parser(text: str) -> None:
    """Whatever is sent is understood or refused as AWS refuses it; nothing else comes out."""
    for understand in (
        lambda: matches(bind_condition(parse_condition(text), given_all()), ITEM),
        lambda: key_conditions(bind_condition(parse_condition(text), given_all())),
        lambda: update(text),
        lambda: project(bind_projection(parse_projection(text), given_all()), ITEM),
    ):
        with contextlib.suppress(AwsError):
            understand()
