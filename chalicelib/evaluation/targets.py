"""Targets of a suite: the versions that they name, and how each answers a case."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Protocol

from chalicelib.contracts.evaluations.jobs import PinnedTarget
from chalicelib.contracts.evaluations.results import TargetAnswer
from chalicelib.contracts.evaluations.suites import (
    AskTarget,
    InlinePromptTarget,
    ModelTarget,
    PromptTarget,
    RecordedTarget,
)
from chalicelib.contracts.generations import ChatOutput, ClassifyOutput, Terms
from chalicelib.contracts.prompt_runs import RunPromptRequest
from chalicelib.contracts.prompts import PromptVersion
from chalicelib.errors import InvalidInput, ModelFailure
from chalicelib.evaluation.model_calls import model_call
from chalicelib.generation.models import (
    BedrockBackend,
    EndpointBackend,
    FunctionBackend,
    OpenAiBackend,
    TranscribeBackend,
)
from chalicelib.prompts.runs import PromptRunner

if TYPE_CHECKING:
    from chalicelib.budgets.spender import Spender
    from chalicelib.contracts.answers import AskResponse
    from chalicelib.contracts.evaluations.suites import SuiteCase, Target
    from chalicelib.contracts.generations import Generation
    from chalicelib.generation.dependencies import CallLimits
    from chalicelib.generation.models import ModelBackend, ServedModels
    from chalicelib.prompts.runs import TurnGenerator


class SuiteAsk(Protocol):
    """Answers questions from documents."""

    def __call__(self, target: AskTarget, question: str) -> AskResponse:
        """Return the answer to a question of the tenant."""


def describe_target(target: Target, pinned: Mapping[str, PinnedTarget]) -> str:
    """Return in words what a target is."""
    match target:
        case PromptTarget():
            model = f", by {target.model}" if target.model else ""
            return f"{target.prompt}, version {pinned[target.name].version}{model}"
        case InlinePromptTarget():
            return f"a prompt of the suite{f', by {target.model}' if target.model else ''}"
        case ModelTarget():
            return f"the model {target.model}"
        case AskTarget():
            return f"an ask of {target.collection or 'all documents'}"
        case RecordedTarget():
            return "answers that were given before"


@dataclass(frozen=True, slots=True)
class SuiteTargets:
    """Answers the cases of one run of a suite.

    `stage` is a hash of what else decides an answer: the models among which `auto` chooses, and the
    screening of the tenant. `replaceable` are the models whose version may change under their name.
    `limits` are those of every call, and `clock` the one that they are kept by.
    """

    pinned: Mapping[str, PinnedTarget]
    generator: TurnGenerator
    ask: SuiteAsk
    spender: Spender
    limits: CallLimits
    stage: str
    replaceable: frozenset[str]
    now: Callable[[], datetime]
    clock: Callable[[], float]

    def identity(self, target: Target) -> str:
        """Return what decides a target's answers, "" for an ask: its documents may change."""
        match target:
            case AskTarget() | RecordedTarget():
                return ""
            case PromptTarget() | InlinePromptTarget():
                parts: list[object] = [self.pinned[target.name].sha256, target.model]
            case ModelTarget():
                parts = [target.model_dump(mode="json", exclude={"name"})]
        return json.dumps([*parts, self.stage], sort_keys=True)

    def answer(self, target: Target, case: SuiteCase, repeat: int) -> TargetAnswer:
        """Return the answer of a target to a case; raises as generations and asks do."""
        match target:
            case AskTarget():
                return self._asked(target, case)
            case ModelTarget():
                return self._generated(target, case)
            case RecordedTarget():
                assert case.labelled is not None, "the suite was checked"
                return TargetAnswer(text=case.labelled)
            case _:
                return self._run(target, case)

    def _run(self, target: PromptTarget | InlinePromptTarget, case: SuiteCase) -> TargetAnswer:
        pinned = self.pinned[target.name]
        given = {
            name: value
            for name, value in case.variables.items()
            if name in pinned.content.variables
        }
        fence = _fence(pinned.sha256, given)
        runner = PromptRunner(
            self.generator, lambda: fence, self.now, lambda: "run_of_a_suite", self.clock
        )
        version = PromptVersion(
            name=pinned.prompt,
            version=pinned.version,
            sha256=pinned.sha256,
            bytes=0,
            created_at=self.now(),
            content=pinned.content,
        )
        began = self.clock()
        run = runner.run(
            version,
            RunPromptRequest(variables=given, model=target.model),
            self.spender,
            self.limits,
        )
        accepted = [each for each in run.attempts if each.outcome == "accepted"]
        return TargetAnswer(
            text=run.output,
            outputs=run.outputs,
            model=accepted[-1].model if accepted else "",
            answered_by=accepted[-1].answered_by if accepted else "",
            seconds=round(self.clock() - began, 6),
            receipt=run.receipt,
            repeatable=self.replaceable.isdisjoint(each.model for each in accepted),
        )

    def _generated(self, target: ModelTarget, case: SuiteCase) -> TargetAnswer:
        began = self.clock()
        terms = Terms(model=target.model, quality=target.quality, fallback=target.fallback)
        made = self.generator.generate(model_call(target, case), terms, self.spender, self.limits)
        return TargetAnswer(
            text=_text_of(made, target),
            model=made.model,
            answered_by=made.answered_by,
            seconds=round(self.clock() - began, 6),
            receipt=made.receipt,
            repeatable=made.model not in self.replaceable,
        )

    def _asked(self, target: AskTarget, case: SuiteCase) -> TargetAnswer:
        question = case.variables[target.question]
        assert isinstance(question, str), "the suite was checked"
        began = self.clock()
        answer = self.ask(target, question)
        return TargetAnswer(
            text=answer.answer,
            citations=answer.citations,
            sources=tuple(dict.fromkeys(each.quote for each in answer.citations)),
            model=answer.tier,
            seconds=round(self.clock() - began, 6),
            receipt=answer.receipt,
        )


