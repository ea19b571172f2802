"""Expression text to tokens, and syntax errors as AWS words them."""

import re
from dataclasses import dataclass
from enum import StrEnum

from terrella.services.tables.values import invalid

EXPRESSION_SIZE_MAX_BYTES = 4096

_TOKENS = re.compile(
    r"(?P<word>[A-Za-z_][A-Za-z0-9_]*)"
    r"|(?P<name>\#[A-Za-z0-9_]+)"
    r"|(?P<value>:[A-Za-z0-9_]+)"
    r"|(?P<number>[0-9]+)"
    r"|(?P<symbol><>|<=|>=|[=<>()\[\],.+\-])"
    r"|(?P<space>[ \t\r\n]+)"
    r"|(?P<unknown>.)",
    re.ASCII | re.DOTALL,
)


class Kind(StrEnum):
    """What a token is."""

    WORD = "word"
    NAME = "name"
    VALUE = "value"
    NUMBER = "number"
    SYMBOL = "symbol"
    UNKNOWN = "unknown"
    END = "end"


@dataclass(frozen=True, slots=True)
class Token:
    """A piece of an expression and where it stands. ``keyword`` is a word in upper case, else empty."""

    kind: Kind
    text: str
    start: int
    end: int
    keyword: str


class Tokens:
    """A cursor over the tokens of an expression."""

    def __init__(self, source: str) -> None:
        """Raises ``AwsError`` ValidationException for an expression that is empty or too long."""
        if not source:
            raise invalid("The expression can not be empty;")
        if len(source.encode()) > EXPRESSION_SIZE_MAX_BYTES:
            size = len(source.encode())
            raise invalid(f"Expression size has exceeded the maximum allowed size; expression size: {size}")
        self._source = source
        self._tokens = [
            Token(
                Kind(found.lastgroup or ""),
                found.group(),
                found.start(),
                found.end(),
                found.group().upper() if found.lastgroup == "word" else "",
            )
            for found in _TOKENS.finditer(source)
            if found.lastgroup != "space"
        ]
        self._tokens.append(Token(Kind.END, "<EOF>", len(source), len(source), ""))
        self._at = 0

    @property
    def current(self) -> Token:
        """The token that stands next."""
        return self._tokens[self._at]

    @property
    def following(self) -> Token:
        """The one after it."""
        return self._tokens[min(self._at + 1, len(self._tokens) - 1)]

    def take(self) -> Token:
        """The current token; moves on."""
        token = self._tokens[self._at]
        if token.kind is not Kind.END:
            self._at += 1
        return token

    def mark(self) -> int:
        """A place to return to."""
        return self._at

    def reset(self, mark: int) -> None:
        """Return to a place."""
        self._at = mark

    def take_symbol(self, symbol: str) -> bool:
        """Move past a symbol, if it stands here."""
        if self.current.kind is Kind.SYMBOL and self.current.text == symbol:
            self._at += 1
            return True
        return False

    def take_keyword(self, keyword: str) -> bool:
        """Move past a keyword (in upper case here, in any case there), if it stands here."""
        if self.current.keyword == keyword:
            self._at += 1
            return True
        return False

    def expect_symbol(self, symbol: str) -> None:
        """Move past a symbol; raises a syntax error if another thing stands here."""
        if not self.take_symbol(symbol):
            raise self.syntax_error()

    def expect_keyword(self, keyword: str) -> None:
        """Move past a keyword; raises a syntax error if another thing stands here."""
        if not self.take_keyword(keyword):
            raise self.syntax_error()

    def expect_end(self) -> None:
        """Raises a syntax error unless all was read."""
        if self.current.kind is not Kind.END:
            raise self.syntax_error()

    def syntax_error(self) -> Exception:
        """AWS names the token, and shows it with its neighbours."""
        here = self._tokens[self._at]
        before = self._tokens[max(self._at - 1, 0)]
        near = self._source[before.start : self.following.end]
        return invalid(f'Syntax error; token: "{here.text}", near: "{near}"')
