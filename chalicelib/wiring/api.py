"""The composition root of the HTTP API: the parts of which its resources are built.

Each part is built when it is first used and then kept, so that importing this module needs neither
environment nor network, and a health check builds nothing at all. What only one resource needs is
built in `build_services` of that resource's module.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import TYPE_CHECKING

from chalicelib.settings import ApiSettings
from chalicelib.wiring.queries import QueryServices

if TYPE_CHECKING:
    from chalicelib.adapters.dynamodb import DynamoTable
    from chalicelib.adapters.paid_answers import PaidAnswers
    from chalicelib.adapters.s3 import S3Downloads, S3Objects
    from chalicelib.adapters.s3_streams import S3BatchObjects
    from chalicelib.adapters.sqs import Inbox
    from chalicelib.contracts.uploads import PresignedUpload
    from chalicelib.generation.executor import Generator
    from chalicelib.ingest.removal import DocumentRemoval

ANSWER_SECONDS = 23.0
"""Seconds, of the 29 s of API Gateway, that language models may take for one question on documents,
to complete it and to answer it. A model that hangs is given up after 20 s, and no other has time
then.
"""


class ApiParts(QueryServices):
    """The adapters and engines of a stage that the API's resources share."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        super().__init__(environ, self.generator, ANSWER_SECONDS)
        self.environ = environ

    @property
    def stage(self) -> str:
        """The stage's name."""
        return self.environ.get("HEADRACE_STAGE", "local")

    @cached_property
    def settings(self) -> ApiSettings:
        """The API's settings. Raises `InvalidInput` naming a variable that is missing."""
        return ApiSettings.from_environ(self.environ)

    @cached_property
    def table(self) -> DynamoTable:
        """The table of records."""
        from chalicelib.adapters import aws
        from chalicelib.adapters.dynamodb import DynamoTable

        return DynamoTable(aws.dynamodb(), self.settings.records_table)

    @cached_property
    def objects(self) -> S3Objects:
        """The objects in S3."""
        from chalicelib.adapters import aws
        from chalicelib.adapters.s3 import S3Objects

        return S3Objects(aws.s3())

    @cached_property
    def batch_objects(self) -> S3BatchObjects:
        """The objects in S3, also those that are many or large."""
        from chalicelib.adapters import aws
        from chalicelib.adapters.s3_streams import S3BatchObjects

        return S3BatchObjects(aws.s3())

    @cached_property
    def downloads(self) -> S3Downloads:
        """The presigned URLs of the bucket's objects."""
        from chalicelib.adapters import aws
        from chalicelib.adapters.s3 import S3Downloads

        return S3Downloads(aws.s3(), self.settings.bucket)

    def sign_upload(
        self, key: str, *, max_bytes: int, seconds: int, metadata: Mapping[str, str]
    ) -> PresignedUpload:
        """Return a form that uploads at most `max_bytes` to `key` within `seconds`."""
        return self.objects.sign_upload(
            self.settings.bucket, key, max_bytes=max_bytes, seconds=seconds, metadata=metadata
        )

    @cached_property
    def inbox(self) -> Inbox:
        """The queue of arrivals."""
        from chalicelib.adapters import aws
        from chalicelib.adapters.sqs import Inbox

        return Inbox(aws.sqs(), self.settings.inbox_queue_url)

    @cached_property
    def removal(self) -> DocumentRemoval:
        """The removal of documents."""
        from chalicelib.adapters import aws
        from chalicelib.adapters.s3vectors import Vectors
        from chalicelib.ingest.departures import DepartureAnnouncer
        from chalicelib.ingest.removal import DocumentRemoval, RatingRemoval

        return DocumentRemoval(
            self.settings.bucket,
            self.records,
            self.records,
            self.objects,
            Vectors(aws.s3vectors()),
            DepartureAnnouncer(self.objects, self.inbox),
            RatingRemoval(self.ratings, self.objects),
        )

    @cached_property
    def paid_answers(self) -> PaidAnswers:
        """The stored answers to requests that cost money, by idempotency key."""
        from chalicelib.adapters.paid_answers import PaidAnswers

        return PaidAnswers(self.table, self.objects, self.settings.bucket)

    def generator(self) -> Generator:
        """Return a new generator of the stage."""
        from chalicelib.wiring.generation import generator

        return generator(self.environ)
