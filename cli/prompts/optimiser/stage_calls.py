"""Answers of proposals by the stage's own API, so that its router, budgets and receipts hold.

A proposal is rendered here, as the stage renders a saved prompt, and each turn is one
`POST /v1/generations`. Each call may cost what is left of the search's budget, and no more.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from chalicelib import errors
from chalicelib.contracts.evaluations.results import TargetAnswer
from chalicelib.contracts.evaluations.suites import InlinePromptTarget, SuiteCase, Target
from chalicelib.contracts.generations import ChatCall, ChatOutput, Generation, Terms, TextPart
from chalicelib.contracts.prompt_runs import RunPromptRequest
from chalicelib.contracts.prompts import PromptVersion
from chalicelib.evaluation.graders.base import JudgeReply
from chalicelib.generation.dependencies import NO_LIMITS, CallLimits
from chalicelib.prompts.library import canonical_json
from chalicelib.prompts.runs import PromptRunner
from cli.failures import ApiError, UnreachableError
from cli.prompts.optimiser.scoring import SearchSpending

if TYPE_CHECKING:
    from chalicelib.contracts.answers import Citation
    from chalicelib.contracts.functions.check_support import ClaimVerdict
    from chalicelib.contracts.generations import Call
    from chalicelib.contracts.receipts import ReceiptLine
    from chalicelib.contracts.screening import Category, Finding
    from cli.client import Api

_FREE_GRADERS = frozenset(
    ("exact", "contains", "regex", "json_schema", "numeric", "rouge", "bleu", "cost", "latency")
)
OFFERED_GRADERS = _FREE_GRADERS | {"rubric"}
"""Graders that need nothing but the answer, or a model; others need the stage's own functions."""


@dataclass(slots=True)
class StageCalls:
    """Calls of the models of a stage for one search, with account of what they cost.

    `left` are the dollars that it may still spend; with None only the budgets of the key and the
    stage hold.
    """

    api: Api
    left: Decimal | None = None
    spending: SearchSpending = field(default_factory=SearchSpending)

    def generate(
        self, call: Call, terms: Terms, spender: object, limits: CallLimits = NO_LIMITS
    ) -> Generation:
        """Return the answer of the model that the stage chooses.

        Raises:
            QuotaExceeded: the search's budget, or one of the stage, has no room for the call.
            Transient: the stage cannot be reached.
            HeadraceError: as the stage answers.
        """
        if not isinstance(call, ChatCall):
            raise errors.Unsupported("A prompt that draws pictures cannot be optimised.")
        if self.left is not None and self.left <= 0:
            raise errors.QuotaExceeded("The budget is used up.", field="budget")
        body = request_body(call, terms, self.left)
        try:
            made = Generation.model_validate(self.api.generate(body))
        except ApiError as refused:
            raise stage_error(refused) from refused
        except UnreachableError as lost:
            raise errors.Transient(str(lost)) from lost
        except ValidationError as strange:
            raise errors.ModelFailure("The stage's answer is no generation.") from strange
        # Here, not where an answer is graded: one that is cut off or no JSON is paid for, too.
        self.spending.add(made.receipt)
        if self.left is not None:
            self.left -= made.receipt.dollars
        return made


def request_body(call: ChatCall, terms: Terms, left: Decimal | None) -> dict[str, Any]:
    """Return the body of `POST /v1/generations` for a call.

    An answer that is cut off is taken, so that its receipt is known; the runner refuses it then.
    """
    body: dict[str, Any] = {
        "messages": [
            {
                "role": message.role,
                "content": "".join(
                    part.text for part in message.content if isinstance(part, TextPart)
                ),
            }
            for message in call.messages
        ],
        "max_tokens": call.max_tokens,
        "allow_truncation": True,
        "model": terms.model,
        "quality": terms.quality,
        "service_tier": terms.service_tier,
        "checks": [each for each in terms.checks if each != "schema"],
        "fallback": terms.fallback,
    }
    optional = {
        "system": call.system or None,
        "temperature": call.temperature,
        "top_p": call.top_p,
        "stop": list(call.stop) or None,
        "seed": call.seed,
        "json_schema": dict(call.json_output.json_schema or {}) if call.json_output else None,
    }
    body |= {name: value for name, value in optional.items() if value is not None}
    budgets = [each for each in (left, terms.budget) if each is not None]
    if budgets:
        body["budget"] = format(min(budgets), "f")
    return body


