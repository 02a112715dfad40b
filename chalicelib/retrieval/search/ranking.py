"""Passages from index hits: current versions only, overlaps merged, with neighbours."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Protocol

from chalicelib.retrieval.ids import vector_key
from chalicelib.retrieval.text.timelines import joined_timeline

if TYPE_CHECKING:
    from chalicelib.contracts.indexes import IndexRef
    from chalicelib.contracts.search import Hit, Neighbour
    from chalicelib.retrieval.search.query import PassageIndex


OVER_FETCH = 2
"""Factor of hits to fetch for each requested one: the vectors of a replaced version stay in the
index until they are swept, and overlapping chunks merge into one passage."""


MIN_FETCHED = 40
"""The fewest hits to fetch: the order by both scores is as good among 40 of them as among 200, and
worse among 30. They are chosen by reciprocal ranks, which miss some that both scores place high."""


def fetch_count(top_k: int, limit: int) -> int:
    """Return the number of hits to request from the index, at most `limit`."""
    return min(limit, max(MIN_FETCHED, OVER_FETCH * top_k + 10))


def keep_current_versions(hits: Iterable[Hit], current: Mapping[str, str]) -> list[Hit]:
    """Return the hits of current versions; `current` maps each document to its version."""
    return [hit for hit in hits if hit.version and current.get(hit.document_id) == hit.version]


def merge_overlapping(hits: Sequence[Hit]) -> list[Hit]:
    """Join hits of one page that share characters; best score first, ties in the given order.

    The joined passage has the better score and the earlier chunk's heading. Two chunks with
    different text for the characters that they share are not joined.
    """
    merged: dict[tuple[str, str, int], list[Hit]] = {}
    for hit in hits:
        page = merged.setdefault((hit.document_id, hit.version, hit.page), [])
        joined, apart = hit, []
        for other in page:
            union = _join(joined, other)
            if union is None:
                apart.append(other)
            else:
                joined = union
        page[:] = [*apart, joined]
    passages = [passage for page in merged.values() for passage in page]
    first = {id(passage): at for at, passage in enumerate(passages)}
    return sorted(passages, key=lambda passage: (-passage.score, first[id(passage)]))


def _join(one: Hit, other: Hit) -> Hit | None:
    first, second = sorted((one, other), key=lambda passage: (passage.start, -passage.end))
    overlap = min(first.end, second.end) - second.start
    if overlap <= 0:
        return None
    shared = first.text[second.start - first.start :][:overlap]
    if shared != second.text[:overlap]:
        return None
    better = max(one, other, key=lambda passage: passage.score)
    return first.model_copy(
        update={
            "end": max(first.end, second.end),
            "text": first.text + second.text[overlap:],
            "score": better.score,
            "scores": better.scores,
            "n": min(one.n, other.n),
            "n_last": max(one.n_last, other.n_last),
            **_joined_times(one, other),
        }
    )


def _joined_times(one: Hit, other: Hit) -> dict[str, object]:
    """Return the fields about time of two passages of one page that are joined."""
    if None in (one.start_ms, one.end_ms, other.start_ms, other.end_ms):
        return {}
    return {
        "start_ms": min(one.start_ms or 0, other.start_ms or 0),
        "end_ms": max(one.end_ms or 0, other.end_ms or 0),
        "timeline": joined_timeline(one.timeline, other.timeline),
    }


def add_neighbours(
    passages: PassageIndex, index: IndexRef, hits: Sequence[Hit], count: int
) -> tuple[Hit, ...]:
    """Return `hits` with up to `count` chunks of the same version before and after each.

    There are fewer at the beginning and at the end of a document. One chunk may be a neighbour of
    several hits, and may be a hit itself.
    """
    neighbours = (key for hit in hits for key in (*_before(hit, count), *_after(hit, count)))
    chunks = passages.chunks(index, list(dict.fromkeys(neighbours)))
    return tuple(
        hit.model_copy(
            update={
                "before": _known(chunks, _before(hit, count)),
                "after": _known(chunks, _after(hit, count)),
            }
        )
        for hit in hits
    )


def _before(hit: Hit, count: int) -> list[str]:
    return _keys(hit, range(max(0, hit.n - count), hit.n))


def _after(hit: Hit, count: int) -> list[str]:
    return _keys(hit, range(hit.n_last + 1, hit.n_last + 1 + count))


def _keys(hit: Hit, numbers: Iterable[int]) -> list[str]:
    return [vector_key(hit.document_id, hit.version, n) for n in numbers]


def _known(found: Mapping[str, Neighbour], keys: Iterable[str]) -> tuple[Neighbour, ...]:
    return tuple(found[key] for key in keys if key in found)


class CurrentVersions(Protocol):
    """The record of which version of a document is current."""

    def current_versions(self, tenant: str, document_ids: Sequence[str]) -> Mapping[str, str]:
        """Return the current version of each document that has one, by document id."""
