"""The prompts of a tenant: immutable versions, and labels that move.

A version number is never given again, even after the version or the prompt was removed, so that a
number in a log always names one content. All changes of a prompt go through its head, on condition
that the head is as it was read: of two that save at once, the second reads again, and gets the next
number.
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
    LabelOverride,
    PromptContent,
    PromptSuite,
    PromptVersion,
    PromptView,
    SavedPrompt,
)
from chalicelib.errors import Conflict, InvalidInput, NotFound, QuotaExceeded, Throttled
from chalicelib.prompts.label_gate import PromptVerdicts, label_refusal
from chalicelib.prompts.records import (
    LabelMove,
    PromptChange,
    PromptHead,
    PromptRecords,
    StoredVersion,
)

MAX_PROMPTS = 1_000
MAX_VERSIONS = 500
MAX_LABELS = 20
MAX_OVERRIDES = 20
"""Overrides that a prompt remembers."""
_ATTEMPTS = 50
"""How often a change is retried while others change the same prompt."""


@dataclass(frozen=True, slots=True)
class PromptLibrary:
    """Prompts of all tenants, on `records`; `check` validates a version before it is saved."""

    records: PromptRecords
    check: Callable[[PromptContent], None]
    now: Callable[[], datetime]
    pause: Callable[[int], None]
    """Waits a little before attempt n at a change that others came before."""
    verdicts: PromptVerdicts

    def save(self, tenant: str, name: str, content: PromptContent) -> SavedPrompt:
        """Save a version; if the newest has the same content, return that one.

        Raises:
            InvalidInput: it is not valid; the error names field, limit and line.
            QuotaExceeded: the limit of prompts or versions is reached.
            Throttled: others kept changing the prompt for as long as we tried.
        """
        body = canonical_json(content)
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
                    return _saved_prompt(before, kept, created=False)
                continue  # it was removed between the two looks
            self._check_quota(tenant, before)
            now = self._now()
            head = before or PromptHead(name, now, now)
            added = StoredVersion(head.numbered + 1, digest, body, now)
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
            if self._changed(tenant, before, PromptChange(after, added=added)):
                return _saved_prompt(after, added, created=True)
        raise _busy(name)

    def head(self, tenant: str, name: str) -> PromptHead:
        """Return the head of a prompt that has versions; raise `NotFound`."""
        return read_head(self.records, tenant, name)

    def version(self, tenant: str, name: str, wanted: str | int) -> PromptVersion:
        """Return the version of a number, a label, or the `latest`; raise `NotFound`."""
        return read_version(self.records, tenant, name, wanted)

    def point(
        self,
        tenant: str,
        name: str,
        label: str,
        number: int,
        *,
        override: str = "",
        key: str = "",
    ) -> PromptView:
        """Point a label to a version; an `override`, a reason, has its suite decide nothing.

        Raises:
            NotFound: there is no such prompt or version.
            QuotaExceeded: the prompt has the most labels allowed.
            Conflict: the version has not passed the prompt's suite.
        """
        for attempt in range(_ATTEMPTS):
            self.pause(attempt)
            move = self.move(tenant, name, label, number, override=override, key=key)
            if self.records.change(tenant, move.before, move.change):
                return prompt_view(move.change.head)
        raise _busy(name)

    def move(
        self,
        tenant: str,
        name: str,
        label: str,
        number: int,
        *,
        override: str = "",
        key: str = "",
    ) -> LabelMove:
        """Return the change that points a label to a version, which is not made; raises as `point`.

        It can be made as long as the prompt is what it was.
        """
        if label == LATEST:
            raise InvalidInput(
                "latest is always the newest version; take another label.", field="label"
            )
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
        refusal = label_refusal(self.verdicts, tenant, head, label, number)
        if refusal is not None and not override:
            raise refusal
        now = self._now()
        after = replace(head, labels=labels, updated_at=now, revision=head.revision + 1)
        if refusal is not None:
            told = LabelOverride(
                label=label,
                version=number,
                reason=override,
                refusal=refusal.message,
                key=key,
                at=now,
            )
            after = replace(after, overrides=(*head.overrides, told)[-MAX_OVERRIDES:])
        return LabelMove(head, PromptChange(after, needed=number))

    def guard(self, tenant: str, name: str, suite: PromptSuite) -> PromptView:
        """Have a suite guard labels of a prompt, in place of an earlier one; raise `NotFound`."""
        for attempt in range(_ATTEMPTS):
            self.pause(attempt)
            head = self.head(tenant, name)
            after = replace(head, suite=suite, updated_at=self._now())
            if self._changed(tenant, head, PromptChange(after)):
                return prompt_view(after)
        raise _busy(name)

    def unguard(self, tenant: str, name: str, key: str) -> None:
        """Remove the suite of a prompt, which is recorded; raise `NotFound`."""
        for attempt in range(_ATTEMPTS):
            self.pause(attempt)
            head = self.head(tenant, name)
            if head.suite is None:
                raise NotFound(f"{name} has no suite.", field="prompt")
            now = self._now()
            told = LabelOverride(
                label="",
                version=0,
                reason="The suite was removed.",
                refusal=f"The suite {head.suite.name} guarded {', '.join(head.suite.labels)}.",
                key=key,
                at=now,
            )
            overrides = (*head.overrides, told)[-MAX_OVERRIDES:]
            after = replace(head, suite=None, overrides=overrides, updated_at=now)
            if self._changed(tenant, head, PromptChange(after)):
                return
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
            if self._changed(tenant, head, PromptChange(after)):
                return
        raise _busy(name)

    def remove_version(self, tenant: str, name: str, number: int) -> None:
        """Remove a version.

        Raises:
            NotFound: it does not exist.
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
            if self._changed(tenant, head, PromptChange(after, removed=number)):
                return
        raise _busy(name)

    def remove(self, tenant: str, name: str) -> None:
        """Remove a prompt with all its versions; may be repeated after an interruption.

        Raises:
            NotFound: it does not exist.
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
        """Return the time to the millisecond, as it is stored."""
        now = self.now()
        return now.replace(microsecond=now.microsecond // 1000 * 1000)

    def _check_quota(self, tenant: str, before: PromptHead | None) -> None:
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

    def _changed(self, tenant: str, before: PromptHead | None, change: PromptChange) -> bool:
        revised = replace(change.head, revision=(before.revision if before else 0) + 1)
        return self.records.change(tenant, before, replace(change, head=revised))


def read_head(records: PromptRecords, tenant: str, name: str) -> PromptHead:
    """Return the head of a prompt that has versions; raise `NotFound`."""
    head = records.head(tenant, name)
    if head is None or not head.latest:
        raise NotFound(f"There is no prompt {name}.", field="prompt")
    return head


def read_version(
    records: PromptRecords, tenant: str, name: str, wanted: str | int
) -> PromptVersion:
    """Return the version of a number, a label, or the `latest`; raise `NotFound`."""
    head = read_head(records, tenant, name)
    number = wanted if isinstance(wanted, int) else _labelled_version(head, wanted)
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


def canonical_json(content: PromptContent) -> str:
    """Return the content of a version as canonical JSON, defaults written out.

    So a later release that changes a default changes no existing version.
    """
    dumped = content.model_dump(mode="json")
    return json.dumps(dumped, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def prompt_view(head: PromptHead) -> PromptView:
    """Return the view of a prompt that the API shows."""
    return PromptView(
        name=head.name,
        description=head.description,
        latest=head.latest,
        versions=head.versions,
        labels=dict(sorted(head.labels.items())),
        suite=head.suite,
        overrides=head.overrides,
        created_at=head.created_at,
        updated_at=head.updated_at,
    )


def labels_of(head: PromptHead, number: int, *, with_latest: bool = True) -> tuple[str, ...]:
    """Return the labels that point to a version, including `latest` if it is the newest."""
    pointing = sorted(label for label, pointed in head.labels.items() if pointed == number)
    return (LATEST, *pointing) if with_latest and head.latest == number else tuple(pointing)


def _labelled_version(head: PromptHead, label: str) -> int:
    if label == LATEST:
        return head.latest
    if label not in head.labels:
        listed = ", ".join([LATEST, *sorted(head.labels)])
        raise NotFound(f"{head.name} has no label {label}; it has {listed}.", field="version")
    return head.labels[label]


def _saved_prompt(head: PromptHead, kept: StoredVersion, *, created: bool) -> SavedPrompt:
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
