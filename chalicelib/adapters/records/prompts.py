"""Prompts in the records table.

    TENANT#<tenant>   PROMPTS#<name>           a prompt's head: newest version, labels, revision
    TENANT#<tenant>   PROMPT#<name>#v000001    a version, which stays as it is

Heads begin differently from versions, so that listing prompts reads no bodies. A head without
versions stays for 400 days, so that no number is given twice meanwhile, and then expires:
`expires_at` is the table's time to live attribute, in seconds since 1970.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime, timedelta

from chalicelib.adapters.dynamodb import (
    ConditionCheck,
    Delete,
    DynamoTable,
    Item,
    Key,
    Put,
    TransactionRefused,
    Value,
    Write,
    WriteCondition,
)
from chalicelib.adapters.records.writes import ABSENT, EXISTS, tenant_pk, timestamp
from chalicelib.contracts.prompts import LabelOverride, PromptSuite
from chalicelib.prompts.records import PromptChange, PromptHead, StoredVersion

NUMBERS_STAY = timedelta(days=400)
_HEAD = "PROMPTS#"
_VERSION = "PROMPT#"


class PromptTable:
    """Stores heads and versions of prompts by tenant."""

    def __init__(self, table: DynamoTable) -> None:
        self._table = table

    def head(self, tenant: str, name: str) -> PromptHead | None:
        """Return the head of a prompt, or None if it never existed."""
        item = self._table.get(_head_key(tenant, name))
        return None if item is None else _head(item)

    def heads(self, tenant: str, after: str) -> Iterator[PromptHead]:
        """Yield the tenant's heads by name, those after the name `after` ("" for all)."""
        start = _HEAD + after if after else ""
        for item in self._table.query(tenant_pk(tenant), _HEAD, after=start):
            yield _head(item)

    def version(self, tenant: str, name: str, number: int) -> StoredVersion | None:
        """Return one version, or None."""
        item = self._table.get(_version_key(tenant, name, number))
        return None if item is None else _version(item)

    def versions(self, tenant: str, name: str, before: int) -> Iterator[StoredVersion]:
        """Yield versions, newest first, with numbers below `before` (0 for all)."""
        start = _version_key(tenant, name, before)[1] if before else ""
        found = self._table.query(
            tenant_pk(tenant), f"{_VERSION}{name}#", after=start, newest_first=True
        )
        for item in found:
            yield _version(item)

    def numbers(self, tenant: str, name: str) -> list[int]:
        """Return the numbers of the existing versions, oldest first."""
        prefix = f"{_VERSION}{name}#"
        found = self._table.query(tenant_pk(tenant), prefix, attributes=("number",))
        return [item["number"] for item in found]

    def change(self, tenant: str, before: PromptHead | None, change: PromptChange) -> bool:
        """Make the change atomically; return False, unchanged, if its condition fails.

        The head has to be `before` still, and the version as the change requires.
        """
        try:
            self._table.transact(change_writes(tenant, before, change))
        except TransactionRefused:
            return False
        return True


def change_writes(tenant: str, before: PromptHead | None, change: PromptChange) -> list[Write]:
    """Return the writes of a change, all or none of which are made."""
    unchanged = (
        ABSENT
        if before is None
        else WriteCondition("#revision = :revision", {":revision": before.revision})
    )
    name = change.head.name
    writes: list[Write] = [Put(_head_item(tenant, change.head), unchanged)]
    if change.added is not None:
        writes.append(Put(_version_item(tenant, name, change.added), ABSENT))
    if change.removed:
        writes.append(Delete(_version_key(tenant, name, change.removed), EXISTS))
    if change.needed:
        writes.append(ConditionCheck(_version_key(tenant, name, change.needed), EXISTS))
    return writes


def _head_key(tenant: str, name: str) -> Key:
    return tenant_pk(tenant), _HEAD + name


def _version_key(tenant: str, name: str, number: int) -> Key:
    return tenant_pk(tenant), f"{_VERSION}{name}#v{number:06d}"


def _head_item(tenant: str, head: PromptHead) -> dict[str, Value]:
    pk, sk = _head_key(tenant, head.name)
    kept: dict[str, Value] = {
        "pk": pk,
        "sk": sk,
        "name": head.name,
        "description": head.description,
        "numbered": head.numbered,
        "latest": head.latest,
        "sha256": head.sha256,
        "versions": head.versions,
        "labels": json.dumps(dict(head.labels), sort_keys=True),
        **({"suite": head.suite.model_dump_json()} if head.suite else {}),
        **({"overrides": _overrides_json(head)} if head.overrides else {}),
        "revision": head.revision,
        "created_at": timestamp(head.created_at),
        "updated_at": timestamp(head.updated_at),
    }
    if not head.latest:
        kept["expires_at"] = int((head.updated_at + NUMBERS_STAY).timestamp())
    return kept


def _head(item: Item) -> PromptHead:
    return PromptHead(
        name=item["name"],
        created_at=datetime.fromisoformat(item["created_at"]),
        updated_at=datetime.fromisoformat(item["updated_at"]),
        description=item["description"],
        numbered=item["numbered"],
        latest=item["latest"],
        sha256=item["sha256"],
        versions=item["versions"],
        labels=json.loads(item["labels"]),
        revision=item["revision"],
        suite=PromptSuite.model_validate_json(item["suite"]) if "suite" in item else None,
        overrides=tuple(
            LabelOverride.model_validate(each) for each in json.loads(item.get("overrides", "[]"))
        ),
    )


def _overrides_json(head: PromptHead) -> str:
    return json.dumps([each.model_dump(mode="json") for each in head.overrides])


def _version_item(tenant: str, name: str, version: StoredVersion) -> dict[str, Value]:
    pk, sk = _version_key(tenant, name, version.number)
    return {
        "pk": pk,
        "sk": sk,
        "number": version.number,
        "sha256": version.sha256,
        "body": version.body,
        "created_at": timestamp(version.created_at),
    }


def _version(item: Item) -> StoredVersion:
    return StoredVersion(
        number=item["number"],
        sha256=item["sha256"],
        body=item["body"],
        created_at=datetime.fromisoformat(item["created_at"]),
    )
