"""Request and result of the function `run_code`, which runs code of models in a sandbox."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from chalicelib.contracts.base import Contract

MAX_CODE_CHARACTERS = 200_000
MAX_TESTS_CHARACTERS = 1_000_000
DEFAULT_FUEL = 20_000_000_000
"""Instructions of WebAssembly: two to four seconds of one core, or eight million loop turns."""
MAX_FUEL = 200_000_000_000
DEFAULT_MEMORY_MB, MAX_MEMORY_MB = 256, 512
IDENTIFIER = r"^[A-Za-z_][A-Za-z0-9_]{0,99}$"

CodeVerdict = Literal[
    "passed",
    "failed",
    "error",
    "syntax_error",
    "missing",
    "no_code",
    "out_of_fuel",
    "out_of_memory",
    "output_limit",
    "timeout",
    "broken_tests",
]
"""Verdicts on code: it passed; an assertion of the tests failed; it raised, or ended the
interpreter; it is no Python; it lacks the function; there is none; it used up fuel, memory or
output; the watchdog stopped it; or the tests themselves do not run, which says nothing of the code.
"""

Identifier = Annotated[str, Field(pattern=IDENTIFIER)]


class CodeTests(Contract):
    """How code is judged.

    `prelude` are definitions that stand before the code, and before the tests. `tests` define
    `check(candidate)`, which calls the function that the code calls `entry_point`, and asserts.
    `classes` of the prelude are those whose instances arguments and answers may hold.
    """

    entry_point: Identifier
    tests: str = Field(min_length=1, max_length=MAX_TESTS_CHARACTERS)
    prelude: str = Field(default="", max_length=MAX_CODE_CHARACTERS)
    classes: tuple[Identifier, ...] = Field(default=(), max_length=16)
    fuel: int = Field(default=DEFAULT_FUEL, ge=1_000_000_000, le=MAX_FUEL)
    memory_mb: int = Field(default=DEFAULT_MEMORY_MB, ge=32, le=MAX_MEMORY_MB)


class RunCodeRequest(Contract):
    """The input of `run_code`: code, and how it is judged."""

    code: str = Field(max_length=MAX_CODE_CHARACTERS)
    judged_by: CodeTests
    correlation_id: str = ""


class RunCodeResult(Contract):
    """The output of `run_code`.

    `fuel` and `memory_mb` are what the code used, the start of its interpreter included; both are
    the same in every run. `calls` is how often the tests called it. `seconds` are by the clock, and
    `gb_seconds` those times the memory of the function.
    """

    verdict: CodeVerdict
    reason: str = ""
    fuel: int = Field(default=0, ge=0)
    memory_mb: int = Field(default=0, ge=0)
    calls: int = Field(default=0, ge=0)
    seconds: float = Field(ge=0)
    gb_seconds: float = Field(default=0.0, ge=0)
