"""Asks a language model about the fields of a document that stayed open, within bounds.

What the model does not answer costs nothing that was read: the fields stay as they are, and the
reasons say which model failed and how.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Protocol

from chalicelib.contracts.batches import ItemError
from chalicelib.contracts.extraction_models import FieldChoices
from chalicelib.contracts.generations import ChatOutput, Terms
from chalicelib.contracts.http import said
from chalicelib.errors import (
    HeadraceError,
    InvalidInput,
    ModelFailure,
    NoAnswer,
    NotFound,
    Throttled,
    Transient,
    Unsupported,
)
from chalicelib.extraction.document_values import SpanSelection
from chalicelib.extraction.open_fields import open_fields
from chalicelib.extraction.span_selection.grounded_choices import SpanChoice, grounded, span_choices
from chalicelib.extraction.span_selection.likelihood import likelihood_ratio
from chalicelib.extraction.span_selection.prompt import MAX_TOKENS, PROMPT, span_questions
from chalicelib.generation.attempt import MIN_CALL_SECONDS
from chalicelib.generation.dependencies import NO_LIMITS, CallLimits
from chalicelib.generation.fences import random_fence
from chalicelib.generation.models import AUTO

if TYPE_CHECKING:
    from chalicelib.budgets.spender import Spender
    from chalicelib.contracts.extraction_models import ModelTerms
    from chalicelib.contracts.generations import Call, Generation
    from chalicelib.contracts.receipts import ReceiptLine
    from chalicelib.extraction.document_values import DocumentReading
    from chalicelib.extraction.span_selection.prompt import SpanQuestion
    from chalicelib.generation.models import ServedModels

MAX_CALLS = 4
"""Calls about one document, each of at most 12 fields; tries again are not counted."""
MAX_TRIES = 3
"""Tries of a call that a service had no room for."""
ROLE = "span selection"
_FIRST_REST_SECONDS = 1.0
_MAX_CAUSE = 300
"""Characters of an error that are kept: of many models each says why it was not asked."""


class SpanGenerator(Protocol):
    """Answers calls by models, as `Generator` does."""

    def generate(
        self, call: Call, terms: Terms, spender: Spender, limits: CallLimits = NO_LIMITS
    ) -> Generation:
        """Return the answer to a call; raises as `Generator.generate` does."""


@dataclass(frozen=True, slots=True)
class ModelSelection:
    """The spans that a model chose, counts of choices and refusals, and the receipt's lines."""

    selection: SpanSelection
    choices: FieldChoices
    lines: tuple[ReceiptLine, ...] = ()


@dataclass(frozen=True, slots=True)
class SpanSelector:
    """Has a language model choose among the spans of open fields.

    `generator` and `models` are called when there is something to ask: they answer calls, and
    return the served models. `monotonic` is the clock of the generator's deadlines.
    """

    generator: Callable[[], SpanGenerator]
    models: Callable[[], ServedModels]
    monotonic: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    fence: Callable[[], str] = random_fence

    def select(
        self, reading: DocumentReading, terms: ModelTerms, spender: Spender, seconds: float
    ) -> ModelSelection:
        """Return what the model chooses for the open fields of a document.

        No failure of a model is raised: it is in the choices, with what was answered before it.

        Args:
            reading: what was read without a model.
            terms: which model is asked, and for how much.
            spender: who pays.
            seconds: how long all calls together may take.
        """
        asked = open_fields(reading)
        run = _Run(self, terms, spender, self.monotonic() + seconds)
        questions: list[SpanQuestion] = []
        if asked:
            try:
                layout, tokens = reading.reader.layouts[0], self._tokens(terms.model)
                questions, _ = span_questions(asked, layout, self.fence, tokens)
            except HeadraceError as error:
                run.record(error)
        for question in questions[:MAX_CALLS]:
            if not run.ended:
                run.ask(question)
        found = grounded(reading, run.choices)
        left = len(asked) - run.asked
        choices = FieldChoices(
            model=terms.model,
            prompt=PROMPT,
            asked=run.asked,
            chosen=len(found.spans),
            refused=dict(found.refused),
            left=left,
            error=run.error,
            may_pass=run.may_pass,
        )
        reasons = (*_failures(choices), *found.reasons)
        return ModelSelection(SpanSelection(found.spans, reasons), choices, tuple(run.lines))

    def _tokens(self, model: str) -> int:
        """Return the tokens that a call may have, prompt and answer together."""
        if model == AUTO:
            return MAX_TOKENS
        return min(MAX_TOKENS, self.models().model(model).limits.context_tokens or MAX_TOKENS)


