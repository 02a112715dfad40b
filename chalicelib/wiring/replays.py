"""The composition root of shadow answers: what asks the candidate of a rollout, and judges it."""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from chalicelib.settings import RecordsSettings

if TYPE_CHECKING:
    from chalicelib.budgets.spender import Spender
    from chalicelib.contracts.answers import AskRequest, AskResponse
    from chalicelib.generation.dependencies import CallLimits
    from chalicelib.generation.executor import Generator
    from chalicelib.retrieval.search.query import Query
    from chalicelib.rollouts.candidates import AskDocuments
    from chalicelib.rollouts.records import RolloutState
    from chalicelib.rollouts.shadow import CandidateAnswerer, ShadowJudge, ShadowReplay

ANSWER_SECONDS = 45.0
"""The seconds that a language model has to word the answer of an ask."""
BELIEVED_SECONDS = 10.0
"""For how long what was read of a tenant's screening is believed."""


def shadow_replay(
    environ: Mapping[str, str], state: RolloutState, ends_at: float, *, judged: bool = True
) -> ShadowReplay:
    """Return what has the candidate of a rollout answer calls in the background.

    Args:
        environ: The environment, which names the stage's resources.
        state: The rollout. What the answers cost comes from its own budget, and from those of its
            tenant and of the key that asked for it.
        ends_at: When the answers have to be there, by `time.monotonic`.
        judged: Whether a model also compares the answers of both arms.
    """
    from chalicelib.adapters import aws
    from chalicelib.adapters.dynamodb import DynamoTable
    from chalicelib.adapters.records.rollouts import RolloutTable
    from chalicelib.budgets.spender import Spender
    from chalicelib.generation.dependencies import CallLimits
    from chalicelib.rollouts.shadow import ShadowReplay

    generator = _generator(environ, state)
    spender = Spender(state.tenant, state.key, correlation_id=state.rollout.rollout_id)
    limits = CallLimits(ends_at)
    table = DynamoTable(aws.dynamodb(), RecordsSettings.from_environ(environ).records_table)
    return ShadowReplay(
        records=RolloutTable(table),
        candidate=_candidate(environ, state, generator, spender, limits),
        judge=_judge(generator, spender, limits) if judged else None,
        utcnow=_now,
        monotonic=time.monotonic,
        ends_at=ends_at,
    )


def _generator(environ: Mapping[str, str], state: RolloutState) -> Generator:
    from chalicelib.contracts.receipts import nanodollars
    from chalicelib.evaluation.suite_budget import SuiteBudget
    from chalicelib.wiring.budgets import budgets, spending
    from chalicelib.wiring.generation import generator

    records, _ = spending(environ)
    budget = SuiteBudget(
        budgets(environ),
        records,
        state.rollout.rollout_id,
        nanodollars(state.rollout.shadow_budget),
        _now,
        owner="rollout",
        advice="Begin another rollout with a larger shadow_budget, or without a shadow stage.",
    )
    return generator(environ, budget, BELIEVED_SECONDS)


def _candidate(
    environ: Mapping[str, str],
    state: RolloutState,
    generator: Generator,
    spender: Spender,
    limits: CallLimits,
) -> CandidateAnswerer:
    from chalicelib.generation.fences import random_fence
    from chalicelib.prompts.runs import PromptRunner
    from chalicelib.rollouts.candidates import CandidateModel, CandidatePrompt, CandidateRetrieval
    from chalicelib.wiring.prompts import prompt_library

    subject, to = state.rollout.subject, state.rollout.to
    match subject.kind:
        case "model":
            return CandidateModel(to, generator, spender, limits)
        case "prompt":
            runner = PromptRunner(generator, random_fence, _now, lambda: "run_of_a_shadow")
            library = prompt_library(environ)
            return CandidatePrompt(subject.name, int(to), library, runner, spender, limits)
        case "retrieval":
            return CandidateRetrieval(to, _ask(environ, generator), spender)


def _ask(environ: Mapping[str, str], generator: Generator) -> AskDocuments:
    from chalicelib.wiring.queries import QueryServices

    services = QueryServices(environ, lambda: generator, ANSWER_SECONDS, logs_answers=False)

    def ask(query: Query, request: AskRequest) -> AskResponse:
        return services.answerer.answer(query, request.tier, request.history)

    return ask


def _judge(generator: Generator, spender: Spender, limits: CallLimits) -> ShadowJudge:
    from chalicelib.evaluation.services import ModelJudge
    from chalicelib.rollouts.shadow_judge import PairwiseShadowJudge

    return PairwiseShadowJudge(ModelJudge(generator, spender, limits))


def _now() -> datetime:
    return datetime.now(UTC)
