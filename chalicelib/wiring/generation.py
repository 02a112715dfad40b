"""The composition root of generation: what answers calls, whichever entry point asks."""

from __future__ import annotations

import functools
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from chalicelib.errors import HeadraceError
from chalicelib.observability import log_refusal, logger
from chalicelib.settings import GenerationSettings

if TYPE_CHECKING:
    from chalicelib.adapters.function_generation import AnsweringFunction, TrainedFunction
    from chalicelib.generation.checks import Judge
    from chalicelib.generation.dependencies import Backend, Budgets
    from chalicelib.generation.generating import Generator
    from chalicelib.generation.guarding import ModelGuard

SERVICE = "generation"


def generator(
    environ: Mapping[str, str], of: Budgets | None = None, believed_seconds: float = 0.0
) -> Generator:
    """Return what answers calls on the stage that `environ` describes.

    It spends `of` the stage's own budgets unless told otherwise, and believes what it read of a
    tenant's screening for so many seconds.
    """
    from chalicelib.generation.accounts import Accounts
    from chalicelib.generation.catalogue import catalogue
    from chalicelib.generation.dependencies import Stage
    from chalicelib.generation.generating import Generator
    from chalicelib.generation.served import served
    from chalicelib.jobs.ulids import ulid
    from chalicelib.wiring.budgets import budgets
    from chalicelib.wiring.models import models_of, place
    from chalicelib.wiring.screening import judge, screener

    settings = GenerationSettings.from_environ(environ)
    return Generator(
        Stage(
            served=served(),
            accounts=Accounts(served(), catalogue().prices),
            place=place(environ),
            backends=_backends(settings),
            budgets=of or budgets(environ),
            guard=_guard(settings),
            judges={"moderated": judge(environ, _log), **_support(settings)},
            now=_now,
            new_id=lambda: f"gen_{ulid(_now()).lower()}",
            log=_log,
            screen=screener(environ, believed_seconds),
            models_of=models_of(environ, believed_seconds),
        )
    )


def _support(settings: GenerationSettings) -> dict[str, Judge]:
    """Return the judge of the check `supported`, where there is a function for it."""
    if not settings.check_function:
        return {}
    from chalicelib.adapters import aws
    from chalicelib.adapters.functions import CheckFunction
    from chalicelib.generation.catalogue import catalogue
    from chalicelib.screening.supporting import SupportJudge, lambda_cost

    checker = CheckFunction(aws.checks(), settings.check_function)
    cost = lambda_cost(catalogue().cost, settings.check_memory_mb)
    return {"supported": SupportJudge(checker, cost, _log)}


def _backends(settings: GenerationSettings) -> dict[str, Backend]:
    from chalicelib.adapters import aws
    from chalicelib.adapters.bedrock_generation import BedrockBackendCalls
    from chalicelib.adapters.endpoint_generation import EndpointBackendCalls
    from chalicelib.adapters.endpoint_invocations import AsyncInvocations, Invocations, Waiting
    from chalicelib.adapters.function_generation import FunctionBackendCalls

    seconds = settings.model_seconds
    runtime = aws.endpoints(seconds)
    return {
        "bedrock": BedrockBackendCalls(aws.models_in, seconds),
        "function": FunctionBackendCalls(_functions(settings)),
        "endpoint": EndpointBackendCalls(
            Invocations(aws.endpoints, seconds),
            AsyncInvocations(runtime, aws.s3(), settings.endpoint_bucket, Waiting(seconds - 5.0)),
        ),
    }


def _functions(settings: GenerationSettings) -> dict[str, AnsweringFunction]:
    """Return the functions that run models, by what the catalogue calls them."""
    from chalicelib.adapters import aws
    from chalicelib.adapters.completing_function import CompleteFunction
    from chalicelib.adapters.drawing_function import DrawFunction
    from chalicelib.adapters.embedding_function import EmbeddingCalls
    from chalicelib.adapters.functions import EmbedFunction
    from chalicelib.adapters.picture_answers import AnswerImageFunction, CaptionImageFunction
    from chalicelib.adapters.picture_classes import ClassifyImageFunction
    from chalicelib.adapters.picture_embedding import EmbedImageFunction
    from chalicelib.adapters.scoring_function import ScoreFunction

    trained: Mapping[str, type[TrainedFunction]] = {
        "answer_image": AnswerImageFunction,
        "caption_image": CaptionImageFunction,
        "classify_image": ClassifyImageFunction,
        "complete_text": CompleteFunction,
        "embed_image": EmbedImageFunction,
        "generate_image": DrawFunction,
        "score_answer": ScoreFunction,
    }
    names, seconds = settings.functions, settings.model_seconds
    made: dict[str, AnsweringFunction] = {
        function: kind(aws.functions_within, names[function], seconds)
        for function, kind in trained.items()
        if function in names
    }
    if "embed_text" in names:
        made["embed_text"] = EmbeddingCalls(EmbedFunction(aws.functions(), names["embed_text"]))
    return made


@functools.cache
def _guard(settings: GenerationSettings) -> ModelGuard:
    from chalicelib.adapters import aws
    from chalicelib.adapters.dynamodb import Table
    from chalicelib.adapters.model_health import ModelHealthRecords
    from chalicelib.generation.guarding import ModelGuard

    table = Table(aws.dynamodb(), settings.records_table)
    return ModelGuard(ModelHealthRecords(table, time.time), time.time, time.sleep, _log)


def _log(error: HeadraceError) -> None:
    log_refusal(logger(SERVICE), error)


def _now() -> datetime:
    return datetime.now(UTC)
