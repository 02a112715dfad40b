"""The most that a suite may use and cost, before anything is asked. Pure.

Calls of prompts, models and judges are estimated as those of a batch are. Answers that are not
known yet are taken to be as long as they may be. What the cache spares is not known either.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from chalicelib.batches.estimate import BatchEstimator
from chalicelib.batches.items import BatchItem
from chalicelib.contracts.batches import BatchEstimate, ModelEstimate
from chalicelib.contracts.evaluations.graders import PairwisePreference, RubricJudgement
from chalicelib.contracts.evaluations.results import TargetAnswer
from chalicelib.contracts.evaluations.suites import AskTarget, ModelTarget, RecordedTarget
from chalicelib.contracts.generations import Call, ChatCall, Terms
from chalicelib.evaluation.graders.base import GradedSample
from chalicelib.evaluation.graders.judgement import PairwiseGrader, RubricGrader
from chalicelib.evaluation.model_calls import model_call
from chalicelib.evaluation.swaps import swapped_cases
from chalicelib.prompts.rendering import CompiledPrompt

if TYPE_CHECKING:
    from datetime import datetime

    from chalicelib.contracts.evaluations.jobs import PinnedTarget
    from chalicelib.contracts.evaluations.suites import Suite, SuiteCase, Target
    from chalicelib.generation.added_models import StageModels
    from chalicelib.generation.requirements import CallRegion

CHARACTERS_PER_TOKEN = 3
"""Of an answer that is not known yet: fewer than in most languages, so that it counts for more."""
_ASK = ModelEstimate(
    wanted="ask",
    items=0,
    tokens_in=0,
    tokens_out=0,
    words=("An ask costs what it finds; calls of models for it are bounded by the budget.",),
)


def estimate_suite(
    suite: Suite,
    pinned: Mapping[str, PinnedTarget],
    place: CallRegion,
    allowed: frozenset[str] | None,
    stage: StageModels,
    now: datetime,
    concurrency: int,
) -> BatchEstimate:
    """Return what a run uses and costs at most.

    Raises:
        InvalidInput: a template fails on a case.
    """
    estimator = BatchEstimator(place, allowed)
    compiled = {name: CompiledPrompt(each.content) for name, each in pinned.items()}
    asks = 0
    for case in _asked_cases(suite):
        for target in suite.targets:
            if isinstance(target, AskTarget):
                asks += suite.repeats
            for call, terms in _target_calls(target, case, compiled):
                item = BatchItem(case.id, "own", call, terms)
                for _ in range(suite.repeats):
                    estimator.add(item)
            for call, terms in _judge_calls(suite, target, case, pinned):
                item = BatchItem(case.id, "own", call, terms)
                for _ in range(suite.repeats):
                    estimator.add(item)
    estimate = estimator.estimate(stage.models, stage.prices, now, concurrency)
    if asks:
        told = _ASK.model_copy(update={"items": asks})
        estimate = estimate.model_copy(update={"models": (*estimate.models, told)})
    return estimate


def _asked_cases(suite: Suite) -> Iterator[SuiteCase]:
    """Yield the cases, and each with its swaps."""
    for case in suite.cases:
        yield case
        for swapped in swapped_cases(suite, case):
            yield swapped.case


def _target_calls(
    target: Target, case: SuiteCase, compiled: Mapping[str, CompiledPrompt]
) -> Iterator[tuple[Call, Terms]]:
    match target:
        case AskTarget() | RecordedTarget():
            return
        case ModelTarget():
            yield (
                model_call(target, case),
                Terms(model=target.model, quality=target.quality, fallback=target.fallback),
            )
        case _:
            yield from _prompt_calls(compiled[target.name], case, target.model)


def _prompt_calls(
    prompt: CompiledPrompt, case: SuiteCase, model: str | None
) -> Iterator[tuple[Call, Terms]]:
    content = prompt.content
    values = prompt.values(
        {name: value for name, value in case.variables.items() if name in content.variables}
    )
    changes = {"model": model} if model else {}
    outputs: dict[str, str] = {}
    for position, turn in enumerate(content.turns):
        call = prompt.call(position, values, outputs, "@@0123456789abcdef")
        yield call, prompt.terms(position).model_copy(update=changes)
        outputs[turn.name] = _unknown_text(turn.max_tokens or content.parameters.max_tokens)
    if prompt.verifier is not None:
        call = prompt.verification(values, outputs, "@@0123456789abcdef")
        yield call, prompt.terms().model_copy(update=changes)


def _judge_calls(
    suite: Suite, target: Target, case: SuiteCase, pinned: Mapping[str, PinnedTarget]
) -> Iterator[tuple[ChatCall, Terms]]:
    if isinstance(target, ModelTarget):
        tokens = target.max_tokens
    elif target.name in pinned:
        content = pinned[target.name].content
        tokens = content.turns[-1].max_tokens or content.parameters.max_tokens
    else:
        tokens = 512
    answer = TargetAnswer(text=_unknown_text(tokens))
    for grading in suite.graders_of(case):
        grader: RubricGrader | PairwiseGrader
        if isinstance(grading, RubricJudgement):
            grader = RubricGrader(grading)
        elif isinstance(grading, PairwisePreference) and grading.against != target.name:
            grader = PairwiseGrader(grading)
        else:
            continue
        terms = Terms(
            model=grading.model, quality=grading.quality if grading.model == "auto" else 1
        )
        for call in grader.calls(GradedSample(case, answer, answer)):
            yield call, terms


def _unknown_text(tokens: int) -> str:
    return "x " * (tokens * CHARACTERS_PER_TOKEN // 2)
