"""Ratings go with the documents that they are about: their rows hold sentences of them."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from chalicelib.contracts.removals import Removed

if TYPE_CHECKING:
    from chalicelib.ports import ObjectStore
    from chalicelib.retrieval.answer.answer_log import RatedAnswer


class RatedRecords(Protocol):
    """Which ratings have to do with a document."""

    def rated_with(self, tenant: str, document_id: str) -> Iterator[RatedAnswer]:
        """Yield the ratings that have to do with a document, one for each version of it."""

    def forget_rating(self, tenant: str, rated: RatedAnswer) -> int:
        """Remove a vote, and that its rating has to do with the versions named; return how many
        records that were.
        """


@dataclass(frozen=True, slots=True)
class Ratings:
    """Removes the ratings of versions that are removed."""

    records: RatedRecords
    objects: ObjectStore

    def forget(
        self, bucket: str, tenant: str, document_id: str, versions: Collection[str]
    ) -> Removed:
        """Remove every rating that rests on one of `versions`; may be repeated.

        The record that leads to a row goes after the row.
        """
        objects = records = 0
        for rated in list(self.records.rated_with(tenant, document_id)):
            ((_, version),) = rated.versions
            if version in versions:
                objects += self.objects.delete_prefix(bucket, rated.key)
                records += self.records.forget_rating(tenant, rated)
        return Removed(objects=objects, records=records)
