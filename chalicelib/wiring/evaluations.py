"""The composition root of evaluations: what answers the cases of a suite, and what grades them."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from chalicelib.settings import GenerationSettings, QuerySettings

if TYPE_CHECKING:
    from chalicelib.adapters.s3_streams import S3BatchObjects
    from chalicelib.contracts.answers import AskResponse
    from chalicelib.contracts.evaluations.jobs import EvaluationInput
    from chalicelib.contracts.evaluations.orders import EvaluationOrder
    from chalicelib.contracts.evaluations.suites import AskTarget
    from chalicelib.contracts.jobs import JobInput
    from chalicelib.evaluation.runner import CaseRunner
    from chalicelib.evaluation.targets import SuiteAsk
    from chalicelib.generation.dependencies import Budgets
    from chalicelib.generation.executor import Generator

ANSWER_SECONDS = 45.0
"""The seconds that a language model has to word the answer of an ask."""
BELIEVED_SECONDS = 10.0
"""For how long what was read of a tenant's screening is believed."""


def case_runners(
    environ: Mapping[str, str], objects: S3BatchObjects
) -> Callable[[JobInput, EvaluationInput, float], CaseRunner]:
    """Return what builds the runner of an evaluation, whose calls end by a time of the clock."""

    def build(job: JobInput, given: EvaluationInput, ends_at: float) -> CaseRunner:
        from chalicelib.adapters import aws
        from chalicelib.adapters.functions import CheckFunction, EmbedFunction
        from chalicelib.budgets.spender import Spender
        from chalicelib.evaluation.runner import CaseRunner
        from chalicelib.evaluation.services import StageServices
        from chalicelib.evaluation.storage import ObjectCache
        from chalicelib.evaluation.targets import (
            SuiteTargets,
            models_digest,
            replaceable_models,
        )
        from chalicelib.generation.catalogue import catalogue
        from chalicelib.generation.dependencies import CallLimits
        from chalicelib.screening.answer_checks import lambda_cost
        from chalicelib.wiring.models import stage_models
        from chalicelib.wiring.screening import screening_digest, screens

        order = _order(job)
        generator = _generator(environ, job, order)
        spender = Spender(job.tenant, order.key, correlation_id=job.correlation_id)
        limits = CallLimits(ends_at)
        queries = QuerySettings.from_environ(environ)
        settings = GenerationSettings.from_environ(environ)
        served = stage_models(environ)().models
        stage = f"{models_digest(served)}-{screening_digest(environ, job.tenant)}"
        return CaseRunner(
            suite=given.suite,
            answerer=SuiteTargets(
                pinned={each.target: each for each in given.pinned},
                generator=generator,
                ask=_ask(environ, job, order, generator),
                spender=spender,
                limits=limits,
                stage=stage,
                replaceable=replaceable_models(served),
                now=_now,
                clock=time.monotonic,
            ),
            services=StageServices(
                generator=generator,
                embedder=EmbedFunction(aws.functions(), queries.embed_function),
                checker=CheckFunction(aws.checks(), queries.check_function),
                screens=screens(environ),
                pages=objects,
                bucket=job.bucket,
                spender=spender,
                limits=limits,
                cost=lambda_cost(catalogue().cost, settings.check_memory_mb),
            ),
            cache=ObjectCache(objects, job.bucket, job.tenant),
            stage=stage,
        )

    return build


def _order(job: JobInput) -> EvaluationOrder:
    from chalicelib.errors import Conflict

    if job.evaluation is None:
        raise Conflict(f"{job.job_id} is no evaluation.", field="kind")
    return job.evaluation


def _generator(environ: Mapping[str, str], job: JobInput, order: EvaluationOrder) -> Generator:
    from chalicelib.contracts.receipts import nanodollars
    from chalicelib.evaluation.suite_budget import SuiteBudget
    from chalicelib.wiring.budgets import budgets, spending
    from chalicelib.wiring.generation import generator

    spends: Budgets = budgets(environ)
    if order.budget is not None:
        records, _ = spending(environ)
        limit = nanodollars(order.budget)
        spends = SuiteBudget(spends, records, job.job_id, limit, _now)
    return generator(environ, spends, BELIEVED_SECONDS)


def _ask(
    environ: Mapping[str, str], job: JobInput, order: EvaluationOrder, generator: Generator
) -> SuiteAsk:
    from chalicelib.retrieval.search.query import Query
    from chalicelib.wiring.queries import QueryServices

    services = QueryServices(environ, lambda: generator, ANSWER_SECONDS)

    def ask(target: AskTarget, question: str) -> AskResponse:
        query = Query(
            tenant=job.tenant,
            text=question,
            collection=target.collection,
            top_k=target.top_k,
            correlation_id=job.correlation_id,
            field="question",
            filter=target.filter,
            rerank=target.rerank,
            key=order.key,
        )
        return services.answerer.answer(query, target.tier)

    return ask


def _now() -> datetime:
    return datetime.now(UTC)
