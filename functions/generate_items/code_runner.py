"""Run the code in the answer of an item, and add the verdict to its outcome.

The answer was paid for, so it is kept whatever becomes of its code. Where nothing could run it the
item failed with its answer, and another attempt at the job runs the code without asking a model.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Final, Literal, Protocol

from chalicelib.batches.outcomes import item_error
from chalicelib.contracts.batches import ItemOutcome
from chalicelib.contracts.code_checks import CodeCheck, CodeOutcome
from chalicelib.contracts.functions.run_code import MAX_CODE_CHARACTERS
from chalicelib.contracts.generations import ChatOutput, Generation
from chalicelib.errors import HeadraceError, Throttled, Transient

if TYPE_CHECKING:
    from chalicelib.batches.items import BatchItem
    from chalicelib.contracts.functions.run_code import CodeTests, RunCodeResult

RUN_SECONDS = 60
"""How long the function has: a child keeps as much, so that an answer is never without it."""
NOT_RUN: Final[Literal["not_run"]] = "not_run"
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

    def judged(self, outcome: ItemOutcome, item: BatchItem, generation: Generation) -> ItemOutcome:
        """Return the outcome of an item with the verdict on its code."""
        if item.code is None or outcome.failed or not isinstance(generation.output, ChatOutput):
            return outcome
        # Imported here: most batches have no code.
        from chalicelib.evaluation.code.extraction import extract_code

        code = extract_code(generation.output.text, item.code.entry_point, item.code.goes_on)
        return self._with_verdict(outcome, code, item.code)

    def judged_again(self, earlier: ItemOutcome, item: BatchItem) -> ItemOutcome | None:
        """Return the outcome of an item whose code an earlier attempt had and could not run.

        None if it has no code: then the model has to be asked. What the answer cost was counted
        with the earlier outcome.
        """
        found = earlier.line.get("code")
        if item.code is None or not isinstance(found, Mapping) or found["verdict"] != NOT_RUN:
            return None
        line = {name: value for name, value in earlier.line.items() if name != "error"}
        answered = ItemOutcome(n=earlier.n, line=line)
        return self._with_verdict(answered, str(found["code"]), item.code)

    def _with_verdict(self, outcome: ItemOutcome, code: str, check: CodeCheck) -> ItemOutcome:
        """Return an outcome with its verdict. It failed if nothing could run the code."""
        error: HeadraceError | None = None
        try:
            found = self._run(code, check)
        except HeadraceError as raised:
            error = raised
            found = CodeOutcome(verdict=NOT_RUN, reason=raised.message, code=code)
        line = {**outcome.line, "code": found.model_dump(mode="json")}
        if error is not None:
            line["error"] = item_error(error).model_dump(mode="json", exclude_none=True)
        return outcome.model_copy(update={"line": line, "failed": error is not None})

    def _run(self, code: str, check: CodeCheck) -> CodeOutcome:
        """Return the verdict on code, and raise what kept it from being run."""
        if len(code) > MAX_CODE_CHARACTERS:
            reason = f"The code is longer than {MAX_CODE_CHARACTERS} characters."
            return CodeOutcome(verdict=NOT_RUN, reason=reason, code=code[:MAX_CODE_CHARACTERS])
        tried = 0
        while True:
            try:
                found = self._function.run(code, check.judged_by(), self._correlation_id)
                break
            except (Throttled, Transient):
                tried += 1
                if tried >= _TRIES or not self._has(RUN_SECONDS):
                    raise
                self._sleep(_WAIT_SECONDS * tried)
        self._add(found.gb_seconds)
        return CodeOutcome(
            verdict=found.verdict,
            reason=found.reason,
            code=code,
            fuel=found.fuel,
            memory_mb=found.memory_mb,
            seconds=found.seconds,
        )
