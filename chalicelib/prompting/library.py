"""The prompts of a tenant: versions that stay as they are, and labels that move.

A version's number is given once, and not again after the version or the prompt was removed, so that
a number in a log names one content as long as anybody looks for it. All changes of a prompt go
through its head, by a condition on the head that was read: of two that save at once, the second
reads again, and gets the next number.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime

from chalicelib.contracts.prompts import (
    LATEST,
    MAX_BODY_BYTES,
    PromptContent,
    PromptVersion,
    PromptView,
    SavedPrompt,
)
from chalicelib.errors import Conflict, InvalidInput, NotFound, QuotaExceeded, Throttled
from chalicelib.prompting.records import Change, Head, KeptVersion, PromptRecords

MAX_PROMPTS = 1_000
MAX_VERSIONS = 500
MAX_LABELS = 20
_ATTEMPTS = 50
"""Others that change the same prompt at the same time, and are waited for."""


@dataclass(frozen=True, slots=True)
class Library:
    """Prompts of all tenants, on `records`; `check` sees that a version can be kept."""

    records: PromptRecords
    check: Callable[[PromptContent], None]
    now: Callable[[], datetime]
    pause: Callable[[int], None]
    """Waits a little before attempt n at a change that others came before."""

    def save(self, tenant: str, name: str, content: PromptContent) -> SavedPrompt:
        """Keep a version; where the newest says the same, that is the version.

        Raises:
            InvalidInput: it cannot be kept; field, limit and line are named.
            QuotaExceeded: there are as many prompts or versions as can be.
            Throttled: others kept changing the prompt for as long as we tried.
        """
        body = canonical(content)
        if len(body.encode()) > MAX_BODY_BYTES:
            raise InvalidInput(
                f"The prompt has {len(body.encode())} bytes as JSON; a version holds at most "
                f"{MAX_BODY_BYTES}. Give long texts as variables.",
                field="body",
                limit=str(MAX_BODY_BYTES),
            )
        self.check(content)
        digest = hashlib.sha256(body.encode()).hexdigest()
        for attempt in range(_ATTEMPTS):
            self.pause(attempt)
            before = self.records.head(tenant, name)
            if before is not None and before.latest and before.sha256 == digest:
                kept = self.records.version(tenant, name, before.latest)
                if kept is not None:
                    return _saved(before, kept, created=False)
                continue  # it was removed between the two looks
            self._check_quota(tenant, before)
            now = self._now()
            head = before or Head(name, now, now)
            added = KeptVersion(head.numbered + 1, digest, body, now)
            after = replace(
                head,
                created_at=head.created_at if head.latest else now,
                updated_at=now,
                description=content.description,
                numbered=added.number,
                latest=added.number,
                sha256=digest,
                versions=head.versions + 1,
            )
            if self._changed(tenant, before, Change(after, added=added)):
                return _saved(after, added, created=True)
        raise _busy(name)

    def head(self, tenant: str, name: str) -> Head:
        """Return the head of a prompt that has versions. Raises `NotFound`."""
        return head_of(self.records, tenant, name)

    def version(self, tenant: str, name: str, wanted: str | int) -> PromptVersion:
        """Return the version of a number, of a label, or the `latest`. Raises `NotFound`."""
        return version_of(self.records, tenant, name, wanted)

    def point(self, tenant: str, name: str, label: str, number: int) -> PromptView:
        """Let a label point to a version.

        Raises:
            NotFound: there is no such prompt or version.
            QuotaExceeded: the prompt has as many labels as can be.
        """
        if label == LATEST:
            raise InvalidInput(
                "latest is always the newest version; take another label.", field="label"
            )
        for attempt in range(_ATTEMPTS):
            self.pause(attempt)
            head = self.head(tenant, name)
            if self.records.version(tenant, name, number) is None:
                raise NotFound(f"There is no version {number} of {name}.", field="version")
            labels = {**head.labels, label: number}
            if len(labels) > MAX_LABELS:
                raise QuotaExceeded(
                    f"A prompt has at most {MAX_LABELS} labels; remove one first.",
                    field="label",
                    limit=str(MAX_LABELS),
                )
            after = replace(head, labels=labels, updated_at=self._now())
            if self._changed(tenant, head, Change(after, needed=number)):
                return view(after)
        raise _busy(name)

    def unpoint(self, tenant: str, name: str, label: str) -> None:
        """Remove a label; the version stays. Raises `NotFound`."""
        for attempt in range(_ATTEMPTS):
            self.pause(attempt)
            head = self.head(tenant, name)
            if label not in head.labels:
                raise NotFound(f"{name} has no label {label}.", field="label")
            labels = {key: number for key, number in head.labels.items() if key != label}
            after = replace(head, labels=labels, updated_at=self._now())
            if self._changed(tenant, head, Change(after)):
                return
        raise _busy(name)

    def remove_version(self, tenant: str, name: str, number: int) -> None:
        """Remove a version.

        Raises:
            NotFound: there is none.
            Conflict: a label points to it.
        """
        for attempt in range(_ATTEMPTS):
            self.pause(attempt)
            head = self.head(tenant, name)
            if self.records.version(tenant, name, number) is None:
                raise NotFound(f"There is no version {number} of {name}.", field="version")
            pointing = labels_of(head, number, with_latest=False)
            if pointing:
                raise Conflict(
                    f"Version {number} of {name} is what {', '.join(pointing)} points to; move or "
                    "remove the label first.",
                    field="version",
                )
            after = replace(head, versions=head.versions - 1, updated_at=self._now())
            if head.latest == number:
                newest = next(self.records.versions(tenant, name, before=number), None)
                after = replace(
                    after,
                    latest=newest.number if newest else 0,
                    sha256=newest.sha256 if newest else "",
                )
            if self._changed(tenant, head, Change(after, removed=number)):
                return
        raise _busy(name)

    def remove(self, tenant: str, name: str) -> None:
        """Remove a prompt with all its versions; what was cut off may be done again.

        Raises:
            NotFound: there is none.
            Conflict: it has labels.
        """
        head = self.head(tenant, name)
        if head.labels:
            raise Conflict(
                f"{name} has labels ({', '.join(sorted(head.labels))}); remove them first.",
                field="prompt",
            )
        for number in self.records.numbers(tenant, name):
            self.remove_version(tenant, name, number)

    def _now(self) -> datetime:
        """Return the time as it is kept, to the millisecond."""
        now = self.now()
        return now.replace(microsecond=now.microsecond // 1000 * 1000)

    def _check_quota(self, tenant: str, before: Head | None) -> None:
        if before is not None and before.versions >= MAX_VERSIONS:
            raise QuotaExceeded(
                f"A prompt has at most {MAX_VERSIONS} versions; remove some first.",
                field="name",
                limit=str(MAX_VERSIONS),
            )
        if before is not None and before.latest:
            return
        if sum(1 for head in self.records.heads(tenant, "") if head.latest) >= MAX_PROMPTS:
            raise QuotaExceeded(
                f"A tenant has at most {MAX_PROMPTS} prompts; remove one first.",
                field="name",
                limit=str(MAX_PROMPTS),
            )

    def _changed(self, tenant: str, before: Head | None, change: Change) -> bool:
        revised = replace(change.head, revision=(before.revision if before else 0) + 1)
        return self.records.change(tenant, before, replace(change, head=revised))


def head_of(records: PromptRecords, tenant: str, name: str) -> Head:
    """Return the head of a prompt that has versions. Raises `NotFound`."""
    head = records.head(tenant, name)
    if head is None or not head.latest:
        raise NotFound(f"There is no prompt {name}.", field="prompt")
    return head


def version_of(records: PromptRecords, tenant: str, name: str, wanted: str | int) -> PromptVersion:
    """Return the version of a number, of a label, or the `latest`. Raises `NotFound`."""
    head = head_of(records, tenant, name)
    number = wanted if isinstance(wanted, int) else _pointed(head, wanted)
    kept = records.version(tenant, name, number)
    if kept is None:
        raise NotFound(f"There is no version {wanted} of {name}.", field="version")
    return PromptVersion(
        name=name,
        version=kept.number,
        sha256=kept.sha256,
        bytes=kept.size,
        labels=labels_of(head, kept.number),
        created_at=kept.created_at,
        content=PromptContent.model_validate_json(kept.body),
    )


def canonical(content: PromptContent) -> str:
    """Return what a version says as JSON that depends on nothing else, defaults written out.

    So a default that a later release changes changes no version that is there.
    """
    dumped = content.model_dump(mode="json")
    return json.dumps(dumped, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def view(head: Head) -> PromptView:
    """Return what is shown of a prompt."""
    return PromptView(
        name=head.name,
        description=head.description,
        latest=head.latest,
        versions=head.versions,
        labels=dict(sorted(head.labels.items())),
        created_at=head.created_at,
        updated_at=head.updated_at,
    )


def labels_of(head: Head, number: int, *, with_latest: bool = True) -> tuple[str, ...]:
    """Return the labels that point to a version, `latest` among them where it is the newest."""
    pointing = sorted(label for label, pointed in head.labels.items() if pointed == number)
    return (LATEST, *pointing) if with_latest and head.latest == number else tuple(pointing)


def _pointed(head: Head, label: str) -> int:
    if label == LATEST:
        return head.latest
    if label not in head.labels:
        listed = ", ".join([LATEST, *sorted(head.labels)])
        raise NotFound(f"{head.name} has no label {label}; it has {listed}.", field="version")
    return head.labels[label]


def _saved(head: Head, kept: KeptVersion, *, created: bool) -> SavedPrompt:
    return SavedPrompt(
        name=head.name,
        version=kept.number,
        sha256=kept.sha256,
        bytes=kept.size,
        labels=labels_of(head, kept.number),
        created_at=kept.created_at,
        created=created,
    )


def _busy(name: str) -> Throttled:
    return Throttled(f"Others keep changing the prompt {name}.")
