"""Arrivals: claims an object in the inbox, and starts its ingest."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol, assert_never

from pydantic import TypeAdapter, ValidationError

from chalicelib.contracts.arrivals import MemberGone, ObjectCreated, RetryWanted
from chalicelib.contracts.inbox_metadata import CORRELATION, read_inbox_metadata
from chalicelib.contracts.indexes import TenantStates
from chalicelib.errors import InvalidInput, NotFound
from chalicelib.jobs.ingest_claims import (
    ClaimOutcome,
    IngestClaim,
    execution_arn,
    execution_name,
    ingest_input,
    retry_input,
    with_ready_version,
)
from chalicelib.jobs.ingest_waitlist import waiting_arrival
from chalicelib.retrieval.search.filters import check_metadata_declared

if TYPE_CHECKING:
    from chalicelib.contracts.arrivals import ExecutionStatus
    from chalicelib.contracts.ingest import IngestInput
    from chalicelib.ingest.departures import MemberObjects, MemberRemover
    from chalicelib.jobs.ingest_settlement import IngestRecords
    from chalicelib.jobs.ingest_waitlist import Waitlist


class Executions(Protocol):
    """The executions of the `ingest` state machine."""

    def start(self, name: str, work: IngestInput) -> None:
        """Start an execution; one of that name that exists already is no error."""

    def ended(self, execution_arn: str) -> ExecutionStatus | None:
        """Return how an execution ended, None while it runs; raise `NotFound`."""


InboxMessage = ObjectCreated | RetryWanted | MemberGone
_MESSAGE: TypeAdapter[InboxMessage] = TypeAdapter(InboxMessage)


class ArrivalResult(StrEnum):
    """The result of a message, as its closing log line says."""

    STARTED = "started"
    REPEATED = "repeated"
    DEFERRED = "deferred"
    """No seat is free, or others wait: it is among those that wait now."""
    UNSETTLED = "unsettled"
    """The attempt before it has not been settled yet; the message has to come again."""
    OVERTAKEN = "overtaken"
    DEPARTED = "departed"
    """The message was a departure: a file was removed with its container."""
    IGNORED = "ignored"
    """The object is gone or belongs to no tenant, the version cannot run again, or the member
    stays.
    """


class PresentTenants(TenantStates, Protocol):
    """The tenants that exist, and those that were removed."""

    def was_removed(self, tenant: str) -> bool:
        """Tell whether a tenant of this name was removed."""


@dataclass(frozen=True, slots=True)
class ArrivalProcessor:
    """Processes messages of the inbox queue.

    What finds no seat waits in the records and not in the queue: sent to the queue that invokes
    this function again and again, a message is gone after 16 times.
    https://docs.aws.amazon.com/lambda/latest/dg/invocation-recursion.html
    """

    records: IngestRecords
    tenants: PresentTenants
    objects: MemberObjects
    executions: Executions
    waiting: Waitlist
    departed: MemberRemover
    machine_arn: str
    max_running: int
    now: Callable[[], datetime]

    def take(self, body: str, *, has_waited: bool = False) -> ArrivalResult:
        """Process a queue message; one that `has_waited` already does not stand in line again.

        Raises:
            InvalidInput: the message is not meant for this queue; it goes to the dead letters.
        """
        message = parse_arrival(body)
        if isinstance(message, ObjectCreated) and not has_waited and self.waiting.is_any():
            return self._wait_in_line(message, body)
        claim = self._wanted(message)
        if isinstance(claim, ArrivalResult):
            return claim
        # Only an admission sees which tenant holds how many seats by large files.
        stands_in_line = not has_waited and (
            claim.is_large or (isinstance(message, RetryWanted) and self.waiting.is_any())
        )
        result = None if stands_in_line else self._start(claim)
        if result is None:
            self.waiting.add(waiting_arrival(claim.work, claim.attempt, claim.now, body))
            return ArrivalResult.DEFERRED
        return result

    def _wait_in_line(self, event: ObjectCreated, body: str) -> ArrivalResult:
        """Let an upload wait behind others; it is looked at when its turn comes."""
        try:
            work = ingest_input(event)
        except InvalidInput:
            return ArrivalResult.IGNORED
        self.waiting.add(waiting_arrival(work, 1, self.now(), body))
        return ArrivalResult.DEFERRED

    def admit(self, body: str) -> ArrivalResult | None:
        """Process the message of an arrival that waited; None if there is no seat for it."""
        claim = self._wanted(parse_arrival(body))
        return claim if isinstance(claim, ArrivalResult) else self._start(claim)

    def _start(self, claim: IngestClaim) -> ArrivalResult | None:
        """Claim a version and start its execution; None if no seat is free."""
        write = self.records.claim if claim.attempt == 1 else self.records.claim_again
        outcome = write(claim, self.max_running)
        if outcome is ClaimOutcome.FULL:
            return None
        if outcome is ClaimOutcome.OVERTAKEN:
            return ArrivalResult.OVERTAKEN
        if outcome is ClaimOutcome.REMOVING:
            return self._unwanted(claim.work, is_known=True)
        if outcome is ClaimOutcome.CANCELLED:
            work = claim.work
            self.objects.delete_version(work.bucket, work.key, work.object_version_id)
            return ArrivalResult.IGNORED
        if outcome is ClaimOutcome.DUPLICATE:
            self._start_if_lost(claim)
            return ArrivalResult.REPEATED
        self.executions.start(claim.execution_name, claim.work)
        return ArrivalResult.STARTED

    def _wanted(self, message: InboxMessage) -> IngestClaim | ArrivalResult:
        if isinstance(message, ObjectCreated):
            return self._upload(message)
        if isinstance(message, RetryWanted):
            return self._retry(message)
        if isinstance(message, MemberGone):
            return (
                ArrivalResult.DEPARTED
                if self.departed.remove(message.detail)
                else ArrivalResult.IGNORED
            )
        assert_never(message)

    def _upload(self, event: ObjectCreated) -> IngestClaim | ArrivalResult:
        try:
            work = ingest_input(event)
        except InvalidInput:
            return ArrivalResult.IGNORED
        tenant = self.tenants.tenant_state(work.tenant)
        if tenant is None or tenant.removing:
            return self._unwanted(work, is_known=tenant is not None)
        told = self._told(work)
        if told is None:
            return ArrivalResult.IGNORED
        document = self.records.document(work.tenant, work.document_id)
        return self._claim(with_ready_version(told, document), attempt=1)

    def _unwanted(self, work: IngestInput, *, is_known: bool) -> ArrivalResult:
        """Remove an upload for a tenant that is, or is being, removed: nothing else will.

        An object under an unknown name is left alone: the tenant may be created yet.
        """
        if is_known or self.tenants.was_removed(work.tenant):
            self.objects.delete_object(work.bucket, work.key)
        return ArrivalResult.IGNORED

    def _told(self, work: IngestInput) -> IngestInput | None:
        """Return `work` with the metadata of its object, or the reason to reject it.

        The execution records the rejection, so that a bad upload is shown like any other.
        None if the object is gone: it was removed with its document, which no event may
        bring back.
        """
        try:
            given = self.objects.metadata(work.bucket, work.key, work.object_version_id)
        except NotFound:
            return None
        changes: dict[str, object] = {"correlation_id": given.get(CORRELATION, work.correlation_id)}
        declared = self.records.declaration(work.tenant, work.collection)
        try:
            carried = read_inbox_metadata(given)
            check_metadata_declared(carried.metadata, declared)
        except InvalidInput as error:
            return work.model_copy(update={**changes, "refusal": error.message})
        if declared is not None and declared.picture_model is not None:
            changes["picture_model"] = declared.picture_model
        if declared is not None and declared.transcriber is not None:
            changes["transcriber"] = declared.transcriber
        position = {"container": carried.container, "depth": carried.depth}
        return work.model_copy(update={**changes, **position, "metadata": carried.metadata})

    def _retry(self, wanted: RetryWanted) -> IngestClaim | ArrivalResult:
        """Return the next attempt at a failed version, once the failed one is settled."""
        detail = wanted.detail
        version = self.records.version(detail.tenant, detail.document_id, detail.version)
        if version is None or version.status != "failed":
            return ArrivalResult.IGNORED
        if detail.failed_attempt not in {None, version.attempt}:
            return ArrivalResult.REPEATED
        if version.settled_at is None:
            return ArrivalResult.UNSETTLED
        retry = retry_input(version, detail.tenant, wanted.id)
        work = self._told(retry) or retry
        traced = work.model_copy(update={"correlation_id": wanted.id})
        return self._claim(traced, version.attempt + 1)

    def _claim(self, work: IngestInput, attempt: int) -> IngestClaim:
        arn = execution_arn(self.machine_arn, execution_name(work.version, attempt))
        return IngestClaim(work, attempt, arn, self.now())

    def _start_if_lost(self, claim: IngestClaim) -> None:
        """Start what an earlier delivery claimed, in case it died before it could start it.

        The execution's name makes this harmless if it did start.
        """
        work = claim.work
        version = self.records.version(work.tenant, work.document_id, work.version)
        if version and version.status == "processing" and version.attempt == claim.attempt:
            self.executions.start(claim.execution_name, work)


def parse_arrival(body: str) -> InboxMessage:
    """Parse a message of the inbox queue, or raise `InvalidInput`."""
    try:
        return _MESSAGE.validate_json(body)
    except ValidationError as error:
        problem = error.errors(include_url=False)[0]
        where = ".".join(str(part) for part in problem["loc"])
        raise InvalidInput(f"Not an arrival: {where}: {problem['msg']}", field=where) from error
