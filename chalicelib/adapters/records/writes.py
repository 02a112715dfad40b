"""The conditional writes of the records table, one function a write."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from chalicelib.adapters.dynamodb import (
    ConditionCheck,
    Delete,
    Key,
    Put,
    Update,
    Value,
    WriteCondition,
)

if TYPE_CHECKING:
    from chalicelib.contracts.ingest import IngestInput
    from chalicelib.jobs.ingest_claims import IngestClaim
    from chalicelib.jobs.ingest_settlement import IngestSettlement, IngestSlot

ADMISSION = "ADMISSION"
COUNTER: Key = (ADMISSION, "ingest")
RUNNING = "RUNNING#"
REMOVED = "REMOVED#"

EXISTS = WriteCondition("attribute_exists(pk)")
ABSENT = WriteCondition("attribute_not_exists(pk)")
TENANT_STAYS = WriteCondition("attribute_exists(pk) AND attribute_not_exists(#removing)")
"""Of a tenant: that it is there, and is not being removed."""


def tenant_pk(tenant: str) -> str:
    """Return the partition of everything that is `tenant`'s."""
    return f"TENANT#{tenant}"


def stop_pk(tenant: str) -> str:
    """Return the partition of the stops of a tenant's rollouts."""
    return f"STOP#{tenant}"


def tenant_key(tenant: str) -> Key:
    """Return the key of a tenant's pointer record."""
    return tenant_pk(tenant), "TENANT"


def tenant_stays(tenant: str) -> ConditionCheck:
    """Ask that the tenant is there and is not being removed."""
    return ConditionCheck(tenant_key(tenant), TENANT_STAYS)


def document_key(tenant: str, document_id: str) -> Key:
    """Return the key of a document."""
    return tenant_pk(tenant), f"DOCUMENT#{document_id}"


def upload_key(tenant: str, document_id: str, upload_id: str) -> Key:
    """Return the key of an announced upload; the id is the request that announced it."""
    return tenant_pk(tenant), f"UPLOAD#{document_id}#{upload_id}"


def version_key(tenant: str, document_id: str, version: str) -> Key:
    """Return the key of a version."""
    return tenant_pk(tenant), f"VERSION#{document_id}#{version}"


def slot_key(execution_arn: str) -> Key:
    """Return the key of the place that an execution holds."""
    return ADMISSION, RUNNING + execution_arn.rsplit(":", 1)[-1]


def timestamp(moment: datetime) -> str:
    """Return `moment` as RFC 3339 in UTC, to the millisecond."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def new_version(claim: IngestClaim) -> Put:
    """Create the version: this is the claim."""
    work, now = claim.work, timestamp(claim.now)
    pk, sk = version_key(work.tenant, work.document_id, work.version)
    item: dict[str, Value] = {
        "pk": pk,
        "sk": sk,
        "document_id": work.document_id,
        "version": work.version,
        "order": work.order,
        "collection": work.collection,
        "path": work.path,
        "bytes": work.bytes,
        "bucket": work.bucket,
        "key": work.key,
        "object_version_id": work.object_version_id,
        "metadata": json.dumps(work.metadata),
        "container": work.container,
        "uploaded_at": timestamp(work.uploaded_at or claim.now),
        "status": "processing",
        "execution_arn": claim.execution_arn,
        "attempt": claim.attempt,
        "created_at": now,
        "updated_at": now,
    }
    return Put(item, ABSENT)


def upload_arrived(claim: IngestClaim) -> Delete:
    """Remove the announcement of the upload, unless it was cancelled; there may be none."""
    work = claim.work
    return Delete(
        upload_key(work.tenant, work.document_id, work.correlation_id),
        WriteCondition("attribute_not_exists(#cancelled)"),
    )


def next_attempt(claim: IngestClaim) -> Update:
    """Put a failed and settled version back to work."""
    work = claim.work
    return Update(
        version_key(work.tenant, work.document_id, work.version),
        "SET #status = :processing, #reason = :none, #attempt = :attempt, #execution_arn = :arn,"
        " #updated_at = :now REMOVE #settled_at, #cleared_at",
        {
            ":processing": "processing",
            ":none": "",
            ":attempt": claim.attempt,
            ":arn": claim.execution_arn,
            ":now": timestamp(claim.now),
        },
        WriteCondition(
            "#attempt = :before AND #status = :failed AND attribute_exists(#settled_at)",
            {":before": claim.attempt - 1, ":failed": "failed"},
        ),
    )


def take_slot(claim: IngestClaim, max_running: int, max_large: int) -> tuple[Put, Update]:
    """Return the writes that take a place among `max_running`, `max_large` of them large files'."""
    place = Put(
        {
            "pk": ADMISSION,
            "sk": RUNNING + claim.execution_name,
            "work": claim.work.model_dump_json(),
            "attempt": claim.attempt,
            "execution_arn": claim.execution_arn,
            "started_at": timestamp(claim.now),
            "large": claim.is_large,
        },
        ABSENT,
    )
    free = "(attribute_not_exists(#running) OR #running < :max)"
    if not claim.is_large:
        counter = Update(
            COUNTER,
            "SET #running = if_not_exists(#running, :zero) + :one",
            {":zero": 0, ":one": 1},
            WriteCondition(free, {":max": max_running}),
        )
        return place, counter
    counter = Update(
        COUNTER,
        "SET #running = if_not_exists(#running, :zero) + :one,"
        " #running_large = if_not_exists(#running_large, :zero) + :one",
        {":zero": 0, ":one": 1},
        WriteCondition(
            f"{free} AND (attribute_not_exists(#running_large) OR #running_large < :large)",
            {":max": max_running, ":large": max_large},
        ),
    )
    return place, counter