def _text_of(made: Generation, target: ModelTarget) -> str:
    """Return the text of a model's answer, or its likeliest label.

    Raises:
        ModelFailure: it has neither.
        InvalidInput: it was cut off, and such answers are not kept.
    """
    output = made.output
    if isinstance(output, ClassifyOutput):
        (shares,) = output.shares
        return output.labels[max(range(len(shares)), key=shares.__getitem__)]
    if not isinstance(output, ChatOutput):
        raise ModelFailure(f"{made.model} answered with no text.")
    if output.finish == "length" and not target.keep_truncated:
        error = InvalidInput(
            f"The answer did not fit into max_tokens, {target.max_tokens}. It is paid for.",
            field="max_tokens",
            limit=str(target.max_tokens),
            usage=made.usage,
        )
        error.receipt = made.receipt
        raise error
    return output.text


def models_digest(served: ServedModels) -> str:
    """Return a hash of a stage's models, among which `auto` chooses, and of what is behind them.

    An added model may be moved to another server under its name, and answers differently there.
    """
    told = sorted(f"{each.name} {_backend_id(each.backend)}" for each in served.models.values())
    return hashlib.sha256("\n".join(told).encode()).hexdigest()[:16]


def replaceable_models(served: ServedModels) -> frozenset[str]:
    """Return the models whose version may change while their name and what is behind it do not.

    They are those that the stage trains: what a function serves, and what an endpoint has.
    """
    return frozenset(
        each.name
        for each in served.models.values()
        if isinstance(each.backend, EndpointBackend)
        or (isinstance(each.backend, FunctionBackend) and each.backend.recipes)
    )


def _backend_id(backend: ModelBackend) -> str:
    match backend:
        case BedrockBackend():
            return backend.model_id
        case EndpointBackend():
            return f"{backend.endpoint} {backend.schema}"
        case FunctionBackend():
            return f"{backend.function} {backend.template}"
        case TranscribeBackend():
            return backend.kind
        case OpenAiBackend():
            return f"{backend.url} {backend.model_id} {backend.schema}"


def _fence(digest: str, given: Mapping[str, object]) -> str:
    """Return a fence that no variable can contain, since it is a hash of them.

    It is the same each time, so that the same case is the same call.
    """
    text = json.dumps([digest, given], sort_keys=True)
    return f"@@{hashlib.sha256(text.encode()).hexdigest()[:16]}"
