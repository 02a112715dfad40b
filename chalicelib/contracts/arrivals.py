"""Events from AWS about new objects and ended executions, with the fields that we read.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/ev-events.html
https://docs.aws.amazon.com/step-functions/latest/dg/eventbridge-integration.html
"""

from __future__ import annotations

from typing import Literal

from pydantic import AwareDatetime, ConfigDict, Field

from chalicelib.contracts.base import Contract

ExecutionStatus = Literal["SUCCEEDED", "FAILED", "TIMED_OUT", "ABORTED"]


class _Bucket(Contract):
    name: str


class _Object(Contract):
    key: str
    size: int = Field(default=0, ge=0)
    version_id: str = Field(alias="version-id")
    sequencer: str


class ObjectCreatedDetail(Contract):
    """The detail of S3's `Object Created`; the bucket keeps versions, so there is an id."""

    bucket: _Bucket
    object: _Object


class ObjectCreated(Contract):
    """S3's event on EventBridge."""

    id: str
    time: AwareDatetime
    source: Literal["aws.s3"]
    detail_type: Literal["Object Created"] = Field(alias="detail-type")
    detail: ObjectCreatedDetail


class RetryDetail(Contract):
    """A request for another attempt at a version.

    `failed_attempt` is the attempt that failed, if it is known: a message that is delivered twice
    then asks for one more attempt, not for two.
    """

    tenant: str
    document_id: str
    version: str
    failed_attempt: int | None = Field(default=None, ge=1)


class RetryWanted(Contract):
    """The wish, sent to the inbox queue, to run a failed version again."""

    model_config = ConfigDict(serialize_by_alias=True, validate_by_name=True)

    id: str
    source: Literal["headrace"] = "headrace"
    detail_type: Literal["document.retry"] = Field(default="document.retry", alias="detail-type")
    detail: RetryDetail


class MemberGoneDetail(Contract):
    """A member, and the document of the archive or mail that no longer holds it.

    `versions` are those of the container that held it and are gone, or are about to go.
    """

    bucket: str
    tenant: str
    collection: str
    container: str
    versions: tuple[str, ...]
    document_id: str
    path: str


class MemberGone(Contract):
    """The news, sent to the inbox queue, that a container no longer holds one of its files."""

    model_config = ConfigDict(serialize_by_alias=True, validate_by_name=True)

    id: str
    source: Literal["headrace"] = "headrace"
    detail_type: Literal["document.member_gone"] = Field(
        default="document.member_gone", alias="detail-type"
    )
    detail: MemberGoneDetail


class ExecutionEndedDetail(Contract):
    """The detail of a status change to one of the four ends."""

    execution_arn: str = Field(alias="executionArn")
    status: ExecutionStatus
    error: str | None = None
    cause: str | None = None


class ExecutionEnded(Contract):
    """Step Functions' event on EventBridge."""

    id: str
    detail: ExecutionEndedDetail
