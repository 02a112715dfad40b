"""Parse intrinsic functions, for example `States.Format('{}', $.a)`.

https://docs.aws.amazon.com/step-functions/latest/dg/intrinsic-functions.html
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, TypeAlias

from localcloud.stepfunctions.language.jsonpath import paths
from localcloud.stepfunctions.language.jsonpath.parser import Scanner
from localcloud.stepfunctions.language.values import Json

MAX_CALLS: Final = 10
"""The maximum calls that one field may nest, including the outermost."""

ARITIES: Final[dict[str, tuple[int, int | None]]] = {
    "Array": (0, None),
    "ArrayContains": (2, 2),
    "ArrayGetItem": (2, 2),
    "ArrayLength": (1, 1),
    "ArrayPartition": (2, 2),
    "ArrayRange": (3, 3),
    "ArrayUnique": (1, 1),
    "Base64Decode": (1, 1),
    "Base64Encode": (1, 1),
    "Format": (1, None),
    "Hash": (2, 2),
    "JsonMerge": (3, 3),
    "JsonToString": (1, 1),
    "MathAdd": (2, 2),
    "MathRandom": (2, 3),
    "StringSplit": (2, 2),
    "StringToJson": (1, 1),
    "UUID": (0, 0),
}
"""The minimum and maximum number of arguments of each function."""


class IntrinsicSyntaxError(Exception):
    """The text is not a call of an intrinsic function; `str()` says why."""


@dataclass(frozen=True, slots=True)
class StringArgument:
    """A quoted string; `raw` still has its backslashes."""

    raw: str

    @property
    def value(self) -> str:
        """The string without escapes."""
        return re.sub(r"\\(.)", r"\1", self.raw, flags=re.DOTALL)


@dataclass(frozen=True, slots=True)
class ConstantArgument:
    """A number, true, false or null."""

    value: Json


@dataclass(frozen=True, slots=True)
class PathArgument:
    """A path."""

    path: str


@dataclass(frozen=True, slots=True)
class IntrinsicCall:
    """A call; `function` is the name without `States.`, `text` the call as written."""

    function: str
    arguments: tuple[Argument, ...]
    text: str


Argument: TypeAlias = StringArgument | ConstantArgument | PathArgument | IntrinsicCall

_NAME: Final = re.compile(r"States\.(\w+)\s*\(")
_TEXT: Final = re.compile(r"'((?:[^'\\]|\\['{}\\])*)'")
"""A quoted string; `\'`, `\\{`, `\\}` and `\\` are the only escapes."""

_CONSTANT: Final = re.compile(r"(?:-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null)(?=\s*[,)])")


@lru_cache(maxsize=1024)
def parse(text: str) -> IntrinsicCall:
    """Parse a whole field; raise `IntrinsicSyntaxError`."""
    reader = _CallParser(text)
    call = reader.call()
    if reader.at != len(text):
        raise reader.error("there is text after the call")
    if reader.calls > MAX_CALLS:
        raise IntrinsicSyntaxError(f"more than {MAX_CALLS} intrinsic functions are nested")
    return call


class _CallParser(Scanner):
    """Reads a call from left to right."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.calls = 0

    def error(self, why: str) -> IntrinsicSyntaxError:
        return IntrinsicSyntaxError(self.complaint(why))

    def call(self) -> IntrinsicCall:
        start = self.at
        name = self.take(_NAME)
        if name is None:
            raise self.error("a call of an intrinsic function is expected")
        self.calls += 1
        function = name.group(1)
        if function not in ARITIES:
            raise self.error(f"unknown intrinsic function 'States.{function}'")
        arguments = self.arguments()
        minimum, maximum = ARITIES[function]
        if len(arguments) < minimum or (maximum is not None and len(arguments) > maximum):
            raise self.error(f"wrong number of arguments for 'States.{function}'")
        return IntrinsicCall(function, arguments, self.text[start : self.at])

    def arguments(self) -> tuple[Argument, ...]:
        if self.skip(")"):
            return ()
        arguments = [self.argument()]
        while self.skip(","):
            arguments.append(self.argument())
        if not self.skip(")"):
            raise self.error("')' is missing")
        return tuple(arguments)

    def argument(self) -> Argument:
        self.skip("")
        if quoted := self.take(_TEXT):
            return StringArgument(quoted.group(1))
        if constant := self.take(_CONSTANT):
            return ConstantArgument(json.loads(constant.group()))
        if self.text.startswith("$", self.at):
            return self.reference()
        return self.call()

    def reference(self) -> PathArgument:
        """Read up to the comma or parenthesis that ends the path, which may hold both."""
        for end in range(self.at + 1, len(self.text) + 1):
            ends = self.text[end : end + 1] in {",", ")", " "}
            if ends and paths.is_path(self.text[self.at : end]):
                path = self.text[self.at : end]
                self.at = end
                return PathArgument(path)
        raise self.error("a path is not well formed")
