"""Prompts as they are kept: heads that move, versions that stay, and changes made whole."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Head:
    """What is kept of a prompt beside its versions.

    `numbered` is the highest number that was ever given, `latest` the newest version that there
    is, 0 where all were removed, and `sha256` its hash. `revision` counts changes.
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


@dataclass(frozen=True, slots=True)
class KeptVersion:
    """A version as it is kept: `body` is canonical JSON, and `sha256` its hash."""

    number: int
    sha256: str
    body: str
    created_at: datetime

    @property
    def size(self) -> int:
        """Return the bytes of the body."""
        return len(self.body.encode())


@dataclass(frozen=True, slots=True)
class Change:
    """A head as it is to be, with a version that comes, goes, or has to be there."""

    head: Head
    added: KeptVersion | None = None
    removed: int = 0
    needed: int = 0


class PromptRecords(Protocol):
    """Heads and versions by tenant."""

    def head(self, tenant: str, name: str) -> Head | None:
        """Return the head of a prompt, or None where there never was one."""

    def heads(self, tenant: str, after: str) -> Iterator[Head]:
        """Yield the tenant's heads by name, those behind the name `after` ("" for all)."""

    def version(self, tenant: str, name: str, number: int) -> KeptVersion | None:
        """Return one version, or None."""

    def versions(self, tenant: str, name: str, before: int) -> Iterator[KeptVersion]:
        """Yield versions, newest first, those with numbers below `before` (0 for all)."""

    def numbers(self, tenant: str, name: str) -> list[int]:
        """Return the numbers of the versions there are, oldest first."""

    def change(self, tenant: str, before: Head | None, change: Change) -> bool:
        """Make the change whole; False, and nothing is changed, where the head is not `before`
        any more or the version is not as the change wants it.
        """
