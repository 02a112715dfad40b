"""Ratings go with the documents that they rest on."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import pytest

from chalicelib.contracts.documents import Version
from chalicelib.contracts.removals import Removed
from chalicelib.errors import Transient
from chalicelib.ingest.removal import DocumentRemoval, RatingRemoval
from chalicelib.retrieval.answer.answer_log import RatedAnswer
from tests.unit.ingest.fakes import FakeObjects, FakeTenants, FakeVectors
from tests.unit.ingest.test_removal import DOCUMENT, ID, version
from tests.unit.ingest.test_removal import Records as Documents


@dataclass
class Records:
    """What ratings have to do with, by document."""

    rated: dict[str, list[RatedAnswer]]
    forgotten: list[RatedAnswer] = field(default_factory=list)

    def rated_with(self, tenant: str, document_id: str) -> Iterator[RatedAnswer]:
        yield from self.rated.get(f"{tenant}/{document_id}", [])

    def forget_rating(self, tenant: str, rated: RatedAnswer) -> int:
        self.forgotten.append(rated)
        return 2


@dataclass
class Away(FakeObjects):
    """An S3 that does not answer."""

    def delete_prefix(self, bucket: str, prefix: str) -> int:
        raise Transient("away")


def rating(n: int, version: str = "v_1") -> RatedAnswer:
    return RatedAnswer(str(n), f"feedback/acme/2026-01-01/fb_{n}.json", (("doc_a", version),))


def world() -> tuple[Records, FakeObjects]:
    records = Records({"acme/doc_a": [rating(1), rating(2, "v_2")], "acme/doc_b": [rating(3)]})
    return records, FakeObjects({rating(n).key: b"{}\n" for n in (1, 2, 3)})


def test_the_ratings_of_the_versions_that_go_are_removed_and_no_others() -> None:
    records, objects = world()
    ratings = RatingRemoval(records, objects)
    assert ratings.forget("b", "acme", "doc_a", {"v_1"}) == Removed(objects=1, records=2)
    assert set(objects.bodies) == {rating(2).key, rating(3).key}
    assert records.forgotten == [rating(1)]
    assert ratings.forget("b", "rival", "doc_a", {"v_1"}) == Removed()


def test_a_record_stays_as_long_as_its_row_does() -> None:
    records, _ = world()
    with pytest.raises(Transient):
        RatingRemoval(records, Away()).forget("b", "acme", "doc_a", {"v_1", "v_2"})
    assert records.forgotten == []


@dataclass
class Forgotten(Documents):
    """The records of a document, and whether its ratings were gone when they went."""

    ratings: Records | None = None
    were_gone: bool = False

    def forget(self, tenant: str, document_id: str, versions: Sequence[Version], order: str) -> int:
        self.were_gone = self.ratings is not None and bool(self.ratings.forgotten)
        return super().forget(tenant, document_id, versions, order)


def test_a_removal_takes_ratings_along_before_the_document_s_record() -> None:
    rated = RatedAnswer("1", "feedback/acme/2026-01-01/fb_1.json", ((ID, "v_1"),))
    ratings = Records({f"acme/{ID}": [rated]})
    objects = FakeObjects({rated.key: b"{}\n"})
    documents = Forgotten([version("v_1")], ratings=ratings)
    removal = DocumentRemoval(
        "b", documents, FakeTenants(), objects, FakeVectors(), None, RatingRemoval(ratings, objects)
    )
    removed = removal.remove("acme", DOCUMENT)
    assert documents.were_gone
    assert rated.key not in objects.bodies
    assert removed.records == 2 + 2
