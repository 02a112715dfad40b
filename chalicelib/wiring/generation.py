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
    from chalicelib.adapters.models.function import AnsweringFunction, TrainedFunction
    from chalicelib.adapters.models.openai_client import OpenAiServers
    from chalicelib.generation.checks import AnswerJudge
    from chalicelib.generation.dependencies import Backend, Budgets
    from chalicelib.generation.executor import Generator
    from chalicelib.generation.rate_limits.guard import ModelGuard

SERVICE = "generation"


def generator(
    environ: Mapping[str, str], of: Budgets | None = None, believed_seconds: float = 0.0
) -> Generator:
    """Return what answers calls on the stage that `environ` describes.

    It spends `of` the stage's own budgets unless told otherwise, and believes what it read of a
    tenant's screening for so many seconds.
    """
    from chalicelib.generation.catalogue import catalogue
    from chalicelib.generation.dependencies import GenerationDeps
    from chalicelib.generation.executor import Generator
    from chalicelib.generation.model_file import served_models
    from chalicelib.generation.receipts import CostModel
    from chalicelib.jobs.ulids import ulid
    from chalicelib.wiring.budgets import budgets
    from chalicelib.wiring.models import models_of, place, stage_models
    from chalicelib.wiring.screening import judge, screener

    settings = GenerationSettings.from_environ(environ)
    return Generator(
        GenerationDeps(
            models=served_models(),
            cost_model=CostModel(served_models(), catalogue().prices),
            call_region=place(environ),
            backends=_backends(settings),
            budgets=of or budgets(environ),
            guard=_guard(settings),
            judges={"moderated": judge(environ, _log), **_support(settings)},
            utcnow=_now,
            new_id=lambda: f"gen_{ulid(_now()).lower()}",
            on_error=_log,
            screen=screener(environ, believed_seconds),
            allowed_models=models_of(environ, believed_seconds),
            stage_models=stage_models(environ),
        )
    )


def _support(settings: GenerationSettings) -> dict[str, AnswerJudge]:
    """Return the judge of the check `supported`, where there is a function for it."""
    if not settings.check_function:
        return {}
    from chalicelib.adapters import aws
    from chalicelib.adapters.functions import CheckFunction
    from chalicelib.generation.catalogue import catalogue
    from chalicelib.screening.answer_checks import SupportJudge, lambda_cost

    checker = CheckFunction(aws.checks(), settings.check_function)
    cost = lambda_cost(catalogue().cost, settings.check_memory_mb)
    return {"supported": SupportJudge(checker, cost, _log)}


def _backends(settings: GenerationSettings) -> dict[str, Backend]:
    from chalicelib.adapters import aws
    from chalicelib.adapters.models.bedrock import BedrockCaller
    from chalicelib.adapters.models.endpoint import EndpointCaller
    from chalicelib.adapters.models.endpoint_client import (
        AsyncInvocations,
        AsyncWait,
        RealTimeInvocations,
    )
    from chalicelib.adapters.models.function import FunctionCaller
    from chalicelib.adapters.models.openai_compatible import OpenAiCompatibleCaller

    seconds = settings.model_seconds
    runtime = aws.endpoints(seconds)
    return {
        "bedrock": BedrockCaller(aws.models_in, seconds),
        "openai": OpenAiCompatibleCaller(lambda: _openai_servers(settings), seconds),
        "function": FunctionCaller(_functions(settings)),
        "endpoint": EndpointCaller(
            RealTimeInvocations(aws.endpoints, seconds),
            AsyncInvocations(runtime, aws.s3(), settings.endpoint_bucket, AsyncWait(seconds - 5.0)),
        ),
    }


def _openai_servers(settings: GenerationSettings) -> OpenAiServers:
    from chalicelib.adapters import aws
    from chalicelib.adapters.models.openai_client import OpenAiServers
    from chalicelib.adapters.secrets import ModelKeys

    return OpenAiServers(ModelKeys(aws.secrets()), private_allowed=settings.private_models)


def _functions(settings: GenerationSettings) -> dict[str, AnsweringFunction]:
    """Return the functions that run models, by what the catalogue calls them."""
    from chalicelib.adapters import aws
    from chalicelib.adapters.functions import EmbedFunction
    from chalicelib.adapters.models.image_chat_functions import (
        AnswerImageFunction,
        CaptionImageFunction,
    )
    from chalicelib.adapters.models.image_functions import (
        ClassifyImageFunction,
        EmbedImageFunction,
        GenerateImageFunction,
    )
    from chalicelib.adapters.models.label_functions import LabelTextFunction
    from chalicelib.adapters.models.speech_functions import TranscribeFunction
    from chalicelib.adapters.models.text_functions import (
        CompleteTextFunction,
        EmbedTextFunction,
        ScoreAnswerFunction,
    )

    trained: Mapping[str, type[TrainedFunction]] = {
        "answer_image": AnswerImageFunction,
        "caption_image": CaptionImageFunction,
        "classify_image": ClassifyImageFunction,
        "complete_text": CompleteTextFunction,
        "embed_image": EmbedImageFunction,
        "generate_image": GenerateImageFunction,
        "label_text": LabelTextFunction,
        "score_answer": ScoreAnswerFunction,
        "transcribe_speech": TranscribeFunction,
    }
    names, seconds = settings.functions, settings.model_seconds
    made: dict[str, AnsweringFunction] = {
        function: kind(aws.functions_within, names[function], seconds)
        for function, kind in trained.items()
        if function in names
    }
    if "embed_text" in names:
        made["embed_text"] = EmbedTextFunction(EmbedFunction(aws.functions(), names["embed_text"]))
    return made


@functools.cache
def _guard(settings: GenerationSettings) -> ModelGuard:
    from chalicelib.adapters import aws
    from chalicelib.adapters.dynamodb import DynamoTable
    from chalicelib.adapters.records.models import BreakerRecords
    from chalicelib.generation.rate_limits.guard import ModelGuard

    table = DynamoTable(aws.dynamodb(), settings.records_table)
    return ModelGuard(BreakerRecords(table, time.time), time.time, time.sleep, _log)


def _log(error: HeadraceError) -> None:
    log_refusal(logger(SERVICE), error)


def _now() -> datetime:
    return datetime.now(UTC)
