"""The passages around what was found: chunks have numbers, and their keys follow from them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from chalicelib.retrieval.ids import vector_key

if TYPE_CHECKING:
    from chalicelib.contracts.searching import Hit, Neighbour
    from chalicelib.ports import IndexRef
    from chalicelib.query_ports import PassageIndex


def surrounded(
    passages: PassageIndex, index: IndexRef, hits: Sequence[Hit], count: int
) -> tuple[Hit, ...]:
    """Return `hits` with up to `count` chunks of the same version before and after each.

    There are fewer at the beginning and at the end of a document. One chunk may be a neighbour
    of several hits, and a hit itself.
    """
    wanted = (key for hit in hits for key in (*_before(hit, count), *_after(hit, count)))
    found = passages.chunks(index, list(dict.fromkeys(wanted)))
    return tuple(
        hit.model_copy(
            update={
                "before": _known(found, _before(hit, count)),
                "after": _known(found, _after(hit, count)),
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