@dataclass(slots=True)
class _Run:
    """The calls about one document, and what came of them."""

    deps: SpanSelector
    terms: ModelTerms
    spender: Spender
    deadline: float
    choices: list[SpanChoice] = field(default_factory=list)
    lines: list[ReceiptLine] = field(default_factory=list)
    asked: int = 0
    error: ItemError | None = None
    may_pass: bool = False
    ended: bool = False

    def ask(self, question: SpanQuestion) -> None:
        """Make one call, and collect what was chosen."""
        try:
            generation = self._generate(question)
            output = generation.output
            if not isinstance(output, ChatOutput):
                raise NoAnswer(f"{generation.model} answered with {output.task}.")
            if output.finish != "stop":
                raise NoAnswer(
                    f"{generation.model} ended by {output.finish} before its answer was whole."
                )
            tier = self.deps.models().model(generation.model).tier
            ratio = likelihood_ratio(tier, generation.answered_by)
            self.choices += span_choices(question, output.text, ratio)
        except HeadraceError as error:
            self.record(error)
            return
        self.asked += len(question.fields)

    def record(self, error: HeadraceError) -> None:
        """Record a failure; one that other calls would meet as well ends the run."""
        if error.receipt is not None:
            self._add(error.receipt.lines)
        self.ended = not isinstance(error, ModelFailure)
        if self.error is None:
            told = said(error)
            shown = told if len(told) <= _MAX_CAUSE else f"{told[:_MAX_CAUSE]}…"
            self.error = ItemError(type=type(error).__name__, message=shown)
            final = (InvalidInput, NotFound, Unsupported)
            self.may_pass = not isinstance(error, final)

    def _generate(self, question: SpanQuestion) -> Generation:
        for tries_left in reversed(range(MAX_TRIES)):
            try:
                generation = self.deps.generator().generate(
                    question.call, self._terms(), self.spender, CallLimits(deadline=self.deadline)
                )
            except (Throttled, Transient) as error:
                rest = error.retry_after or _FIRST_REST_SECONDS * 2 ** (MAX_TRIES - 1 - tries_left)
                left = self.deadline - self.deps.monotonic()
                if not tries_left or rest + MIN_CALL_SECONDS > left:
                    raise
                if error.receipt is not None:
                    self._add(error.receipt.lines)
                self.deps.sleep(rest)
            else:
                self._add(generation.receipt.lines)
                return generation
        raise AssertionError("the last try returns or raises")

    def _terms(self) -> Terms:
        budget = self.terms.budget
        if budget is not None:
            budget = max(Decimal(0), budget - sum((line.dollars for line in self.lines), Decimal()))
        return Terms(
            model=self.terms.model,
            quality=self.terms.quality,
            budget=budget,
            fallback=self.terms.model == AUTO,
        )

    def _add(self, lines: Sequence[ReceiptLine]) -> None:
        self.lines += [line.model_copy(update={"role": ROLE}) for line in lines]


def _failures(choices: FieldChoices) -> list[str]:
    """Return in words that a model was not asked about all open fields, and why."""
    if choices.error is None and not choices.left:
        return []
    why = "there were more than fit in its calls"
    if choices.error is not None:
        why = f"{choices.error.type}: {choices.error.message}".rstrip(".")
    fields = f"{choices.left} open fields" if choices.left != 1 else "an open field"
    return [f"The model {choices.model} did not answer about {fields}: {why}."]
