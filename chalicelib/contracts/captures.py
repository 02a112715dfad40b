"""Captured calls: what a subject was asked, what it answered, and how that went.

A call is written once, after its answer is ready, if a monitor samples its subject or a rollout
tries it. Texts are masked before they are written. Monitors, rollouts and labelling read the same
records.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AwareDatetime, Field

from chalicelib.contracts.base import Contract

SubjectKind = Literal["prompt", "model", "retrieval"]
CallOutcome = Literal["ok", "error", "refused"]
LeftOut = Literal["input", "output", "images", "sound"]

MAX_CAPTURED_BYTES = 100_000
"""Of an input or an output as UTF-8; a longer one is left out. An item of DynamoDB has 400 KB."""
SETTLE_SECONDS = 10
"""A reader that keeps a cursor reads calls of at least this age: younger ones may still be written
out of order by processes whose clocks differ.
"""
DEFAULT_VERSION = "default"
"""The version of a subject that has none, such as the retrieval settings of a stage."""
EVERYTHING = "*"
"""The name of the retrieval subject of questions that name no collection."""

SubjectName = Annotated[str, Field(min_length=1, max_length=256, pattern=r"^[^#\s]+$")]


def subject_key(kind: SubjectKind, name: str, label: str = "") -> str:
    """Return the key of a subject of rollouts, whether or not there can be one of that name."""
    return f"{kind}#{name}@{label}" if label else f"{kind}#{name}"


class CaptureSubject(Contract):
    """A prompt, a model of the catalogue, or the retrieval of a collection, by its name.

    A retrieval that is named `*` is that of questions that name no collection.
    """

    kind: SubjectKind
    name: SubjectName

    @property
    def path(self) -> str:
        """Return kind and name as one text, such as `prompt/greeting`."""
        return f"{self.kind}/{self.name}"


class CapturedCall(Contract):
    """One call of a subject.

    Attributes:
        id: A ULID, by the time at which it was written: calls sort by it.
        version: The version that answered: a prompt's number, the id of the model that says it
            answered, or `default`. Empty if the call failed before one was chosen.
        rollout_id: The rollout whose arm answered, "" without one.
        arm: The arm of the rollout, "" without one.
        sampled: Whether the sample rate of a monitor chose it. Only sampled calls represent all
            calls; others are here because a rollout wants each of its own.
        answer_id: The id by which the answer can be rated, "" if it cannot be.
        end_user: A hash of tenant and end user, the same for the same end user of a tenant.
        error_type: The type of the error of a call whose outcome is `error`.
        cited: Whether every claim of an answer is cited; None where answers have no citations.
        unsupported: Whether a claim is not supported by any source; None where it is not checked.
        unsafe: Whether a rule for harmful content found something in the output.
        label: The class that a classifier chose, "" of other calls.
        language: The input's language as an ISO 639-1 code, "" if it is open.
        input: The request as JSON: `call` and `terms` of a model, `variables` of a prompt, the
            body of an ask; None if it is left out.
        output: The answer's text, or JSON where it has no text; None if it is left out.
        left_out: What was too long to be kept, or is never kept.
        masked: How many findings were masked in input and output.
    """

    id: str
    subject: CaptureSubject
    version: str
    created_at: AwareDatetime
    rollout_id: str = ""
    arm: str = ""
    sampled: bool = True
    answer_id: str = ""
    end_user: str = ""
    outcome: CallOutcome = "ok"
    error_type: str = ""
    latency_ms: int = Field(default=0, ge=0)
    nanodollars: int = Field(default=0, ge=0)
    tokens_in: int = Field(default=0, ge=0)
    tokens_out: int = Field(default=0, ge=0)
    cited: bool | None = None
    unsupported: bool | None = None
    unsafe: bool = False
    label: str = ""
    language: str = ""
    input_characters: int = Field(default=0, ge=0)
    output_characters: int = Field(default=0, ge=0)
    input: str | None = None
    output: str | None = None
    left_out: tuple[LeftOut, ...] = ()
    masked: int = Field(default=0, ge=0)
