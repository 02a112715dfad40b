"""Extractions in the records table.

    TENANT#<tenant>   EXTRACTION#<document>#<ulid>             an extraction, and its review
    TENANT#<tenant>   REVIEW#<confidence>#<extraction>         its place in the queue of reviews

They stay as long as the version of the document that was read, and are removed with it. The place
in the queue is written and removed together with what it stands for. A confidence is written as
four digits, so that the least certain is first.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

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
from chalicelib.adapters.records.writes import ABSENT, EXISTS, document_key, tenant_pk
from chalicelib.contracts.extraction_reviews import ExtractionReview
from chalicelib.contracts.extractions import OPEN_TO_REVIEW, ExtractionFacts
from chalicelib.errors import NotFound
from chalicelib.extraction.storage import extraction_id, id_parts
from chalicelib.labelling.extraction_library import StoredExtraction

_EXTRACTION = "EXTRACTION#"
_WAITING = "REVIEW#"


class ExtractionTable:
    """Stores extractions by tenant."""

    def __init__(self, table: DynamoTable) -> None:
        self._table = table

    def add(self, tenant: str, facts: ExtractionFacts) -> StoredExtraction:
        """Store a new extraction; one that exists already stays, and is returned.

        Raises:
            NotFound: its document is gone.
        """
        stored = StoredExtraction(facts, ExtractionReview())
        writes: list[Write] = [
            ConditionCheck(document_key(tenant, facts.document_id), EXISTS),
            Put(_item(tenant, stored), ABSENT),
            *(Put({"pk": pk, "sk": sk}) for pk, sk in _places(tenant, stored)),
        ]
        try:
            self._table.transact(writes)
        except TransactionRefused as error:
            known = self.extraction(tenant, facts.extraction_id)
            if known is None:
                raise NotFound(
                    "The document was removed meanwhile.", field="document_id"
                ) from error
            return known
        return stored

    def extraction(self, tenant: str, extraction_id: str) -> StoredExtraction | None:
        """Return an extraction, or None."""
        item = self._table.get(_key(tenant, extraction_id))
        return None if item is None else _stored(item)

    def extractions(
        self, tenant: str, document_id: str, after: str, *, newest_first: bool = False
    ) -> Iterator[StoredExtraction]:
        """Yield extractions by document and time, those after the id `after` ("" for all).

        With a `document_id` only those of that document. `newest_first` turns the order around.
        """
        prefix = f"{_EXTRACTION}{document_id}#" if document_id else _EXTRACTION
        start = _key(tenant, after)[1] if after else ""
        pk = tenant_pk(tenant)
        for item in self._table.query(pk, prefix, after=start, newest_first=newest_first):
            yield _stored(item)

    def extraction_ids(self, tenant: str) -> Iterator[str]:
        """Yield the ids of the tenant's extractions, by document."""
        for item in self._table.query(tenant_pk(tenant), _EXTRACTION, attributes=("sk",)):
            document, _, ulid = item["sk"].removeprefix(_EXTRACTION).partition("#")
            yield extraction_id(document, ulid)

    def extractions_of(self, tenant: str, ids: Sequence[str]) -> list[StoredExtraction]:
        """Return the extractions that there are of these ids, in their order."""
        items = map(_stored, self._table.get_many([_key(tenant, each) for each in ids]))
        found = {each.facts.extraction_id: each for each in items}
        return [found[each] for each in ids if each in found]

    def waiting(self, tenant: str, after: str) -> Iterator[tuple[str, str]]:
        """Yield place and id of what waits for a review, the least certain first.

        Those after the place `after` ("" for all).
        """
        start = _WAITING + after if after else ""
        for item in self._table.query(tenant_pk(tenant), _WAITING, after=start):
            place = item["sk"].removeprefix(_WAITING)
            yield place, place.partition("#")[2]

    def change(self, tenant: str, before: StoredExtraction, after: StoredExtraction) -> bool:
        """Make a change; return False, with nothing written, if it has changed meanwhile."""
        unchanged = WriteCondition("#revision = :revision", {":revision": before.revision})
        writes: list[Write] = [Put(_item(tenant, after), unchanged)]
        left, taken = _places(tenant, before), _places(tenant, after)
        writes += [Delete(place) for place in left - taken]
        writes += [Put({"pk": pk, "sk": sk}) for pk, sk in taken - left]
        try:
            self._table.transact(writes)
        except TransactionRefused:
            return False
        return True

    def forget_versions(self, tenant: str, document_id: str, versions: frozenset[str]) -> int:
        """Remove the extractions of some versions of a document; return how many records.

        The place in the queue goes first, so that it may be repeated.
        """
        removed = 0
        for stored in list(self.extractions(tenant, document_id, "")):
            if stored.facts.version not in versions:
                continue
            if _waits(stored):
                self._table.delete(Delete(_place(tenant, stored.facts)))
                removed += 1
            self._table.delete(Delete(_key(tenant, stored.facts.extraction_id)))
            removed += 1
        return removed


def _key(tenant: str, extraction_id: str) -> Key:
    document, ulid = id_parts(extraction_id)
    return tenant_pk(tenant), f"{_EXTRACTION}{document}#{ulid}"


def _place(tenant: str, facts: ExtractionFacts) -> Key:
    certain = round(1_000 * facts.lowest_confidence)
    return tenant_pk(tenant), f"{_WAITING}{certain:04d}#{facts.extraction_id}"


def _waits(stored: StoredExtraction) -> bool:
    return stored.facts.status in OPEN_TO_REVIEW


def _places(tenant: str, stored: StoredExtraction) -> set[Key]:
    """Return the place in the queue, none of what does not wait."""
    return {_place(tenant, stored.facts)} if _waits(stored) else set()


def _item(tenant: str, stored: StoredExtraction) -> dict[str, Value]:
    pk, sk = _key(tenant, stored.facts.extraction_id)
    return {
        "pk": pk,
        "sk": sk,
        "facts": stored.facts.model_dump_json(),
        "review": stored.review.model_dump_json(),
        "revision": stored.revision,
    }


def _stored(item: Item) -> StoredExtraction:
    return StoredExtraction(
        facts=ExtractionFacts.model_validate_json(item["facts"]),
        review=ExtractionReview.model_validate_json(item["review"]),
        revision=item["revision"],
    )