def stage_error(refused: ApiError) -> errors.HeadraceError:
    """Return the stage's error as it was raised there; a refusal of the budget is a quota's."""
    kind = getattr(errors, refused.type, None)
    if refused.field == "budget":
        kind = errors.QuotaExceeded
    elif refused.status in (429, 500, 502, 503, 504) and kind is None:
        kind = errors.Transient
    if not (isinstance(kind, type) and issubclass(kind, errors.HeadraceError)):
        kind = errors.ModelFailure
    limit = None if refused.limit is None else str(refused.limit)
    return kind(refused.message, field=refused.field, limit=limit)


@dataclass(frozen=True, slots=True)
class ProposalAnswerer:
    """Runs proposals as the stage runs saved prompts; `model` takes the place of theirs."""

    calls: StageCalls
    model: str | None = None

    def identity(self, target: Target) -> str:
        """Return what decides the answers of a proposal: what it says, and the model."""
        return f"{self.model or ''}\n{canonical_json(_content(target))}"

    def answer(self, target: Target, case: SuiteCase, repeat: int) -> TargetAnswer:
        """Return the answer of a proposal to a case; raises as generations do."""
        content = _content(target)
        given = {name: case.variables[name] for name in content.variables if name in case.variables}
        fence = _fence(given)
        spender: Any = None  # the stage knows the key
        runner = PromptRunner(self.calls, lambda: fence, _now, lambda: case.id)
        version = PromptVersion(
            name="proposal", version=1, sha256="", bytes=0, created_at=_now(), content=content
        )
        began = time.monotonic()
        run = runner.run(version, RunPromptRequest(variables=given, model=self.model), spender)
        accepted = [each for each in run.attempts if each.outcome == "accepted"]
        return TargetAnswer(
            text=run.output,
            outputs=run.outputs,
            model=accepted[-1].model if accepted else "",
            answered_by=accepted[-1].answered_by if accepted else "",
            seconds=round(time.monotonic() - began, 6),
            receipt=run.receipt,
        )


@dataclass(frozen=True, slots=True)
class StageJudge:
    """The services of graders that a client of a stage can give: a model that judges."""

    calls: StageCalls

    def judge(self, call: ChatCall, model: str, quality: int) -> JudgeReply:
        """Return the reply of a model of the stage to `call`."""
        terms = Terms(model=model, quality=quality if model == "auto" else 1)
        made = self.calls.generate(call, terms, None)
        if not isinstance(made.output, ChatOutput):
            raise errors.ModelFailure(f"{made.model} judged with no text.")
        return JudgeReply(made.output.text, made.receipt.lines)

    def embed(
        self, texts: Sequence[str]
    ) -> tuple[Sequence[Sequence[float]], tuple[ReceiptLine, ...]]:
        """Raise `Unsupported`."""
        raise _not_offered("similarity")

    def support(
        self, question: str, claims: Sequence[str], sources: Sequence[str]
    ) -> tuple[Sequence[ClaimVerdict], tuple[ReceiptLine, ...]]:
        """Raise `Unsupported`."""
        raise _not_offered("supported")

    def screen(
        self, text: str, categories: Sequence[Category], least: float
    ) -> tuple[Finding, ...]:
        """Raise `Unsupported`."""
        raise _not_offered("safety")

    def quoted_text(self, citation: Citation) -> str | None:
        """Raise `Unsupported`."""
        raise _not_offered("citations")


def _not_offered(grader: str) -> errors.Unsupported:
    return errors.Unsupported(
        f"The optimiser has no grader {grader}; it has {', '.join(sorted(OFFERED_GRADERS))}.",
        field="graders",
    )


def _content(target: Target) -> Any:
    assert isinstance(target, InlinePromptTarget), "proposals are written out"
    return target.content


def _fence(given: dict[str, Any]) -> str:
    """Return a fence that no variable can contain, since it is their hash; the same each time."""
    text = json.dumps(given, sort_keys=True)
    return f"@@{hashlib.sha256(text.encode(errors='surrogatepass')).hexdigest()[:16]}"


def _now() -> datetime:
    return datetime.now(UTC)