def new_latest(claim: IngestClaim) -> Update:
    """Return the write that makes the version its document's latest, unless it is older."""
    work = claim.work
    return Update(
        document_key(work.tenant, work.document_id),
        "SET #document_id = :document_id, #collection = :collection, #path = :path,"
        " #bytes = if_not_exists(#bytes, :bytes), #version = if_not_exists(#version, :none),"
        " #created_at = if_not_exists(#created_at, :now), #updated_at = :now,"
        " #latest_version = :version, #latest_order = :order, #status = :processing,"
        " #reason = :none, #attempt = :attempt",
        {
            ":document_id": work.document_id,
            ":collection": work.collection,
            ":path": work.path,
            ":bytes": work.bytes,
            ":version": work.version,
            ":order": work.order,
            ":processing": "processing",
            ":attempt": claim.attempt,
            ":now": timestamp(claim.now),
            ":none": "",
        },
        WriteCondition("attribute_not_exists(#latest_order) OR #latest_order < :order"),
    )


def latest_again(claim: IngestClaim) -> Update:
    """Show the document as being worked on, if the version is still its latest."""
    work = claim.work
    return Update(
        document_key(work.tenant, work.document_id),
        "SET #status = :processing, #reason = :none, #attempt = :attempt, #updated_at = :now",
        {
            ":processing": "processing",
            ":none": "",
            ":attempt": claim.attempt,
            ":now": timestamp(claim.now),
        },
        WriteCondition("#latest_version = :version", {":version": work.version}),
    )


def begin_removal(tenant: str, document_id: str, order: str) -> Update:
    """Let the document answer no more, while no upload is newer than `order`.

    `removed_order` keeps the state machine from letting one that is not newer answer after all.
    Whoever looks at it meanwhile, or after the removal was cut off, is told what to do.
    """
    return Update(
        document_key(tenant, document_id),
        "SET #status = :failed, #reason = :reason, #version = :none, #removed_order = :order",
        {
            ":failed": "failed",
            ":reason": "Its removal has begun; if it stays, delete it again.",
            ":none": "",
            ":order": order,
        },
        WriteCondition("#latest_order = :order"),
    )


def extend_removal(tenant: str, document_id: str, order: str) -> tuple[Update, Update]:
    """Let no upload answer that is not newer than `order`; either write may not be needed."""
    key = document_key(tenant, document_id)
    return (
        Update(
            key,
            "SET #removed_order = :order",
            {":order": order},
            WriteCondition("#removed_order < :order"),
        ),
        Update(
            key,
            "SET #version = :none",
            {":none": ""},
            WriteCondition("#version_order <= :order", {":order": order}),
        ),
    )


def delete_document(tenant: str, document_id: str, order: str) -> Delete:
    """Remove a document's record, unless an upload is newer than `order`."""
    return Delete(
        document_key(tenant, document_id),
        WriteCondition(
            "attribute_not_exists(#latest_order) OR #latest_order <= :order", {":order": order}
        ),
    )


def clear_answer(tenant: str, document_id: str, order: str) -> Update:
    """Take from a document what it tells of its answering version, if that is not newer."""
    facts = (
        "media_type metadata container uploaded_at sha256 bytes pages pages_needing_ocr chunks"
        " language members notices receipt version_order"
    )
    return Update(
        document_key(tenant, document_id),
        "SET #version = :none REMOVE " + ", ".join(f"#{name}" for name in facts.split()),
        {":none": ""},
        WriteCondition("#version_order <= :order", {":order": order}),
    )


def free_slot(running: IngestSlot) -> Delete:
    """Free the place of an execution, once."""
    return Delete(slot_key(running.execution_arn), EXISTS)


def count_down(running: IngestSlot) -> Update:
    """Count one running ingest less."""
    large = ", #running_large = #running_large - :one" if running.large else ""
    return Update(COUNTER, f"SET #running = #running - :one{large}", {":one": 1})


def version_settled(work: IngestInput, settlement: IngestSettlement, now: datetime) -> Update:
    """Record the end of a version, while it is as the settlement found it."""
    key = version_key(work.tenant, work.document_id, work.version)
    moment = timestamp(now)
    if settlement.status is None:
        return Update(key, "SET #settled_at = :now", {":now": moment}, EXISTS)
    return Update(
        key,
        "SET #settled_at = :now, #updated_at = :now, #status = :status, #reason = :reason",
        {":now": moment, ":status": settlement.status, ":reason": settlement.reason},
        WriteCondition("#status = :processing", {":processing": "processing"}),
    )


def document_failed(work: IngestInput, settlement: IngestSettlement, now: datetime) -> Update:
    """Show the failure on the document, if the version is its latest."""
    return Update(
        document_key(work.tenant, work.document_id),
        "SET #status = :failed, #reason = :reason, #updated_at = :now",
        {":failed": "failed", ":reason": settlement.reason, ":now": timestamp(now)},
        WriteCondition("#latest_version = :version", {":version": work.version}),
    )


def document_ready(work: IngestInput, now: datetime) -> Update:
    """Show the document as ready, whose newest upload already answers."""
    return Update(
        document_key(work.tenant, work.document_id),
        "SET #status = :ready, #reason = :none, #updated_at = :now",
        {":ready": "ready", ":none": "", ":now": timestamp(now)},
        WriteCondition(
            "#latest_version = :version AND #version = :version", {":version": work.version}
        ),
    )
