"""`/v1/registry`: versions of trained models, and the verdict on them."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AwareDatetime, Field

from chalicelib.contracts.base import Contract, HttpInput

VersionState = Literal["waiting", "approved", "rejected"]
"""`waiting` is SageMaker's PendingManualApproval."""


class ModelVersionView(Contract):
    """A version of a trained model in the registry.

    `comment` is what was said with the verdict. `numbers` are what its gates measured, by name, and
    `training` is the training that made it, which has its card; the list leaves both out.
    """

    group: str
    number: int = Field(ge=1)
    state: VersionState
    description: str = ""
    comment: str = ""
    created_at: AwareDatetime
    numbers: dict[str, float] = Field(default_factory=dict)
    training: str = ""


class ModelVersionList(Contract):
    """Versions of all groups of the stage, or of one, newest first."""

    items: tuple[ModelVersionView, ...]
    next_cursor: str | None = None


class DecideVersionRequest(HttpInput):
    """The verdict on a version, and the reason for it, which the registry keeps."""

    state: Literal["approved", "rejected"]
    comment: Annotated[str, Field(max_length=1024)] = ""
