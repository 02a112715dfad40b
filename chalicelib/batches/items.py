"""The items of a batch by their places: lines of the input, or calls that prompts came to.

Items near each other are one piece of a file, so that many are read at once.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from chalicelib.batches import places
from chalicelib.batches.lines import Item, read_item
from chalicelib.contracts.prompt_lines import RenderedLine

if TYPE_CHECKING:
    from chalicelib.batches.ports import ItemObjects
    from chalicelib.contracts.batches import BatchOrder, ItemRef

PIECE_BYTES = 1024 * 1024
"""How much of a file is read at once; a line that is longer is read alone."""


def lines_of(
    refs: Sequence[ItemRef],
    objects: ItemObjects,
    bucket: str,
    prefix: str,
    piece_bytes: int = PIECE_BYTES,
) -> Iterator[tuple[ItemRef, bytes]]:
    """Yield each item with its line, of the batch whose files lie under `prefix`; `refs` ascend.

    Raises:
        Transient, Throttled, NotFound: a file could not be read.
    """
    files = {
        name: _lines(
            [ref for ref in refs if _file(ref) == name], objects, bucket, prefix + name, piece_bytes
        )
        for name in (places.INPUT, places.RENDERED)
    }
    for ref in refs:
        yield ref, next(files[_file(ref)])


def item_of(ref: ItemRef, line: bytes, order: BatchOrder) -> Item:
    """Return the item that a line is; raises as `read_item` does."""
    return _rendered(line) if ref.rendered else read_item(line, order)


def kept(item: Item) -> bytes:
    """Return an item that was rendered as a line of `rendered.jsonl`, of which `item_of` makes the
    same item.
    """
    assert item.prompt is not None, "only what was rendered is kept"
    line = RenderedLine(
        id=item.id,
        call=item.call,
        terms=item.terms,
        prompt=item.prompt,
        keeps_truncated=item.keeps_truncated,
        reasons=item.reasons,
        output_schema=item.output_schema,
    )
    return line.model_dump_json().encode()


def _rendered(body: bytes) -> Item:
    line = RenderedLine.model_validate_json(body)
    return Item(
        line.id,
        "own",
        line.call,
        line.terms,
        keeps_truncated=line.keeps_truncated,
        prompt=line.prompt,
        reasons=line.reasons,
        output_schema=line.output_schema,
    )


def _file(ref: ItemRef) -> str:
    return places.RENDERED if ref.rendered else places.INPUT


def _lines(
    refs: Sequence[ItemRef], objects: ItemObjects, bucket: str, key: str, piece_bytes: int
) -> Iterator[bytes]:
    for piece in _pieces(refs, piece_bytes):
        start, end = piece[0].start, piece[-1].start + piece[-1].length
        body = b"".join(objects.stream(bucket, key, start, end))
        for ref in piece:
            yield body[ref.start - start : ref.start - start + ref.length]


def _pieces(refs: Sequence[ItemRef], most: int) -> Iterator[Sequence[ItemRef]]:
    """Yield runs of items that span no more than a piece has."""
    first = 0
    for at, ref in enumerate(refs):
        if at > first and ref.start + ref.length - refs[first].start > most:
            yield refs[first:at]
            first = at
    if refs:
        yield refs[first:]
