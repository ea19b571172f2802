"""Tokens to trees, for the four kinds of expression. The trees are kept by text: most requests repeat theirs."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import TypeVar

from terrella.kernel import AwsError
from terrella.services.tables.expressions.reserved import RESERVED_WORDS
from terrella.services.tables.expressions.tokens import Kind, Tokens
from terrella.services.tables.expressions.tree import (
    Action,
    And,
    Between,
    Compare,
    Condition,
    Function,
    In,
    NameRef,
    Not,
    Operand,
    Or,
    Path,
    ValueRef,
)
from terrella.services.tables.values import invalid

CONDITION_FUNCTIONS = frozenset(
    ("attribute_exists", "attribute_not_exists", "attribute_type", "begins_with", "contains", "size")
)
UPDATE_FUNCTIONS = frozenset(("if_not_exists", "list_append"))
COMPARATORS = frozenset(("=", "<>", "<", "<=", ">", ">="))
SECTIONS = ("SET", "REMOVE", "ADD", "DELETE")
OPERATORS_MAX = 300
NESTING_MAX = 50
INDEX_MAX = 2**31 - 1
_OPERATOR_WORDS = frozenset(("AND", "OR", "NOT", "IN", "BETWEEN"))

Parsed = TypeVar("Parsed")


class _Parser:
    """What the four grammars share: paths, operands, function calls.

    Complaints that AWS makes only about text that is sound otherwise are kept in ``complaints`` until the end, in the
    order in which AWS ranks them.
    """

    def __init__(self, source: str, functions: frozenset[str]) -> None:
        self.tokens = Tokens(source)
        self._functions = functions
        self._complaints: dict[str, str] = {}
        self._operators = 0
        self._nesting = 0

    @contextmanager
    def nested(self) -> Iterator[None]:
        """Parentheses and calls go only so deep, because reading and evaluating them recurses."""
        self._nesting += 1
        if self._nesting > NESTING_MAX:
            raise invalid(f"The expression is nested more than {NESTING_MAX} levels deep")
        try:
            yield
        finally:
            self._nesting -= 1

    def complain(self, rank: str, message: str) -> None:
        self._complaints.setdefault(rank, message)

    def finish(self) -> None:
        self.tokens.expect_end()
        for rank in ("parentheses", "function", "misuse", "reserved", "section"):
            if rank in self._complaints:
                raise invalid(self._complaints[rank])

    def count_operator(self) -> None:
        self._operators += 1
        if self._operators > OPERATORS_MAX:
            raise invalid(f"The expression contains too many operators; operator count: {self._operators}")

    def path(self) -> Path:
        parts: list[str | int | NameRef] = [self._identifier()]
        while True:
            if self.tokens.take_symbol("."):
                parts.append(self._identifier())
            elif self.tokens.take_symbol("["):
                if self.tokens.current.kind is not Kind.NUMBER:
                    raise self.tokens.syntax_error()
                index = int(self.tokens.take().text)
                if index > INDEX_MAX:
                    raise invalid(f"List index is not within the allowable range; index: [{index}]")
                parts.append(index)
                self.tokens.expect_symbol("]")
            else:
                return Path(tuple(parts))

    def _identifier(self) -> str | NameRef:
        token = self.tokens.current
        if token.kind is Kind.NAME:
            self.tokens.take()
            return NameRef(token.text)
        if token.kind is not Kind.WORD or token.keyword in _OPERATOR_WORDS:
            raise self.tokens.syntax_error()
        self.tokens.take()
        if token.keyword in RESERVED_WORDS:
            self.complain("reserved", f"Attribute name is a reserved keyword; reserved keyword: {token.text}")
        return token.text

    def operand(self) -> Operand:
        token = self.tokens.current
        if token.kind is Kind.VALUE:
            self.tokens.take()
            return ValueRef(token.text)
        following = self.tokens.following
        if token.kind is Kind.WORD and following.kind is Kind.SYMBOL and following.text == "(":
            return self.call()
        if token.kind is Kind.SYMBOL and token.text == "(":
            return self._in_parentheses()
        return self.path()

    def _in_parentheses(self) -> Operand:
        doubled = self.tokens.following.text == "("
        self.tokens.expect_symbol("(")
        with self.nested():
            operand = self.operand()
        at_end = self.tokens.current.text == ")" and self.tokens.following.text == ")"
        if doubled and at_end:
            self.complain("parentheses", "The expression has redundant parentheses;")
        self.tokens.expect_symbol(")")
        return operand

    def call(self) -> Function:
        token = self.tokens.take()
        if token.keyword in _OPERATOR_WORDS:
            raise self.tokens.syntax_error()
        if token.text not in self._functions:
            self.complain("function", f"Invalid function name; function: {token.text}")
        self.tokens.expect_symbol("(")
        with self.nested():
            arguments = self.listed(self.operand)
        self.tokens.expect_symbol(")")
        self.count_operator()
        return Function(token.text, tuple(arguments))

    def listed(self, read: Callable[[], Parsed]) -> list[Parsed]:
        found = [read()]
        while self.tokens.take_symbol(","):
            found.append(read())
        return found


class _ConditionParser(_Parser):
    def __init__(self, source: str) -> None:
        super().__init__(source, CONDITION_FUNCTIONS)

    def parse(self) -> Condition:
        condition = self._either()
        self.finish()
        return condition

    def _either(self) -> Condition:
        left = self._both()
        while self.tokens.take_keyword("OR"):
            self.count_operator()
            left = Or(left, self._both())
        return left

    def _both(self) -> Condition:
        left = self._negated()
        while self.tokens.take_keyword("AND"):
            self.count_operator()
            left = And(left, self._negated())
        return left

    def _negated(self) -> Condition:
        if self.tokens.take_keyword("NOT"):
            self.count_operator()
            return Not(self._negated())
        return self._primary()

    def _primary(self) -> Condition:
        if self.tokens.current.text != "(" or self.tokens.current.kind is not Kind.SYMBOL:
            return self._predicate()
        # "(" opens a condition or an operand: (a = :b), (a) = :b. The one that reads further is meant.
        mark = self.tokens.mark()
        complaints = dict(self._complaints)
        failure: AwsError | None = None
        try:
            condition = self._grouped()
            if not self._at_comparison():
                return condition
        except AwsError as error:
            failure = error
        failed_at = self.tokens.mark()
        self.tokens.reset(mark)
        self._complaints = complaints
        try:
            return self._predicate()
        except AwsError:
            if failure is None or self.tokens.mark() > failed_at:
                raise
            raise failure from None

    def _at_comparison(self) -> bool:
        token = self.tokens.current
        return token.text in COMPARATORS or token.keyword in ("BETWEEN", "IN")

    def _grouped(self) -> Condition:
        doubled = self.tokens.following.text == "("
        self.tokens.expect_symbol("(")
        first_inside = self.tokens.mark()
        with self.nested():
            condition = self._either()
        closes_twice = self.tokens.current.text == ")" and self._spans_parentheses(first_inside)
        self.tokens.expect_symbol(")")
        if doubled and closes_twice:
            self.complain("parentheses", "The expression has redundant parentheses;")
        return condition

    def _spans_parentheses(self, first: int) -> bool:
        """Whether one pair of parentheses encloses all that was read since ``first``."""
        end = self.tokens.mark()
        depth = 0
        spans = True
        self.tokens.reset(first)
        while self.tokens.mark() < end:
            text = self.tokens.take().text
            depth += (text == "(") - (text == ")")
            if depth == 0 and self.tokens.mark() < end:
                spans = False
        self.tokens.reset(end)
        return spans

    def _predicate(self) -> Condition:
        operand = self.operand()
        token = self.tokens.current
        if token.kind is Kind.SYMBOL and token.text in COMPARATORS:
            self.tokens.take()
            self.count_operator()
            return Compare(token.text, self._plain(operand), self._plain(self.operand()))
        if self.tokens.take_keyword("BETWEEN"):
            self.count_operator()
            low = self._plain(self.operand())
            self.tokens.expect_keyword("AND")
            return Between(self._plain(operand), low, self._plain(self.operand()))
        if self.tokens.take_keyword("IN"):
            self.count_operator()
            self.tokens.expect_symbol("(")
            choices = [self._plain(choice) for choice in self.listed(self.operand)]
            self.tokens.expect_symbol(")")
            return In(self._plain(operand), tuple(choices))
        if isinstance(operand, Function):
            if operand.name == "size":
                self._misused(operand)
            for argument in operand.arguments:
                self._plain(argument)
            return operand
        raise self.tokens.syntax_error()

    def _plain(self, operand: Operand) -> Operand:
        """Only ``size`` answers a value; the other functions are conditions."""
        if isinstance(operand, Function):
            if operand.name != "size":
                self._misused(operand)
            for argument in operand.arguments:
                self._plain(argument)
        return operand

    def _misused(self, operand: Function) -> None:
        words = "The function is not allowed to be used this way in an expression; function: "
        self.complain("misuse", words + operand.name)


class _UpdateParser(_Parser):
    def __init__(self, source: str) -> None:
        super().__init__(source, UPDATE_FUNCTIONS)

    def parse(self) -> tuple[Action, ...]:
        actions: list[Action] = []
        seen: set[str] = set()
        readers = {
            "SET": self._set,
            "REMOVE": self._remove,
            "ADD": lambda: self._sum("ADD"),
            "DELETE": lambda: self._sum("DELETE"),
        }
        while self.tokens.current.keyword in SECTIONS:
            section = self.tokens.take().keyword
            if section in seen:
                self.complain("section", f'The "{section}" section can only be used once in an update expression;')
            seen.add(section)
            actions += self.listed(readers[section])
        if not actions:
            raise self.tokens.syntax_error()
        self.finish()
        return tuple(actions)

    def _set(self) -> Action:
        path = self.path()
        self.tokens.expect_symbol("=")
        self.count_operator()
        return Action("SET", path, self._arithmetic())

    def _arithmetic(self) -> Operand:
        if self.tokens.current.text == "(":
            mark = self.tokens.mark()
            try:
                operand = self.operand()
            except AwsError:
                # The parentheses enclose a sum, not an operand.
                self.tokens.reset(mark)
                self.tokens.expect_symbol("(")
                with self.nested():
                    operand = self._arithmetic()
                self.tokens.expect_symbol(")")
                return operand
        else:
            operand = self.operand()
        for sign in ("+", "-"):
            if self.tokens.take_symbol(sign):
                self.count_operator()
                return Function(sign, (operand, self.operand()))
        return operand

    def _remove(self) -> Action:
        return Action("REMOVE", self.path(), None)

    def _sum(self, section: str) -> Action:
        path = self.path()
        token = self.tokens.current
        if token.kind is not Kind.VALUE:
            raise self.tokens.syntax_error()
        self.tokens.take()
        return Action(section, path, ValueRef(token.text))


class _ProjectionParser(_Parser):
    def __init__(self, source: str) -> None:
        super().__init__(source, frozenset())

    def parse(self) -> tuple[Path, ...]:
        paths = self.listed(self.path)
        self.finish()
        return tuple(paths)


@lru_cache(maxsize=1024)
def parse_condition(source: str) -> Condition:
    """ConditionExpression, FilterExpression, KeyConditionExpression. Raises ``AwsError`` ValidationException."""
    return _ConditionParser(source).parse()


@lru_cache(maxsize=1024)
def parse_update(source: str) -> tuple[Action, ...]:
    """UpdateExpression. Raises ``AwsError`` ValidationException."""
    return _UpdateParser(source).parse()


@lru_cache(maxsize=1024)
def parse_projection(source: str) -> tuple[Path, ...]:
    """ProjectionExpression. Raises ``AwsError`` ValidationException."""
    return _ProjectionParser(source).parse()
