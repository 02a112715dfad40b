"""The composition root of the HTTP API.

Everything is built on first use and kept: importing this needs neither environment nor
network, and a health check builds nothing at all.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from typing import TYPE_CHECKING

from chalicelib.api.ask import AskServices
from chalicelib.api.collections import CollectionServices
from chalicelib.api.documents import DocumentServices
from chalicelib.api.feedback import FeedbackServices
from chalicelib.api.jobs import JobServices, remove_later
from chalicelib.api.removals import RemovalServices
from chalicelib.api.retries import RetryServices
from chalicelib.api.search import SearchServices
from chalicelib.api.webhooks import WebhookServices
from chalicelib.query_wiring import QueryServices
from chalicelib.settings import ApiSettings, FeedbackSettings

if TYPE_CHECKING:
    from chalicelib.adapters.objects import Objects
    from chalicelib.adapters.queue import Inbox
    from chalicelib.contracts import Document, PresignedUpload
    from chalicelib.contracts.removals import RemovalBound, Removed
    from chalicelib.ingest.removal import Removal


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

    @cached_property
    def settings(self) -> ApiSettings:
        """The API's settings. Raises `InvalidInput` naming a variable that is missing."""
        return ApiSettings.from_environ(self._environ)

    @cached_property
    def documents(self) -> DocumentServices:
        """What `/v1/documents` stands on."""
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
            remover=_Remover(lambda: self._removal),
            remove_later=lambda *given: remove_later(self.jobs, *given),
            language_notice=self._language_notice,
            max_file_bytes=self.settings.max_file_bytes,
            now=lambda: datetime.now(UTC),
        )

    def _language_notice(self, tenant: str, language: str) -> str:
        from chalicelib.generation.catalogue import catalogue
        from chalicelib.generation.coverage import language_notice

        index = self.records.live_index(tenant)
        return language_notice(language, index.model, catalogue()) if index else ""

    @cached_property
    def collections(self) -> CollectionServices:
        """What `/v1/collections` stands on."""
        from chalicelib.adapters import aws
        from chalicelib.adapters.collection_records import CollectionRecords
        from chalicelib.adapters.dynamodb import Table

        table = Table(aws.dynamodb(), self.settings.records_table)
        return CollectionServices(CollectionRecords(table), now=lambda: datetime.now(UTC))

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
        return RetryServices(self.records, self.records, self._inbox)

    @cached_property
    def webhooks(self) -> WebhookServices:
        """What `/v1/webhooks` stands on."""
        from chalicelib.webhook_wiring import webhook_services

        return webhook_services(self._environ)

    @cached_property
    def jobs(self) -> JobServices:
        """What `/v1/jobs` and `/v1/exports` stand on."""
        from chalicelib.jobs_wiring import job_services

        return job_services(self._environ, self.records)

    @cached_property
    def removals(self) -> RemovalServices:
        """What the removal of a tenant or of a collection's documents stands on."""
        return RemovalServices(self.jobs, self.records)

    @cached_property
    def search(self) -> SearchServices:
        """What `/v1/search` stands on."""
        return SearchServices(
            finder=self.finder,
            keeper=self.keeper,
            answers=self.records,
            receipt=lambda found: self.prices.search(found.embedding, found.reranked),
        )

    @cached_property
    def ask(self) -> AskServices:
        """What `/v1/ask` stands on."""
        return AskServices(asker=self.asker, answers=self.records)

    @cached_property
    def feedback(self) -> FeedbackServices:
        """What `/v1/feedback` stands on."""
        from chalicelib.adapters import aws
        from chalicelib.adapters.events import Bus
        from chalicelib.adapters.feedback_objects import FeedbackObjects
        from chalicelib.adapters.streams import StreamedObjects

        settings = FeedbackSettings.from_environ(self._environ)
        return FeedbackServices(
            documents=self.records,
            ratings=self.ratings,
            rows=FeedbackObjects(StreamedObjects(aws.s3()), settings.bucket),
            bus=Bus(aws.events(), settings.event_bus),
            answers=self.records,
            now=lambda: datetime.now(UTC),
        )
