"""Arrivals: an object in the inbox is claimed and its ingest started."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol, assert_never

from pydantic import TypeAdapter, ValidationError

from chalicelib.contracts.arrivals import MemberGone, ObjectCreated, RetryWanted
from chalicelib.contracts.carried import CORRELATION, read_carried
from chalicelib.errors import InvalidInput, NotFound
from chalicelib.jobs.ingest_claims import (
    ClaimOutcome,
    IngestClaim,
    deferral_seconds,
    execution_arn,
    execution_name,
    ingest_input,
    retry_input,
    with_ready_version,
)
from chalicelib.ports import Executions, InboxQueue, TenantStates
from chalicelib.retrieval.search.filters import check_metadata_declared

if TYPE_CHECKING:
    from chalicelib.contracts.ingest import IngestInput
    from chalicelib.ingest.departures import MemberObjects, MemberRemoval
    from chalicelib.jobs.ingest_settlement import IngestRecords

Message = ObjectCreated | RetryWanted | MemberGone
_MESSAGE: TypeAdapter[Message] = TypeAdapter(Message)


class Taken(StrEnum):
    """What became of an arrival, as the line in the log that ends it says."""

    STARTED = "started"
    REPEATED = "repeated"
    DEFERRED = "deferred"
    OVERTAKEN = "overtaken"
    DEPARTED = "departed"
    """No arrival: the file went with its container."""
    IGNORED = "ignored"
    """The object is gone or lies where no tenant's documents do, the version cannot run again, or
    the member is not to go."""


class PresentTenants(TenantStates, Protocol):
    """The tenants that there are, and that there were."""

    def was_removed(self, tenant: str) -> bool:
        """Tell whether a tenant of this name was removed."""


@dataclass(frozen=True, slots=True)
class Arrivals:
    """Takes arrivals from the inbox queue."""

    records: IngestRecords
    tenants: PresentTenants
    objects: MemberObjects
    executions: Executions
    queue: InboxQueue
    departed: MemberRemoval
    machine_arn: str
    max_running: int
    now: Callable[[], datetime]
    chance: Callable[[], float]

    def take(self, body: str, deferrals: int) -> Taken:
        """Take the arrival in a queue message that was deferred `deferrals` times before.

        Raises:
            InvalidInput: the message is none that this queue is for; it belongs with the
                dead letters.
        """
        claim = self._wanted(parse(body))
        if claim is Taken.DEFERRED:
            return self._defer(body, deferrals)
        if isinstance(claim, Taken):
            return claim
        write = self.records.claim if claim.attempt == 1 else self.records.claim_again
        outcome = write(claim, self.max_running)
        if outcome is ClaimOutcome.FULL:
            return self._defer(body, deferrals)
        if outcome is ClaimOutcome.OVERTAKEN:
            return Taken.OVERTAKEN
        if outcome is ClaimOutcome.REMOVING:
            return self._unwanted(claim.work, is_known=True)
        if outcome is ClaimOutcome.DUPLICATE:
            self._start_if_lost(claim)
            return Taken.REPEATED
        self.executions.start(claim.execution_name, claim.work)
        return Taken.STARTED

    def _defer(self, body: str, deferrals: int) -> Taken:
        self.queue.send_again(body, deferrals + 1, deferral_seconds(deferrals, self.chance()))
        return Taken.DEFERRED

    def _wanted(self, message: Message) -> IngestClaim | Taken:
        if isinstance(message, ObjectCreated):
            return self._upload(message)
        if isinstance(message, RetryWanted):
            return self._retry(message)
        if isinstance(message, MemberGone):
            return Taken.DEPARTED if self.departed.remove(message.detail) else Taken.IGNORED
        assert_never(message)

    def _upload(self, event: ObjectCreated) -> IngestClaim | Taken:
        try:
            work = ingest_input(event)
        except InvalidInput:
            return Taken.IGNORED
        tenant = self.tenants.tenant_state(work.tenant)
        if tenant is None or tenant.removing:
            return self._unwanted(work, is_known=tenant is not None)
        told = self._told(work)
        if told is None:
            return Taken.IGNORED
        document = self.records.document(work.tenant, work.document_id)
        return self._claim(with_ready_version(told, document), attempt=1)

    def _unwanted(self, work: IngestInput, *, is_known: bool) -> Taken:
        """Remove what was uploaded for a tenant that is removed or is being so: nobody else will.

        What lies under the name of nobody is left alone: it may be a tenant's to come.
        """
        if is_known or self.tenants.was_removed(work.tenant):
            self.objects.delete_object(work.bucket, work.key)
        return Taken.IGNORED

    def _told(self, work: IngestInput) -> IngestInput | None:
        """Return `work` with what its object carries, or with why it has to be rejected.

        The execution records the rejection, so that a bad upload shows like any other. None where
        the object is gone: it was removed with its document, which no event must bring back.
        """
        try:
            given = self.objects.metadata(work.bucket, work.key, work.object_version_id)
        except NotFound:
            return None
        told: dict[str, object] = {"correlation_id": given.get(CORRELATION, work.correlation_id)}
        declared = self.records.declaration(work.tenant, work.collection)
        try:
            carried = read_carried(given)
            check_metadata_declared(carried.metadata, declared)
        except InvalidInput as error:
            return work.model_copy(update={**told, "refusal": error.message})
        if declared is not None and declared.picture_model is not None:
            told["picture_model"] = declared.picture_model
        of_object = {"container": carried.container, "depth": carried.depth}
        return work.model_copy(update={**told, **of_object, "metadata": carried.metadata})

    def _retry(self, wanted: RetryWanted) -> IngestClaim | Taken:
        """Return the next attempt at a failed version, once the one that failed is settled."""
        detail = wanted.detail
        version = self.records.version(detail.tenant, detail.document_id, detail.version)
        if version is None or version.status != "failed":
            return Taken.IGNORED
        if detail.failed_attempt not in {None, version.attempt}:
            return Taken.REPEATED
        if version.settled_at is None:
            return Taken.DEFERRED
        again = retry_input(version, detail.tenant, wanted.id)
        work = self._told(again) or again
        told = work.model_copy(update={"correlation_id": wanted.id})
        return self._claim(told, version.attempt + 1)

    def _claim(self, work: IngestInput, attempt: int) -> IngestClaim:
        arn = execution_arn(self.machine_arn, execution_name(work.version, attempt))
        return IngestClaim(work, attempt, arn, self.now())

    def _start_if_lost(self, claim: IngestClaim) -> None:
        """Start what an earlier delivery claimed, in case it died before it could start it.

        The execution's name makes this harmless where it did start.
        """
        work = claim.work
        version = self.records.version(work.tenant, work.document_id, work.version)
        if version and version.status == "processing" and version.attempt == claim.attempt:
            self.executions.start(claim.execution_name, work)


def parse(body: str) -> Message:
    """Parse a message of the inbox queue, or raise `InvalidInput`."""
    try:
        return _MESSAGE.validate_json(body)
    except ValidationError as error:
        problem = error.errors(include_url=False)[0]
        where = ".".join(str(part) for part in problem["loc"])
        raise InvalidInput(f"Not an arrival: {where}: {problem['msg']}", field=where) from error
