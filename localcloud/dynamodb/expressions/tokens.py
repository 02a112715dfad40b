"""The tokens of an expression, and a cursor over them that words syntax errors as AWS does."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

from localcloud.dynamodb.errors import invalid

MAX_EXPRESSION_BYTES = 4096
"""https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html"""

MAX_OPERATORS = 300
MAX_PARENTHESES = 100
_TOKEN = re.compile(
    r"(?P<space>[ \t\r\n]+)|(?P<word>[A-Za-z_][A-Za-z0-9_]*)|(?P<name>#[A-Za-z0-9_]+)"
    r"|(?P<value>:[A-Za-z0-9_]+)|(?P<number>[0-9]+)|(?P<mark><=|>=|<>|[=<>()\[\],.+-])"
    r"|(?P<other>.)",
    re.DOTALL,
)
_OPERATORS = frozenset({"=", "<>", "<", "<=", ">", ">=", "+", "-", "AND", "OR", "NOT", "IN"})


@dataclass(frozen=True, slots=True)
class Token:
    """A piece of an expression: a word, `#name`, `:value`, number or mark, and its place."""

    kind: str
    text: str
    start: int
    end: int

    def is_word(self, word: str) -> bool:
        """Return whether this is a keyword, written in any case."""
        return self.kind == "word" and self.text.upper() == word


@cache
def reserved_words() -> frozenset[str]:
    """Return the words, in upper case, that an expression may not use as a name.

    https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/ReservedWords.html
    """
    return frozenset(Path(__file__).with_name("reserved_words.txt").read_text().split())


class TokenCursor:
    """Reads the tokens of one expression in order.

    `label` names the expression in errors, such as "ConditionExpression".
    """

    def __init__(self, text: str, label: str) -> None:
        """Split `text` into tokens. Raises AwsError if it is empty or too long."""
        self.label: Final = label
        if not text.strip():
            raise self.error("The expression can not be empty;")
        if len(text.encode()) > MAX_EXPRESSION_BYTES:
            raise self.error(
                "Expression size has exceeded the maximum allowed size; "
                f"expression size: {len(text.encode())}"
            )
        self._text = text
        self._tokens = [
            Token(str(found.lastgroup), found.group(), found.start(), found.end())
            for found in _TOKEN.finditer(text)
            if found.lastgroup != "space"
        ]
        operators = sum(token.text.upper() in _OPERATORS for token in self._tokens)
        if operators > MAX_OPERATORS:
            raise self.error(
                "The expression contains too many operators; "
                f"operators: {operators}, maximum: {MAX_OPERATORS}"
            )
        self._tokens.append(Token("end", "<EOF>", len(text), len(text)))
        self._closing = self._matched_parentheses()
        self._at = 0

    @property
    def token(self) -> Token:
        """The token that is read next."""
        return self._tokens[self._at]

    @property
    def following(self) -> Token:
        """The token after the next one."""
        return self._tokens[min(self._at + 1, len(self._tokens) - 1)]

    @property
    def after_parentheses(self) -> Token | None:
        """The token behind the parentheses that open with the next token, None without a match."""
        closing = self._closing.get(self._at)
        return None if closing is None else self._tokens[closing + 1]

    @property
    def is_doubly_parenthesised(self) -> bool:
        """Whether the next two tokens open parentheses that close together as well."""
        outer, inner = self._closing.get(self._at), self._closing.get(self._at + 1)
        return outer is not None and inner is not None and inner + 1 == outer

    def next(self) -> Token:
        """Read one token."""
        token = self.token
        self._at = min(self._at + 1, len(self._tokens) - 1)
        return token

    def take_mark(self, mark: str) -> bool:
        """Read the next token if it is this mark; return whether it was."""
        return self._take(self.token.kind == "mark" and self.token.text == mark)

    def take_word(self, word: str) -> bool:
        """Read the next token if it is this keyword; return whether it was."""
        return self._take(self.token.is_word(word))

    def expect_mark(self, mark: str) -> None:
        """Read a mark. Raises AwsError if another token stands there."""
        if not self.take_mark(mark):
            raise self.syntax_error()

    def error(self, message: str) -> Exception:
        """Return a ValidationException about this expression."""
        return invalid(f"Invalid {self.label}: {message}")

    def syntax_error(self) -> Exception:
        """Return AWS's error for the next token."""
        first = self._tokens[max(self._at - 1, 0)]
        near = self._text[first.start : self.following.end].strip()
        return self.error(f'Syntax error; token: "{self.token.text}", near: "{near}"')

    def _matched_parentheses(self) -> dict[int, int]:
        """Return the place of each closing parenthesis by that of its opening one."""
        closing: dict[int, int] = {}
        opened: list[int] = []
        for place, token in enumerate(self._tokens):
            if token.text == "(":
                opened.append(place)
                if len(opened) > MAX_PARENTHESES:
                    raise self.error(
                        f"The expression is nested more than {MAX_PARENTHESES} levels deep;"
                    )
            elif token.text == ")" and opened:
                closing[opened.pop()] = place
        return closing

    def _take(self, matches: bool) -> bool:
        if matches:
            self.next()
        return matches
