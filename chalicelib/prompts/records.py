"""Stored prompts: heads that change, versions that do not, and atomic changes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from chalicelib.contracts.prompts import LabelOverride, PromptSuite


@dataclass(frozen=True, slots=True)
class PromptHead:
    """The record of a prompt, beside its versions.

    `numbered` is the highest number ever given, `latest` the newest existing version, 0 if all were
    removed, and `sha256` its hash. `revision` counts changes. `suite` guards labels, and
    `overrides` are the last times that somebody moved one against it.
    """

    name: str
    created_at: datetime
    updated_at: datetime
    description: str = ""
    numbered: int = 0
    latest: int = 0
    sha256: str = ""
    versions: int = 0
    labels: Mapping[str, int] = field(default_factory=dict)
    revision: int = 0
    suite: PromptSuite | None = None
    overrides: tuple[LabelOverride, ...] = ()


@dataclass(frozen=True, slots=True)
class StoredVersion:
    """A stored version: `body` is canonical JSON, and `sha256` its hash."""

    number: int
    sha256: str
    body: str
    created_at: datetime

    @property
    def size(self) -> int:
        """Return the size of the body in bytes."""
        return len(self.body.encode())


@dataclass(frozen=True, slots=True)
class PromptChange:
    """The new head of a prompt, with a version that is added, removed, or required to exist."""

    head: PromptHead
    added: StoredVersion | None = None
    removed: int = 0
    needed: int = 0


@dataclass(frozen=True, slots=True)
class LabelMove:
    """A change that points a label to another version, and the head that it changes."""

    before: PromptHead
    change: PromptChange


class PromptRecords(Protocol):
    """Heads and versions by tenant."""

    def head(self, tenant: str, name: str) -> PromptHead | None:
        """Return the head of a prompt, or None if it never existed."""

    def heads(self, tenant: str, after: str) -> Iterator[PromptHead]:
        """Yield the tenant's heads by name, those after the name `after` ("" for all)."""

    def version(self, tenant: str, name: str, number: int) -> StoredVersion | None:
        """Return one version, or None."""

    def versions(self, tenant: str, name: str, before: int) -> Iterator[StoredVersion]:
        """Yield versions, newest first, with numbers below `before` (0 for all)."""

    def numbers(self, tenant: str, name: str) -> list[int]:
        """Return the numbers of the existing versions, oldest first."""

    def change(self, tenant: str, before: PromptHead | None, change: PromptChange) -> bool:
        """Make the change atomically; return False, unchanged, if its condition fails.

        The head has to be `before` still, and the version as the change requires.
        """
