"""Documents, versions, keys and kept answers in memory, as the API reads and writes them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from chalicelib.contracts.arrivals import RetryWanted
from chalicelib.contracts.collections import Declaration, DocumentUsage
from chalicelib.contracts.documents import Document, DocumentChange, Version
from chalicelib.contracts.idempotency import BEGUN, IdempotentResponse
from chalicelib.contracts.keys import ApiKey
from chalicelib.contracts.removals import RemovalBound, Removed
from chalicelib.errors import HeadraceError
from chalicelib.retrieval.ids import document_id

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def document(path: str, tenant: str = "acme", **fields: object) -> Document:
    values: dict[str, object] = {
        "document_id": document_id(tenant, "default", path),
        "collection": "default",
        "path": path,
        "status": "ready",
        "created_at": NOW,
        "updated_at": NOW,
    }
    return Document.model_validate(values | fields)


@dataclass
class FakeRecords:
    stored: dict[str, dict[str, Document]] = field(default_factory=dict)
    answers: dict[tuple[str, str], IdempotentResponse] = field(default_factory=dict)
    owners: dict[tuple[str, str], str] = field(default_factory=dict)
    unkept: HeadraceError | None = None
    keys: dict[str, ApiKey] = field(default_factory=dict)
    fails: Exception | None = None
    removed: list[tuple[str, str]] = field(default_factory=list)
    uploads: dict[tuple[str, str, str], Version] = field(default_factory=dict)
    wanted: list[RetryWanted] = field(default_factory=list)
    declared: dict[tuple[str, str], Declaration] = field(default_factory=dict)
    announced: dict[tuple[str, str], list[str]] = field(default_factory=dict)
    cancelled: list[str] = field(default_factory=list)

    def announce_upload(self, tenant: str, document_id: str, upload_id: str, now: datetime) -> None:
        self.announced.setdefault((tenant, document_id), []).append(upload_id)

    def cancel_uploads(self, tenant: str, document_id: str) -> int:
        ids = self.announced.pop((tenant, document_id), [])
        self.cancelled += ids
        return len(ids)

    def add(self, *documents: Document, tenant: str = "acme") -> None:
        kept = self.stored.setdefault(tenant, {})
        kept.update({found.document_id: found for found in documents})

    def api_key(self, key_hash: str) -> ApiKey | None:
        return self.keys.get(key_hash)

    def document(self, tenant: str, document_id: str) -> Document | None:
        if self.fails:
            raise self.fails
        return self.stored.get(tenant, {}).get(document_id)

    def documents(self, tenant: str, after: str) -> Iterator[Document]:
        for found, kept in sorted(self.stored.get(tenant, {}).items()):
            if found > after:
                yield kept

    def document_changes(self, tenant: str) -> Iterator[DocumentChange]:
        for kept in self.documents(tenant, ""):
            yield DocumentChange(kept.document_id, kept.updated_at, kept.collection, kept.status)

    def documents_of(self, tenant: str, document_ids: Sequence[str]) -> list[Document]:
        found = self.stored.get(tenant, {})
        return [found[each] for each in document_ids if each in found]

    def declaration(self, tenant: str, name: str) -> Declaration | None:
        return self.declared.get((tenant, name))

    def declarations(self, tenant: str) -> Iterator[Declaration]:
        for owner, name in sorted(self.declared):
            if owner == tenant:
                yield self.declared[owner, name]

    def declare(self, tenant: str, declared: Declaration) -> None:
        self.declared[tenant, declared.name] = declared

    def forget(self, tenant: str, name: str) -> None:
        del self.declared[tenant, name]

    def held(self, tenant: str) -> Iterator[DocumentUsage]:
        for kept in self.documents(tenant, ""):
            yield DocumentUsage(kept.collection, kept.status, kept.pages, kept.chunks, kept.bytes)

    def version(self, tenant: str, document_id: str, version: str) -> Version | None:
        return self.uploads.get((tenant, document_id, version))

    def versions(self, tenant: str, document_id: str) -> Iterator[Version]:
        for (owner, name, _), kept in self.uploads.items():
            if (owner, name) == (tenant, document_id):
                yield kept

    def current_versions(self, tenant: str, document_ids: Sequence[str]) -> Mapping[str, str]:
        kept = self.stored.get(tenant, {})
        return {name: kept[name].version for name in document_ids if name in kept}

    def send_retry(self, wanted: RetryWanted) -> None:
        if self.fails:
            raise self.fails
        self.wanted.append(wanted)

    def kept_answer(self, tenant: str, key_hash: str) -> IdempotentResponse | None:
        return self.answers.get((tenant, key_hash))

    def keep_answer(
        self, tenant: str, key_hash: str, answer: IdempotentResponse, seconds: int
    ) -> bool:
        return self.answers.setdefault((tenant, key_hash), answer) is answer

    def begin_answer(
        self, tenant: str, key_hash: str, request_hash: str, owner: str, seconds: int
    ) -> bool:
        if (tenant, key_hash) in self.answers:
            return False
        self.answers[tenant, key_hash] = IdempotentResponse(request_hash, BEGUN, b"")
        self.owners[tenant, key_hash] = owner
        return True

    def end_answer(
        self, tenant: str, key_hash: str, owner: str, answer: IdempotentResponse, seconds: int
    ) -> bool:
        if self.unkept:
            raise self.unkept
        if self.owners.get((tenant, key_hash)) != owner:
            return False
        self.answers[tenant, key_hash] = answer
        return True

    def drop_answer(self, tenant: str, key_hash: str, owner: str) -> None:
        if self.owners.get((tenant, key_hash)) == owner:
            del self.answers[tenant, key_hash]

    def begin(self, tenant: str, document: Document) -> RemovalBound:
        return RemovalBound(order="07", newest=document.document_id)

    def remove(self, tenant: str, document: Document) -> Removed:
        self.removed.append((tenant, document.document_id))
        self.stored[tenant].pop(document.document_id)
        return Removed(objects=3, vectors=2, records=2)
