"""The composition root of search and answers, for the API and the streaming function.

Everything is built on first use and then reused: importing this needs neither environment nor
network.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cached_property
from typing import TYPE_CHECKING

from chalicelib.observability import log_refusal, logger
from chalicelib.settings import GenerationSettings, QuerySettings, RecordsSettings

if TYPE_CHECKING:
    from chalicelib.adapters.dynamodb import DynamoTable
    from chalicelib.adapters.functions import (
        CheckFunction,
        EmbedFunction,
        LabelFunction,
        RerankFunction,
    )
    from chalicelib.adapters.records.documents import ApiDocumentTable
    from chalicelib.adapters.records.feedback import FeedbackTable
    from chalicelib.errors import HeadraceError
    from chalicelib.generation.added_models import StageModels
    from chalicelib.generation.rate_limits.guard import ModelGuard
    from chalicelib.retrieval.answer.answer_log import AnswerLog, LoggedAnswers
    from chalicelib.retrieval.answer.evidence import SentenceScreen
    from chalicelib.retrieval.answer.passage_writer import CallGenerator, PassageWriter
    from chalicelib.retrieval.answer.pipeline import QuestionAnswerer
    from chalicelib.retrieval.receipts import QueryPrices
    from chalicelib.retrieval.search.images import ImageSearcher
    from chalicelib.retrieval.search.searcher import Searcher


PICTURE_SECONDS = 10
"""Limit for the image model of a collection: API Gateway allows 29 s, and labelling the image of
the query may have taken 15 s before."""


@dataclass(frozen=True, slots=True)
class _LoggedScreen:
    """A screen that logs how many sentences it found, never their text."""

    screen: SentenceScreen

    def aimed_at_model(self, sentences: Sequence[str]) -> Sequence[bool]:
        found = self.screen.aimed_at_model(sentences)
        if any(found):
            counts = {"sentences": sum(found), "of": len(found)}
            logger("queries").warning("instructions for a language model", extra=counts)
        return found


def _log_failure(error: HeadraceError) -> None:
    log_refusal(logger("queries"), error)


class QueryServices:
    """Searcher and answerer of the deployment that `environ` describes.

    `generator` builds the client of language models, which only some questions need; all that they
    do for one question must end within `seconds`. Answers that nobody sees are not logged.
    """

    def __init__(
        self,
        environ: Mapping[str, str],
        generator: Callable[[], CallGenerator],
        seconds: float,
        *,
        logs_answers: bool = True,
    ) -> None:
        self._environ = environ
        self._logs_answers = logs_answers
        self._generates = generator
        self._model_seconds = seconds
        self.read_models: Callable[[], StageModels] = self._stage_models

    @cached_property
    def query_settings(self) -> QuerySettings:
        """The settings of queries. Raises `InvalidInput` naming a variable that is missing."""
        return QuerySettings.from_environ(self._environ)

    @cached_property
    def records(self) -> ApiDocumentTable:
        """The records table."""
        from chalicelib.adapters.records.documents import ApiDocumentTable

        return ApiDocumentTable(self._table)

    @cached_property
    def searcher(self) -> Searcher:
        """The search over passages."""
        from chalicelib.adapters import aws
        from chalicelib.adapters.passages import Passages
        from chalicelib.adapters.records.collections import CollectionTable
        from chalicelib.retrieval.search.searcher import Searcher

        return Searcher(
            self._embedder,
            self.records,
            Passages(aws.s3vectors()),
            self.records,
            self.records,
            self._reranker,
            self.ratings,
            self.query_settings.reranks,
            self._labeller,
            self._images,
            CollectionTable(self._table),
        )

    @cached_property
    def _table(self) -> DynamoTable:
        """The table of records, for queries."""
        from chalicelib.adapters import aws
        from chalicelib.adapters.dynamodb import DynamoTable

        settings = RecordsSettings.from_environ(self._environ)
        return DynamoTable(aws.dynamodb(), settings.records_table)

    @cached_property
    def ratings(self) -> FeedbackTable:
        """The records of logged answers and votes."""
        from chalicelib.adapters.records.feedback import FeedbackTable

        return FeedbackTable(self._table)

    @cached_property
    def answer_log(self) -> AnswerLog:
        """The log of answers and searches."""
        from chalicelib.adapters import aws
        from chalicelib.adapters.dynamodb import DynamoTable
        from chalicelib.adapters.records.feedback import FeedbackTable
        from chalicelib.jobs.ulids import ulid
        from chalicelib.retrieval.answer.answer_log import AnswerLog, UnloggedAnswers

        settings = RecordsSettings.from_environ(self._environ)
        records: LoggedAnswers = UnloggedAnswers()
        if self._logs_answers:
            records = FeedbackTable(DynamoTable(aws.asked_dynamodb(), settings.records_table))
        return AnswerLog(records, lambda: datetime.now(UTC), ulid, _log_failure)

    def _stage_models(self) -> StageModels:
        from chalicelib.wiring.models import stage_models

        return stage_models(self._environ)()

    @property
    def answerer(self) -> QuestionAnswerer:
        """The answer pipeline, with the language model that the stage uses now."""
        from chalicelib.retrieval.answer.pipeline import QuestionAnswerer

        models = self.read_models()
        model = models.question_model or self.query_settings.chat_model_id
        return QuestionAnswerer(
            self.searcher,
            self._embedder,
            self._writer(models, model),
            self._prices(models, model),
            self._checker,
            self._screen,
            self.answer_log,
        )

    @cached_property
    def _screen(self) -> SentenceScreen:
        from chalicelib.screening.injections import InjectionScreen

        return _LoggedScreen(InjectionScreen())

    @cached_property
    def prices(self) -> QueryPrices:
        """The prices of searches."""
        from chalicelib.generation.catalogue import catalogue
        from chalicelib.retrieval.receipts import QueryPrices

        settings = self.query_settings
        return QueryPrices(catalogue(), settings.chat_model_id, settings.embed_memory_mb)

    def _prices(self, models: StageModels, model: str) -> QueryPrices:
        """Return the prices of answers that `model` words."""
        known = replace(self.prices.catalogue, prices=models.prices)
        return replace(self.prices, catalogue=known, chat_model_id=model)

    @cached_property
    def _embedder(self) -> EmbedFunction:
        from chalicelib.adapters import aws
        from chalicelib.adapters.functions import EmbedFunction

        return EmbedFunction(aws.functions(), self.query_settings.embed_function)

    @cached_property
    def _labeller(self) -> LabelFunction | None:
        if not self.query_settings.label_function:
            return None
        from chalicelib.adapters import aws
        from chalicelib.adapters.functions import LabelFunction

        return LabelFunction(aws.labels(), self.query_settings.label_function)

    @cached_property
    def _images(self) -> ImageSearcher | None:
        """The search by image models that collections name; None if images are not searched."""
        name = self._functions.get("embed_image")
        if name is None or not self.query_settings.label_function:
            return None
        from chalicelib.adapters import aws
        from chalicelib.adapters.functions import EmbedPictureFunction
        from chalicelib.adapters.passages import Passages
        from chalicelib.retrieval.search.images import ImageSearcher

        embedder = EmbedPictureFunction(aws.functions_within(PICTURE_SECONDS), name)
        return ImageSearcher(embedder, Passages(aws.s3vectors()), self.records)

    @property
    def _functions(self) -> Mapping[str, str]:
        """The functions that run models which the stage trained, by the catalogue's names."""
        return GenerationSettings.from_environ(self._environ).functions

    @cached_property
    def _checker(self) -> CheckFunction:
        from chalicelib.adapters import aws
        from chalicelib.adapters.functions import CheckFunction

        return CheckFunction(aws.checks(), self.query_settings.check_function)

    @cached_property
    def _reranker(self) -> RerankFunction:
        from chalicelib.adapters import aws
        from chalicelib.adapters.functions import RerankFunction

        return RerankFunction(aws.reranks(), self.query_settings.rerank_function)

    def _writer(self, models: StageModels, model: str) -> PassageWriter | None:
        """Return what words answers by `model`, a name or an id of Bedrock; None without one."""
        if not model:
            return None
        from chalicelib.retrieval.answer.passage_writer import PassageWriter, passage_limits

        return PassageWriter(
            self._generates,
            model,
            passage_limits(models.models, model),
            self._model_seconds,
            unrequested_seconds=self.query_settings.answer_model_seconds,
            guard=self._answer_guard,
        )

    @cached_property
    def _answer_guard(self) -> ModelGuard:
        """The breakers that spare callers a language model which they did not ask for."""
        from chalicelib.adapters.records.models import BreakerRecords
        from chalicelib.generation.rate_limits.guard import ModelGuard
        from chalicelib.retrieval.answer.passage_writer import UNREQUESTED_RULES

        breakers = BreakerRecords(self._table, time.time)
        return ModelGuard(breakers, time.time, time.sleep, _log_failure, UNREQUESTED_RULES)
