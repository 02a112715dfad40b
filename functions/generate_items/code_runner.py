"""Run the code in the answer of an item, and add the verdict to its outcome.

The answer was paid for, so it is kept whatever becomes of its code.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

from chalicelib.contracts.code_checks import CodeCheck, CodeOutcome
from chalicelib.contracts.functions.run_code import MAX_CODE_CHARACTERS
from chalicelib.contracts.generations import ChatOutput, Generation
from chalicelib.errors import HeadraceError, Throttled, Transient

if TYPE_CHECKING:
    from chalicelib.contracts.batches import ItemOutcome
    from chalicelib.contracts.functions.run_code import CodeTests, RunCodeResult

RUN_SECONDS = 60
"""How long the function has: a child keeps as much, so that an answer is never without it."""
_TRIES = 3
_WAIT_SECONDS = 1.0


class CodeFunction(Protocol):
    """The function that runs code."""

    def run(self, code: str, judged_by: CodeTests, correlation_id: str) -> RunCodeResult:
        """Return the verdict on `code`; raise one of our errors."""


class CodeJudge:
    """Runs code of answers; `add_gb_seconds` takes what each run cost, and `has` tells if there is
    time for another try.
    """

    def __init__(
        self,
        function: CodeFunction,
        sleep: Callable[[float], None],
        add_gb_seconds: Callable[[float], None],
        has: Callable[[float], bool],
        correlation_id: str,
    ) -> None:
        self._function = function
        self._sleep = sleep
        self._add = add_gb_seconds
        self._has = has
        self._correlation_id = correlation_id

    def judged(self, outcome: ItemOutcome, check: CodeCheck, generation: Generation) -> ItemOutcome:
        """Return the outcome of an item with the verdict on its code."""
        if outcome.failed or not isinstance(generation.output, ChatOutput):
            return outcome
        # Imported here: most batches have no code.
        from chalicelib.evaluation.code.extraction import extract_code

        code = extract_code(generation.output.text, check.entry_point, check.goes_on)
        found = self._run(code, check)
        line = {**outcome.line, "code": found.model_dump(mode="json")}
        return outcome.model_copy(update={"line": line})

    def _run(self, code: str, check: CodeCheck) -> CodeOutcome:
        if len(code) > MAX_CODE_CHARACTERS:
            reason = f"The code is longer than {MAX_CODE_CHARACTERS} characters."
            return CodeOutcome(verdict="not_run", reason=reason, code=code[:MAX_CODE_CHARACTERS])
        tried = 0
        while True:
            try:
                found = self._function.run(code, check.judged_by(), self._correlation_id)
            except (Throttled, Transient) as error:
                tried += 1
                if tried < _TRIES and self._has(RUN_SECONDS):
                    self._sleep(_WAIT_SECONDS * tried)
                    continue
                return CodeOutcome(verdict="not_run", reason=error.message, code=code)
            except HeadraceError as error:
                return CodeOutcome(verdict="not_run", reason=error.message, code=code)
            self._add(found.gb_seconds)
            return CodeOutcome(
                verdict=found.verdict,
                reason=found.reason,
                code=code,
                fuel=found.fuel,
                memory_mb=found.memory_mb,
                seconds=found.seconds,
            )
