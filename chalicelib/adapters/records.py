"""The records table: documents, versions, tenants, and the places of running ingests.

Every item has the string keys `pk` and `sk`:

    TENANT#<tenant>   TENANT                       where the tenant's vectors are
    TENANT#<tenant>   DOCUMENT#<id>                what the API shows
    TENANT#<tenant>   VERSION#<id>#<version>       one upload; its creation is the claim
    ADMISSION         ingest                       running: how many places are taken
    ADMISSION         RUNNING#<version>-<attempt>  one place; its deletion is the settlement
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime

from chalicelib.adapters.dynamodb import (
    Condition,
    Delete,
    Item,
    Key,
    Put,
    Table,
    TransactionRefused,
    Update,
    Value,
    Write,
)
from chalicelib.contracts import Document, IngestInput, Receipt, Version
from chalicelib.errors import Conflict
from chalicelib.jobs.claims import Claim, ClaimOutcome
from chalicelib.jobs.settlement import Running, Settlement
from chalicelib.ports import IndexRef

ADMISSION = "ADMISSION"
COUNTER: Key = (ADMISSION, "ingest")
RUNNING = "RUNNING#"

_EXISTS = Condition("attribute_exists(pk)")
_ABSENT = Condition("attribute_not_exists(pk)")


class Records:
    """The ingest's side of the records table."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def live_index(self, tenant: str) -> IndexRef | None:
        """Return the index that answers for `tenant`, or None for an unknown tenant."""
        item = self._table.get((tenant_pk(tenant), "TENANT"))
        if item is None:
            return None
        return IndexRef(item["vector_bucket"], item["index"], item["model"])

    def document(self, tenant: str, document_id: str) -> Document | None:
        """Return a document, or None."""
        item = self._table.get(document_key(tenant, document_id))
        return None if item is None else document_from(item)

    def version(self, tenant: str, document_id: str, version: str) -> Version | None:
        """Return a version, or None."""
        item = self._table.get(version_key(tenant, document_id, version))
        return None if item is None else version_from(item)

    def versions(self, tenant: str, document_id: str) -> Iterator[Version]:
        """Yield the versions of a document."""
        for item in self._table.query(tenant_pk(tenant), f"VERSION#{document_id}#"):
            yield version_from(item)

    def claim(self, claim: Claim, max_running: int) -> ClaimOutcome:
        """Create the version, take a place and point the document at it; all or nothing."""
        writes = [_new_version(claim), *_admission(claim, max_running), _new_latest(claim)]
        return self._claimed(writes)

    def claim_again(self, claim: Claim, max_running: int) -> ClaimOutcome:
        """Take a place for one more attempt at a failed version; all or nothing."""
        writes = [_next_attempt(claim), *_admission(claim, max_running), _latest_again(claim)]
        return self._claimed(writes)

    def running(self) -> Iterator[Running]:
        """Yield the places that are held."""
        for item in self._table.query(ADMISSION, RUNNING):
            yield Running(
                work=IngestInput.model_validate_json(item["work"]),
                attempt=item["attempt"],
                execution_arn=item["execution_arn"],
                started_at=datetime.fromisoformat(item["started_at"]),
            )

    def settle(self, running: Running, settlement: Settlement, now: datetime) -> bool:
        """Give the place back and record the end; False when that was done before.

        Raises:
            Conflict: the version or its document changed since the settlement was decided.
        """
        work = running.work
        writes: list[Write] = [_place_left(running), _one_fewer()]
        if self.version(work.tenant, work.document_id, work.version) is not None:
            writes.append(_settled(work, settlement, now))
            document = self.document(work.tenant, work.document_id)
            if settlement.is_failure and document and document.latest_version == work.version:
                writes.append(_document_failed(work, settlement, now))
        try:
            self._table.transact(writes)
        except TransactionRefused as error:
            if 0 in error.refused:
                return False
            raise Conflict(f"{work.version} changed while it was settled.") from error
        return True

    def mark_cleared(self, tenant: str, version: Version, now: datetime) -> None:
        """Record that the vectors of `version` are gone."""
        self._table.update(
            Update(
                version_key(tenant, version.document_id, version.version),
                "SET #cleared_at = :now",
                {":now": timestamp(now)},
                _EXISTS,
            )
        )

    def _claimed(self, writes: list[Write]) -> ClaimOutcome:
        """Write a claim whose parts are version, place, counter and document, in that order."""
        try:
            self._table.transact(writes)
        except TransactionRefused as error:
            if error.refused & {0, 1}:
                return ClaimOutcome.DUPLICATE
            return ClaimOutcome.OVERTAKEN if 3 in error.refused else ClaimOutcome.FULL
        return ClaimOutcome.CLAIMED


