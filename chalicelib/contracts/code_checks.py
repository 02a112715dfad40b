"""A line of a batch whose answer is code: how it is run, and what became of it."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from chalicelib.contracts.base import Contract, HttpInput
from chalicelib.contracts.functions.run_code import (
    DEFAULT_FUEL,
    DEFAULT_MEMORY_MB,
    MAX_CODE_CHARACTERS,
    MAX_MEMORY_MB,
    MAX_TESTS_CHARACTERS,
    CodeTests,
    CodeVerdict,
    Identifier,
)

MAX_LINE_FUEL = 50_000_000_000
"""Five to ten seconds of one core, which a child of a batch has beside its calls."""

RunVerdict = CodeVerdict | Literal["not_run"]
"""A verdict, or `not_run` where there was an answer and it could not be run."""


class CodeCheck(HttpInput):
    """`code` of a line: the tests that the code in its answer is run against.

    `tests` define `check(candidate)`, as those of HumanEval do. `prelude` are definitions that
    stand before the code. `goes_on` is the beginning of a program: an answer that does not define
    `entry_point` itself is read as what comes after it.
    """

    entry_point: Identifier
    tests: str = Field(min_length=1, max_length=MAX_TESTS_CHARACTERS)
    prelude: str = Field(default="", max_length=MAX_CODE_CHARACTERS)
    goes_on: str = Field(default="", max_length=MAX_CODE_CHARACTERS)
    classes: tuple[Identifier, ...] = Field(default=(), max_length=16)
    fuel: Annotated[int, Field(ge=1_000_000_000, le=MAX_LINE_FUEL)] = DEFAULT_FUEL
    memory_mb: int = Field(default=DEFAULT_MEMORY_MB, ge=32, le=MAX_MEMORY_MB)

    def judged_by(self) -> CodeTests:
        """Return it as the function that runs code is given it."""
        return CodeTests(
            entry_point=self.entry_point,
            tests=self.tests,
            prelude=self.prelude,
            classes=self.classes,
            fuel=self.fuel,
            memory_mb=self.memory_mb,
        )


class CodeOutcome(Contract):
    """`code` of a result: the verdict, why, and the code that was run."""

    verdict: RunVerdict
    reason: str = ""
    code: str
    fuel: int = Field(default=0, ge=0)
    memory_mb: int = Field(default=0, ge=0)
    seconds: float = Field(default=0.0, ge=0)
