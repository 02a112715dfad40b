"""The composition root of the HTTP API.

Everything is built on first use and kept: importing this needs neither environment nor
network, and a health check builds nothing at all.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from typing import TYPE_CHECKING

from chalicelib.settings import ApiSettings, FeedbackSettings
from chalicelib.wiring.queries import QueryServices

if TYPE_CHECKING:
    from chalicelib.adapters.objects import Objects
    from chalicelib.adapters.paid_answers import PaidAnswers
    from chalicelib.adapters.queue import Inbox
    from chalicelib.api.ask import AskServices
    from chalicelib.api.batches import BatchServices
    from chalicelib.api.collections import CollectionServices
    from chalicelib.api.documents import DocumentServices
    from chalicelib.api.feedback import FeedbackServices
    from chalicelib.api.generations import GenerationServices
    from chalicelib.api.jobs import JobServices
    from chalicelib.api.openai.batches import BatchFileServices
    from chalicelib.api.openai.files import FileServices
    from chalicelib.api.openai.models import ModelServices
    from chalicelib.api.picture_jobs import PictureJobServices
    from chalicelib.api.prompt_runs import PromptRunServices
    from chalicelib.api.prompts import PromptServices
    from chalicelib.api.removals import RemovalServices
    from chalicelib.api.retries import RetryServices
    from chalicelib.api.screenings import ScreeningServices
    from chalicelib.api.search import SearchServices
    from chalicelib.api.usage import UsageServices
    from chalicelib.api.webhooks import WebhookServices
    from chalicelib.contracts.documents import Document
    from chalicelib.contracts.removals import RemovalBound, Removed
    from chalicelib.contracts.uploads import PresignedUpload
    from chalicelib.generation.executor import Generator
    from chalicelib.ingest.removal import Removal
    from chalicelib.prompting.runs import Runner


def _picture_models() -> Sequence[str]:
    """Return the models that collections of pictures may be searched by."""
    from chalicelib.generation.models import served_models

    return served_models().models_in_function("embed_image")


ANSWER_SECONDS = 23.0
"""What language models may take, of the 29 s of API Gateway, for one question on documents, to
complete and to answer it: one that hangs is left after 20 s, and no other has time then.
"""


@dataclass(frozen=True, slots=True)
class _Remover:
    """Removal, whose clients are only made when something is removed."""

    removal: Callable[[], Removal]

    def begin(self, tenant: str, document: Document) -> RemovalBound:
        return self.removal().begin(tenant, document)

    def remove(self, tenant: str, document: Document) -> Removed:
        return self.removal().remove(tenant, document)


class Services(QueryServices):
    """What the API's views stand on, for the stage that `environ` describes."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        super().__init__(environ, self._generator, ANSWER_SECONDS)

    @cached_property
    def settings(self) -> ApiSettings:
        """The API's settings. Raises `InvalidInput` naming a variable that is missing."""
        return ApiSettings.from_environ(self._environ)

    @cached_property
    def documents(self) -> DocumentServices:
        """What `/v1/documents` stands on."""
        from chalicelib.api.documents import DocumentServices

        bucket = self.settings.bucket

        def sign(
            key: str, *, max_bytes: int, seconds: int, metadata: Mapping[str, str]
        ) -> PresignedUpload:
            return self._objects.sign_upload(
                bucket, key, max_bytes=max_bytes, seconds=seconds, metadata=metadata
            )

        return DocumentServices(
            records=self.records,
            tenants=self.records,
            answers=self.records,
            sign=sign,
            language_notice=self._language_notice,
            max_file_bytes=self.settings.max_file_bytes,
            now=lambda: datetime.now(UTC),
        )

    def _language_notice(self, tenant: str, language: str) -> str:
        from chalicelib.generation.catalogue import catalogue, language_notice

        index = self.records.live_index(tenant)
        return language_notice(language, index.model, catalogue()) if index else ""

    @cached_property
    def collections(self) -> CollectionServices:
        """What `/v1/collections` stands on."""
        from chalicelib.adapters import aws
        from chalicelib.adapters.collection_records import CollectionRecords
        from chalicelib.adapters.dynamodb import Table
        from chalicelib.api.collections import CollectionServices

        table = Table(aws.dynamodb(), self.settings.records_table)
        return CollectionServices(
            CollectionRecords(table), _picture_models, now=lambda: datetime.now(UTC)
        )

    @cached_property
    def _objects(self) -> Objects:
        from chalicelib.adapters import aws
        from chalicelib.adapters.objects import Objects

        return Objects(aws.s3())

    @cached_property
    def _removal(self) -> Removal:
        from chalicelib.adapters import aws
        from chalicelib.adapters.vectors import Vectors
        from chalicelib.ingest.departures import Departures
        from chalicelib.ingest.ratings import Ratings
        from chalicelib.ingest.removal import Removal

        vectors = Vectors(aws.s3vectors())
        departures = Departures(self._objects, self._inbox)
        return Removal(
            self.settings.bucket,
            self.records,
            self.records,
            self._objects,
            vectors,
            departures,
            Ratings(self.ratings, self._objects),
        )

    @cached_property
    def _inbox(self) -> Inbox:
        from chalicelib.adapters import aws
        from chalicelib.adapters.queue import Inbox

        return Inbox(aws.sqs(), self.settings.inbox_queue_url)

    @cached_property
    def retries(self) -> RetryServices:
        """What `/v1/documents/{document_id}/retry` stands on."""
        from chalicelib.api.retries import RetryServices

        return RetryServices(self.records, self.records, self._inbox)

    @cached_property
    def webhooks(self) -> WebhookServices:
        """What `/v1/webhooks` stands on."""
        from chalicelib.wiring.webhooks import webhook_services

        return webhook_services(self._environ)

    @cached_property
    def prompts(self) -> PromptServices:
        """What `/v1/prompts` stands on."""
        from chalicelib.wiring.prompts import prompt_services

        return prompt_services(self._environ, self.records)

    @cached_property
    def prompt_runs(self) -> PromptRunServices:
        """What `/v1/prompts/{prompt}/runs` stands on."""
        from chalicelib.api.prompt_runs import PromptRunServices

        return PromptRunServices(lambda: self.prompts.library, self._runner, self._paid_answers)

    def _runner(self) -> Runner:
        from chalicelib.generation.fences import random_fence
        from chalicelib.jobs.ulids import ulid
        from chalicelib.prompting.runs import Runner

        now = functools.partial(datetime.now, UTC)
        return Runner(self._generator(), random_fence, now, lambda: f"run_{ulid(now()).lower()}")

    @cached_property
    def generations(self) -> GenerationServices:
        """What `/v1/generations` stands on."""
        from chalicelib.api.generations import GenerationServices

        return GenerationServices(self._generator, self._paid_answers)

    @cached_property
    def _paid_answers(self) -> PaidAnswers:
        from chalicelib.adapters import aws
        from chalicelib.adapters.dynamodb import Table
        from chalicelib.adapters.paid_answers import PaidAnswers

        table = Table(aws.dynamodb(), self.settings.records_table)
        return PaidAnswers(table, self._objects, self.settings.bucket)

    def _generator(self) -> Generator:
        from chalicelib.wiring.generation import generator

        return generator(self._environ)

    @cached_property
    def screenings(self) -> ScreeningServices:
        """What `/v1/screenings` and `/v1/moderations` stand on."""
        from chalicelib.api.screenings import ScreeningServices
        from chalicelib.wiring.screening import screens

        return ScreeningServices(screens(self._environ))

    @cached_property
    def usage(self) -> UsageServices:
        """What `/v1/usage` and `/v1/budgets` stand on."""
        from chalicelib.api.usage import UsageServices
        from chalicelib.wiring.budgets import spending

        return UsageServices(*spending(self._environ), functools.partial(datetime.now, UTC))

    @cached_property
    def jobs(self) -> JobServices:
        """What `/v1/jobs` and `/v1/exports` stand on."""
        from chalicelib.wiring.jobs import job_services

        return job_services(self._environ, self.records)

    @cached_property
    def batches(self) -> BatchServices:
        """What `/v1/generations/batches` stands on."""
        from chalicelib.wiring.jobs import batch_services

        return batch_services(self._environ, self.jobs)

    @cached_property
    def picture_jobs(self) -> PictureJobServices:
        """What `/v1/collections/{name}/pictures` stands on."""
        from chalicelib.api.picture_jobs import PictureJobServices

        return PictureJobServices(self.jobs, self.records)

    @cached_property
    def removals(self) -> RemovalServices:
        """What removals stand on."""
        from chalicelib.api.removals import RemovalServices

        remover = _Remover(lambda: self._removal)
        return RemovalServices(self.jobs, self.records, self.records, remover)

    @cached_property
    def search(self) -> SearchServices:
        """What `/v1/search` stands on."""
        from chalicelib.api.search import SearchServices

        return SearchServices(
            finder=self.finder,
            keeper=self.keeper,
            answers=self.records,
            receipt=lambda found: self.prices.search(
                found.embedding, found.reranked, found.seen, found.pictured
            ),
        )

    @cached_property
    def openai_models(self) -> ModelServices:
        """What `/v1/models` stands on."""
        from chalicelib.api.openai.models import ModelServices
        from chalicelib.generation.models import served_models
        from chalicelib.wiring.models import models_of, place

        return ModelServices(
            served_models(),
            place(self._environ),
            lambda: datetime.now(UTC),
            models_of(self._environ),
        )

    @cached_property
    def openai_files(self) -> FileServices:
        """What `/v1/files` stands on."""
        from chalicelib.adapters import aws
        from chalicelib.adapters.file_objects import FileObjects
        from chalicelib.api.openai.files import FileServices
        from chalicelib.jobs.ulids import ulid

        store = FileObjects(aws.s3(), self.settings.bucket)
        return FileServices(store, lambda: datetime.now(UTC), ulid)

    @cached_property
    def openai_batches(self) -> BatchFileServices:
        """What `/v1/batches` stands on."""
        from chalicelib.api.openai.batches import BatchFileServices

        return BatchFileServices(self.jobs, self.openai_files.store)

    @cached_property
    def ask(self) -> AskServices:
        """What `/v1/ask` stands on."""
        from chalicelib.api.ask import AskServices

        return AskServices(asker=self.asker, answers=self.records)

    @cached_property
    def feedback(self) -> FeedbackServices:
        """What `/v1/feedback` stands on."""
        from chalicelib.adapters import aws
        from chalicelib.adapters.events import Bus
        from chalicelib.adapters.feedback_objects import FeedbackObjects
        from chalicelib.adapters.streams import StreamedObjects
        from chalicelib.api.feedback import FeedbackServices

        settings = FeedbackSettings.from_environ(self._environ)
        return FeedbackServices(
            documents=self.records,
            ratings=self.ratings,
            rows=FeedbackObjects(StreamedObjects(aws.s3()), settings.bucket),
            bus=Bus(aws.events(), settings.event_bus),
            answers=self.records,
            now=lambda: datetime.now(UTC),
        )
