"""Prompts kept in memory, with the conditions of the table."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime

from chalicelib.contracts.evaluations.verdicts import SuiteVerdict
from chalicelib.contracts.prompts import PromptContent
from chalicelib.prompts.library import PromptLibrary
from chalicelib.prompts.records import PromptChange, PromptHead, StoredVersion

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


@dataclass
class FakePrompts:
    """`before_change` is called before every change, as others who come first would be."""

    kept: dict[tuple[str, str], PromptHead] = field(default_factory=dict)
    bodies: dict[tuple[str, str, int], StoredVersion] = field(default_factory=dict)
    before_change: Callable[[], None] | None = None

    def head(self, tenant: str, name: str) -> PromptHead | None:
        return self.kept.get((tenant, name))

    def heads(self, tenant: str, after: str) -> Iterator[PromptHead]:
        for (owner, name), head in sorted(self.kept.items(), key=lambda each: each[0]):
            if owner == tenant and name > after:
                yield head

    def version(self, tenant: str, name: str, number: int) -> StoredVersion | None:
        return self.bodies.get((tenant, name, number))

    def versions(self, tenant: str, name: str, before: int) -> Iterator[StoredVersion]:
        for number in reversed(self.numbers(tenant, name)):
            if not before or number < before:
                yield self.bodies[tenant, name, number]

    def numbers(self, tenant: str, name: str) -> list[int]:
        return sorted(n for owner, found, n in self.bodies if (owner, found) == (tenant, name))

    def change(self, tenant: str, before: PromptHead | None, change: PromptChange) -> bool:
        if self.before_change is not None:
            self.before_change()
        name = change.head.name
        found = self.kept.get((tenant, name))
        if (found.revision if found else None) != (before.revision if before else None):
            return False
        for number, is_there in ((change.removed, True), (change.needed, True)):
            if number and ((tenant, name, number) in self.bodies) is not is_there:
                return False
        if change.added is not None:
            if (tenant, name, change.added.number) in self.bodies:
                return False
            self.bodies[tenant, name, change.added.number] = change.added
        if change.removed:
            del self.bodies[tenant, name, change.removed]
        self.kept[tenant, name] = change.head
        return True


@dataclass
class FakeVerdicts:
    """Verdicts of suites by prompt, version and hash; `required` is the tenant's setting."""

    kept: dict[tuple[str, int, str], SuiteVerdict] = field(default_factory=dict)
    required: bool = False
    labelled_verdict: SuiteVerdict | None = None

    def verdict(self, tenant: str, prompt: str, version: int, sha256: str) -> SuiteVerdict | None:
        return self.kept.get((prompt, version, sha256))

    def suite_required(self, tenant: str) -> bool:
        return self.required

    def labelled(self, tenant: str, prompt: str, sha256: str) -> SuiteVerdict | None:
        return self.labelled_verdict

    def record(self, tenant: str, prompt: str, version: int, verdict: SuiteVerdict) -> None:
        self.kept[prompt, version, verdict.sha256] = verdict


def library(
    records: FakePrompts | None = None,
    check: Callable[[PromptContent], None] = lambda content: None,
    verdicts: FakeVerdicts | None = None,
) -> PromptLibrary:
    """Return a library that waits for nobody and checks nothing unless told."""
    return PromptLibrary(
        records or FakePrompts(),
        check,
        lambda: NOW,
        lambda attempt: None,
        verdicts or FakeVerdicts(),
    )