def tenant_pk(tenant: str) -> str:
    """Return the partition of everything that is `tenant`'s."""
    return f"TENANT#{tenant}"


def document_key(tenant: str, document_id: str) -> Key:
    """Return the key of a document."""
    return tenant_pk(tenant), f"DOCUMENT#{document_id}"


def version_key(tenant: str, document_id: str, version: str) -> Key:
    """Return the key of a version."""
    return tenant_pk(tenant), f"VERSION#{document_id}#{version}"


def timestamp(moment: datetime) -> str:
    """Return `moment` as RFC 3339 in UTC, to the millisecond."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def document_from(item: Item) -> Document:
    """Return the document that `item` holds."""
    return Document.model_validate(_with_receipt(item))


def version_from(item: Item) -> Version:
    """Return the version that `item` holds."""
    return Version.model_validate(_with_receipt(item))


def _with_receipt(item: Item) -> Mapping[str, object]:
    """Return `item` with its receipt parsed: it is kept as JSON."""
    written = item.get("receipt")
    return {**item, "receipt": Receipt.model_validate_json(written) if written else None}


def _new_version(claim: Claim) -> Put:
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
        "status": "processing",
        "execution_arn": claim.execution_arn,
        "attempt": claim.attempt,
        "created_at": now,
        "updated_at": now,
    }
    return Put(item, _ABSENT)


def _next_attempt(claim: Claim) -> Update:
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
        Condition(
            "#attempt = :before AND #status = :failed AND attribute_exists(#settled_at)",
            {":before": claim.attempt - 1, ":failed": "failed"},
        ),
    )


def _admission(claim: Claim, max_running: int) -> tuple[Put, Update]:
    """Return the writes that take a place among at most `max_running`."""
    place = Put(
        {
            "pk": ADMISSION,
            "sk": RUNNING + claim.execution_name,
            "work": claim.work.model_dump_json(),
            "attempt": claim.attempt,
            "execution_arn": claim.execution_arn,
            "started_at": timestamp(claim.now),
        },
        _ABSENT,
    )
    counter = Update(
        COUNTER,
        "SET #running = if_not_exists(#running, :zero) + :one",
        {":zero": 0, ":one": 1},
        Condition("attribute_not_exists(#running) OR #running < :max", {":max": max_running}),
    )
    return place, counter


def _new_latest(claim: Claim) -> Update:
    """Return the write that makes the version its document's latest, unless it is older."""
    work = claim.work
    return Update(
        document_key(work.tenant, work.document_id),
        "SET #document_id = :document_id, #collection = :collection, #path = :path,"
        " #bytes = if_not_exists(#bytes, :bytes), #version = if_not_exists(#version, :none),"
        " #created_at = if_not_exists(#created_at, :now), #updated_at = :now,"
        " #latest_version = :version, #latest_order = :order, #status = :processing,"
        " #reason = :none",
        {
            ":document_id": work.document_id,
            ":collection": work.collection,
            ":path": work.path,
            ":bytes": work.bytes,
            ":version": work.version,
            ":order": work.order,
            ":processing": "processing",
            ":now": timestamp(claim.now),
            ":none": "",
        },
        Condition("attribute_not_exists(#latest_order) OR #latest_order < :order"),
    )


def _latest_again(claim: Claim) -> Update:
    work = claim.work
    return Update(
        document_key(work.tenant, work.document_id),
        "SET #status = :processing, #reason = :none, #updated_at = :now",
        {":processing": "processing", ":none": "", ":now": timestamp(claim.now)},
        Condition("#latest_version = :version", {":version": work.version}),
    )


def _place_left(running: Running) -> Delete:
    name = running.execution_arn.rsplit(":", 1)[-1]
    return Delete((ADMISSION, RUNNING + name), _EXISTS)


def _one_fewer() -> Update:
    return Update(COUNTER, "SET #running = #running - :one", {":one": 1})


def _settled(work: IngestInput, settlement: Settlement, now: datetime) -> Update:
    key = version_key(work.tenant, work.document_id, work.version)
    moment = timestamp(now)
    if settlement.status is None:
        return Update(key, "SET #settled_at = :now", {":now": moment}, _EXISTS)
    return Update(
        key,
        "SET #settled_at = :now, #updated_at = :now, #status = :status, #reason = :reason",
        {":now": moment, ":status": settlement.status, ":reason": settlement.reason},
        Condition("#status = :processing", {":processing": "processing"}),
    )


def _document_failed(work: IngestInput, settlement: Settlement, now: datetime) -> Update:
    return Update(
        document_key(work.tenant, work.document_id),
        "SET #status = :failed, #reason = :reason, #updated_at = :now",
        {":failed": "failed", ":reason": settlement.reason, ":now": timestamp(now)},
        Condition("#latest_version = :version", {":version": work.version}),
    )
