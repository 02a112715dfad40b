"""Removals of documents: which ones need a job, and what backups still hold afterwards.

Each line of `BACKUPS` follows from a setting of the template in `infra`, or from what AWS keeps by
itself; a test compares them.

https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Point-in-time-recovery.html
https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from chalicelib.contracts.answer_log import ASKED_DAYS
from chalicelib.contracts.monitors import MAX_RETENTION_DAYS
from chalicelib.contracts.removals import Backup
from chalicelib.jobs.lifecycle import RESULTS_DAYS

if TYPE_CHECKING:
    from chalicelib.contracts.documents import Document


RECOVERY_DAYS = 35
HISTORY_DAYS = 90
QUEUE_DAYS = 14
LOG_DAYS = 30
ANSWER_DAYS = 1
SCHEDULE_RESULTS_DAYS = 90

BACKUPS: tuple[Backup, ...] = (
    Backup(
        where="S3, inbox/, documents/ and feedback/",
        what="nothing: every version of every object is deleted, and the bucket is not replicated",
        days=0,
    ),
    Backup(
        where="S3 Vectors",
        what="nothing: vectors are deleted with their texts, and there are no backups of an index",
        days=0,
    ),
    Backup(
        where="DynamoDB point-in-time recovery",
        what="the removed records: collection, path, media type, sha256, sizes and counts,"
        " metadata, status and reason, receipt, times; of the text of the file only what kept"
        " answers quote, counted from when these expire",
        days=RECOVERY_DAYS,
    ),
    Backup(
        where="Step Functions execution history",
        what="the inputs and outputs of ingests: collection, path, metadata, object key and"
        " version, counts; no text of the file",
        days=HISTORY_DAYS,
    ),
    Backup(
        where="SQS queues and their dead letters",
        what="messages that could not be worked off: object key, size, collection and path;"
        " events on their way to webhooks; no text of the file",
        days=QUEUE_DAYS,
    ),
    Backup(
        where="CloudWatch Logs",
        what="ids, times and reasons of failures; no text of the file",
        days=LOG_DAYS,
    ),
    Backup(
        where="DynamoDB, answers kept for an Idempotency-Key",
        what="answers that were given before, passages quoted in them included",
        days=ANSWER_DAYS,
    ),
    Backup(
        where="DynamoDB, answers and searches kept to be rated",
        what="questions and answers, sentences quoted in them included; they cannot be rated",
        days=ASKED_DAYS,
    ),
    Backup(
        where="DynamoDB, calls that monitors captured",
        what="questions and answers, sentences quoted in them included, personal data masked",
        days=MAX_RETENTION_DAYS,
    ),
    Backup(
        where="S3, jobs/",
        what="exports that were made before; pages that were shown as pictures; vectors of pictures"
        " by a job that failed",
        days=RESULTS_DAYS,
    ),
    Backup(
        where="S3, results/",
        what="what schedules wrote there: exports, and answers that were given",
        days=SCHEDULE_RESULTS_DAYS,
    ),
)

_REMOVED_WITH_TENANT = ("DynamoDB, answers", "DynamoDB, calls", "S3, jobs/", "S3, results/")
TENANT_BACKUPS: tuple[Backup, ...] = tuple(
    backup for backup in BACKUPS if not backup.where.startswith(_REMOVED_WITH_TENANT)
)
"""Backups of a tenant that was removed whole: kept answers, exports and results go with it."""
MAX_CHUNKS_AT_ONCE = 5_000
MAX_BYTES_AT_ONCE = 50 * 1024 * 1024
"""A document with more is removed by a job: its vectors take longer than a request may.

An index takes 2,500 vectors a second, and while a tenant is reindexed there are two of them. Each
removal is done twice, because an ingest may have been writing.
https://docs.aws.amazon.com/AmazonS3/latest/userguide/s3-vectors-limitations.html
"""


def needs_job(document: Document) -> bool:
    """Tell whether the removal of `document` takes longer than one call may."""
    return document.chunks > MAX_CHUNKS_AT_ONCE or document.bytes > MAX_BYTES_AT_ONCE
