"""The parser of rules: a rule's text to a typed expression, without any eval.

rule       = [ "if" condition "then" ] condition
condition  = conjunction { "or" conjunction }
conjunction = test { "and" test }
test       = "not" test | "present" "(" value ")" | sum comparison sum [ "±" sum [ "%" ] ]
sum        = product { ("+" | "-") product }
product    = factor { ("*" | "/") factor }
factor     = number | 'text' | "-" factor | "(" condition ")" | function "(" ... ")" | value
value      = name { "." name }, a name with other characters than words in backticks
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal

from chalicelib.extraction.leaves import NUMERIC_KINDS, Leaf, LeafKind, ListField
from chalicelib.extraction.rule_arithmetic import AGGREGATES
from chalicelib.extraction.rule_expressions import COMPARISONS, Expression

MAX_TOKENS = 200
MAX_NESTING = 20
_TOKEN = re.compile(
    r"\s*(?:(?P<number>\d+(?:\.\d+)?)|(?P<text>'[^']*'|\"[^\"]*\")|(?P<name>[^\W\d]\w*|`[^`]+`)"
    r"|(?P<sign>==|!=|<=|>=|\+-|[-+*/().,<>±%≤≥≠=]))"
)
_SIGNS = {"≤": "<=", "≥": ">=", "≠": "!=", "=": "==", "+-": "±"}
_WORDS = frozenset(("if", "then", "and", "or", "not", "true", "false"))
_FUNCTIONS = {"abs": 1, "round": 2, "days": 1}
_ORDERED = frozenset(("number", "date", "date_time", "time", "days"))


_Part = Callable[[], Expression]


class RuleError(ValueError):
    """Raised for a rule that cannot be parsed; the message says what is wrong and how to fix it."""


def parse_rule(text: str, leaves: Mapping[str, Leaf], lists: Sequence[ListField]) -> Expression:
    """Return the condition that a rule says.

    Args:
        text: The rule.
        leaves: The leaves outside of lists, by pointer.
        lists: The lists.

    Raises:
        RuleError: it does not keep to the grammar, names no value, or compares different types.
    """
    return _RuleParser(_tokens(text), leaves, lists).rule()


def _tokens(text: str) -> list[tuple[str, str]]:
    tokens: list[tuple[str, str]] = []
    position, end = 0, len(text.rstrip())
    while position < end:
        token = _TOKEN.match(text, position)
        if token is None:
            raise RuleError(f"{text[position:].strip()[:20]!r} is not understood")
        kind, written = str(token.lastgroup), str(token[str(token.lastgroup)])
        tokens.append((kind, _SIGNS.get(written, written) if kind == "sign" else written))
        position = token.end()
        if len(tokens) > MAX_TOKENS:
            raise RuleError(f"it has more than {MAX_TOKENS} words and signs: split it")
    return tokens


class _RuleParser:
    """Parses by recursive descent; no deeper than MAX_NESTING."""

    def __init__(
        self,
        tokens: list[tuple[str, str]],
        leaves: Mapping[str, Leaf],
        lists: Sequence[ListField],
    ) -> None:
        self._tokens = tokens
        self._at = 0
        self._depth = 0
        self._leaves = {leaf.path: leaf for leaf in leaves.values()}
        self._lists = {each.path: each for each in lists}
        self._within: str = ""

    def rule(self) -> Expression:
        if self._take("if"):
            premise = self._condition()
            if not self._take("then"):
                raise RuleError("`then` is missing after the condition of `if`")
            found = Expression("if", "boolean", (_boolean(premise), _boolean(self._condition())))
        else:
            found = _boolean(self._condition())
        if self._at < len(self._tokens):
            raise RuleError(f"{self._peek()!r} is not understood where it stands")
        return found

    def _peek(self) -> str:
        return self._tokens[self._at][1] if self._at < len(self._tokens) else ""

    def _take(self, *words: str) -> str:
        """Return the next token and go past it, if it is one of the words or signs."""
        if self._at < len(self._tokens) and self._tokens[self._at][0] in ("name", "sign"):
            word = self._peek()
            if word in words:
                self._at += 1
                return word
        return ""

    def _require(self, sign: str) -> None:
        if not self._take(sign):
            raise RuleError(f"{sign!r} is missing before {self._peek() or 'its end'!r}")

    def _condition(self) -> Expression:
        self._depth += 1
        if self._depth > MAX_NESTING:
            raise RuleError(f"it is nested more than {MAX_NESTING} deep: split it")
        found = self._joined("or", lambda: self._joined("and", self._test))
        self._depth -= 1
        return found

    def _joined(self, word: str, part: _Part) -> Expression:
        found = part()
        while self._take(word):
            found = Expression(word, "boolean", (_boolean(found), _boolean(part())))
        return found

    def _test(self) -> Expression:
        negations = 0
        while self._take("not"):
            negations += 1
        found = self._comparison()
        return Expression("not", "boolean", (_boolean(found),)) if negations % 2 else found

    def _comparison(self) -> Expression:
        left = self._sum()
        sign = self._take(*COMPARISONS)
        if not sign:
            return left
        right = self._sum()
        operands, relative = (left, right), False
        if self._take("±"):
            tolerance = self._sum()
            if {left.type, right.type, tolerance.type} != {"number"}:
                raise RuleError("a tolerance stands beside numbers only: remove it")
            relative = bool(self._take("%"))
            if relative:
                hundred = Expression("literal", "number", literal=Decimal(100))
                tolerance = Expression("/", "number", (tolerance, hundred))
            return Expression(sign, "boolean", (*operands, tolerance), relative=relative)
        _check_comparable(sign, left, right)
        return Expression(sign, "boolean", operands)

    def _sum(self) -> Expression:
        found = self._product()
        while sign := self._take("+", "-"):
            found = _combined(sign, found, self._product())
        return found

    def _product(self) -> Expression:
        found = self._factor()
        while sign := self._take("*", "/"):
            found = _combined(sign, found, self._factor())
        return found

    def _factor(self) -> Expression:
        negative = False
        while self._take("-"):
            negative = not negative
        found = self._operand()
        if not negative:
            return found
        if found.type != "number":
            raise RuleError(f"`-` stands before a number, not a {found.type}")
        return Expression("negate", "number", (found,))

    def _operand(self) -> Expression:
        if self._take("("):
            found = self._condition()
            self._require(")")
            return found
        if self._at >= len(self._tokens):
            raise RuleError("it ends where a value is wanted")
        kind, written = self._tokens[self._at]
        self._at += 1
        if kind == "number":
            return Expression("literal", "number", literal=Decimal(written))
        if kind == "text":
            return Expression("literal", "text", literal=written[1:-1])
        if written in ("true", "false"):
            return Expression("literal", "boolean", literal=written == "true")
        if kind == "sign" or written in _WORDS:
            raise RuleError(f"{written!r} stands where a value is wanted")
        return self._call(written) if self._peek() == "(" else self._value(written)

    def _call(self, name: str) -> Expression:
        self._require("(")
        if name in AGGREGATES:
            found = self._aggregate(name)
        elif name == "present":
            found = Expression("present", "boolean", (self._sum(),))
        elif name in _FUNCTIONS:
            operands = [self._sum()]
            while self._take(","):
                operands.append(self._sum())
            if len(operands) != _FUNCTIONS[name] or {each.type for each in operands} != {"number"}:
                raise RuleError(f"{name} takes {_FUNCTIONS[name]} number(s)")
            found = Expression(name, "days" if name == "days" else "number", tuple(operands))
        else:
            known = ", ".join([*AGGREGATES, *_FUNCTIONS, "present"])
            raise RuleError(f"{name!r} is no function: use one of {known}")
        self._require(")")
        return found

    def _aggregate(self, name: str) -> Expression:
        if self._within:
            raise RuleError(f"{name} stands within {self._within}: write two rules")
        self._within = name
        operand = self._sum()
        self._within = ""
        lists = {each.list_path for each in operand.values() if each.list_path}
        if len(lists) != 1:
            raise RuleError(f"{name} takes the columns of one list, such as {name}(lines.amount)")
        if name != "count" and (operand.operator == "rows" or operand.type not in _ORDERED):
            raise RuleError(f"{name} takes a column of numbers, such as {name}(lines.amount)")
        if name in ("sum", "average") and operand.type != "number":
            raise RuleError(f"{name} takes numbers, not a {operand.type}")
        return Expression(name, "number" if name == "count" else operand.type, (operand,))

    def _value(self, first: str) -> Expression:
        names = [first]
        while self._take("."):
            if self._at >= len(self._tokens) or self._tokens[self._at][0] != "name":
                raise RuleError("a name is missing after `.`")
            names.append(self._tokens[self._at][1])
            self._at += 1
        path = tuple(name.strip("`") for name in names)
        if path in self._leaves:
            return Expression("value", value_type(self._leaves[path]), path=path)
        if path in self._lists and not self._lists[path].of_scalars:
            if self._within != "count":
                raise RuleError(f"{'.'.join(path)!r} is a list: name a column, or use count")
            return Expression("rows", "rows", list_path=path)
        for list_path, each in self._lists.items():
            if path[: len(list_path)] == list_path:
                for column in each.columns:
                    if column.path == path[len(list_path) :]:
                        inner = column.path or ("",)
                        kind = value_type(column)
                        return Expression("value", kind, path=inner, list_path=list_path)
        known = [".".join(each) for each in (*self._leaves, *self._lists)]
        raise RuleError(f"{'.'.join(path)!r} is no value of the schema: it has {_shown(known)}")


def _shown(names: list[str]) -> str:
    return ", ".join(names[:10]) + (", ..." if len(names) > 10 else "")


def value_type(leaf: Leaf) -> str:
    """Return what a rule calculates with for a leaf."""
    if leaf.kind in NUMERIC_KINDS or leaf.json_type in ("number", "integer"):
        return "number"
    if leaf.kind in (LeafKind.DATE, LeafKind.DATE_TIME, LeafKind.TIME):
        return leaf.kind.value
    return "boolean" if leaf.json_type == "boolean" else "text"


def _boolean(expression: Expression) -> Expression:
    if expression.type != "boolean":
        raise RuleError(
            "it does not compare anything: write a comparison such as total == net + tax"
        )
    return expression


def _combined(sign: str, left: Expression, right: Expression) -> Expression:
    pair = (left.type, right.type)
    if pair == ("number", "number"):
        return Expression(sign, "number", (left, right))
    is_moment = left.type in ("date", "date_time")
    if sign in ("+", "-") and is_moment and right.type == "days":
        return Expression(sign, left.type, (left, right))
    if sign == "-" and is_moment and right.type in ("date", "date_time"):
        return Expression(sign, "number", (left, right))
    fix = "a date and a number of days are written date + days(30)"
    raise RuleError(f"`{sign}` cannot stand between a {left.type} and a {right.type}: {fix}")


def _check_comparable(sign: str, left: Expression, right: Expression) -> None:
    if left.type == right.type and (left.type in _ORDERED or sign in ("==", "!=")):
        return
    raise RuleError(f"a {left.type} and a {right.type} cannot be compared by {sign}")
