"""The input of a batch, read as a stream: items, invalid lines, and an estimate."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from chalicelib.batches import storage
from chalicelib.batches.estimate import MAX_GROUPS, BatchEstimator
from chalicelib.batches.items import (
    BatchItem,
    dump_rendered,
    form_of,
    id_of,
    names_prompt,
    read_item,
)
from chalicelib.batches.outcomes import exception_line
from chalicelib.contracts.batches import (
    MAX_INPUT_BYTES,
    MAX_ITEMS,
    MAX_LINE_BYTES,
    BatchForm,
    BatchOrder,
    ItemRef,
    PinnedPrompt,
    RejectedLine,
)
from chalicelib.contracts.jsonl import dump_lines
from chalicelib.errors import HeadraceError, InvalidInput, NotFound, Unsupported
from chalicelib.generation import check_names

if TYPE_CHECKING:
    from chalicelib.batches.prompt_items import PromptRenderer
    from chalicelib.batches.storage import ItemObjects, ItemStream


_BLANK = b" \t\r"
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


@dataclass(frozen=True, slots=True)
class RawLine:
    """Line `n` of those that are not empty: `length` bytes from byte `start` on.

    `body` is None if the line is longer than allowed; its bytes are not kept then.
    """

    n: int
    start: int
    length: int
    body: bytes | None


def split_lines(pieces: Iterable[bytes], max_bytes: int = MAX_LINE_BYTES) -> Iterator[RawLine]:
    """Yield the lines of a file that arrives in `pieces`.

    Holds at most `most` bytes of a line beside a piece. A byte order mark at the beginning of
    the file is not part of its first line.
    """
    buffer = bytearray()
    length = start = n = 0
    for piece in pieces:
        first = 0
        while first <= len(piece):
            end = piece.find(b"\n", first)
            part = piece[first:] if end < 0 else piece[first:end]
            length += len(part)
            buffer += part[: max_bytes + len(_BYTE_ORDER_MARK) + 1 - len(buffer)]
            if end < 0:
                break
            line = _raw_line(n, start, length, buffer, max_bytes)
            if line is not None:
                n += 1
                yield line
            start += length + 1
            length, first = 0, end + 1
            buffer.clear()
    line = _raw_line(n, start, length, buffer, max_bytes)
    if line is not None:
        yield line


def _raw_line(n: int, start: int, length: int, buffer: bytearray, max_bytes: int) -> RawLine | None:
    body = bytes(buffer)
    if start == 0 and body.startswith(_BYTE_ORDER_MARK):
        body, start, length = (
            body[len(_BYTE_ORDER_MARK) :],
            len(_BYTE_ORDER_MARK),
            length - len(_BYTE_ORDER_MARK),
        )
    if length > max_bytes:
        return RawLine(n, start, length, None)
    return RawLine(n, start, length, body) if body.strip(_BLANK) else None


@dataclass(frozen=True, slots=True)
class InputFiles:
    """The files that are written beside the input."""

    items: ItemStream
    rendered: ItemStream
    rejected: ItemStream


@dataclass(slots=True)
class InputReader:
    """Reads the input of one batch, counts its lines, and checks that ids are unique.

    `make_prompts` returns the renderer for lines that name a prompt; None where these are
    invalid. It is called for the first such line.
    """

    order: BatchOrder
    tally: BatchEstimator
    make_prompts: Callable[[], PromptRenderer] | None = None
    prompts: PromptRenderer | None = None
    form: BatchForm | None = None
    items: int = 0
    rejected: int = 0
    ids: dict[str, int] = field(default_factory=dict)

    def read(self, objects: ItemObjects, bucket: str, prefix: str) -> None:
        """Read the input under `prefix` as a stream, and write the item files beside it.

        Raises:
            InvalidInput: there is no input, it has too many lines, or its prompts render to too
            much.
            Transient, Throttled: a service did not answer.
        """
        try:
            pieces = objects.stream(bucket, prefix + storage.INPUT)
            with (
                objects.writing(bucket, prefix + storage.ITEMS) as items,
                objects.writing(bucket, prefix + storage.RENDERED) as rendered,
                objects.writing(bucket, prefix + storage.REJECTED) as rejected,
            ):
                into = InputFiles(items, rendered, rejected)
                for line in split_lines(pieces):
                    self.take(line, into)
        except NotFound as error:
            raise InvalidInput(
                "There is no file: it was not uploaded.", field="batch_id"
            ) from error

    @property
    def pinned(self) -> tuple[PinnedPrompt, ...]:
        """Return the prompts that lines named, with their versions."""
        return () if self.prompts is None else self.prompts.pinned

    def take(self, line: RawLine, into: InputFiles) -> None:
        """Write the line as an item, or as a rejected line.

        Raises:
            InvalidInput: the input has too many lines, or rendering takes too long.
        """
        if self.prompts is not None:
            self.prompts.demand_time()
        if line.n >= MAX_ITEMS:
            raise InvalidInput(
                f"The file has more than {MAX_ITEMS} lines; cut it into several.",
                field="input",
                limit=str(MAX_ITEMS),
            )
        try:
            item = self._item(line)
            body = b"" if item.prompt is None else _check_line_size(dump_rendered(item))
        except (InvalidInput, Unsupported, NotFound) as error:
            self._turn_down(line, error, into)
            return
        self.form = item.form
        self.ids[item.id] = line.n
        self.tally.add(item)
        self.items += 1
        ref = ItemRef(n=line.n, id=item.id, start=line.start, length=line.length)
        if body:
            range_ = {"start": into.rendered.size, "length": len(body), "rendered": True}
            ref = ref.model_copy(update=range_)
            _check_total_size(into.rendered.size + len(body))
            into.rendered.write(body + b"\n")
        into.items.write(dump_lines([ref]))

    def _turn_down(self, line: RawLine, error: HeadraceError, into: InputFiles) -> None:
        form = self.form or form_of(line.body)
        shown = exception_line(line.n, id_of(line.body), form, error)
        into.rejected.write(dump_lines([RejectedLine(n=line.n, line=shown)]))
        self.rejected += 1

    def _item(self, line: RawLine) -> BatchItem:
        item = self._read(line)
        check_names.parse_checks(item.terms.checks, item.call)
        if self.form not in (None, item.form):
            raise InvalidInput("All lines of a file are of the same form.", field="custom_id")
        if item.id in self.ids:
            before = self.ids[item.id] + 1
            raise InvalidInput(
                f"The id {item.id!r} was given before, by line {before}.", field="id"
            )
        if not self.tally.fits(item):
            raise InvalidInput(
                f"A batch names {MAX_GROUPS} models at most.", field="model", limit=str(MAX_GROUPS)
            )
        return item

    def _read(self, line: RawLine) -> BatchItem:
        if self.make_prompts is None or line.body is None or not names_prompt(line.body):
            return read_item(line.body, self.order)
        if self.prompts is None:
            self.prompts = self.make_prompts()
        return self.prompts.item(line.body, self.order)


def _check_line_size(body: bytes) -> bytes:
    """Return a rendered line; raise `InvalidInput` if it is too long."""
    if len(body) > MAX_LINE_BYTES:
        raise InvalidInput(
            f"The prompt renders to {len(body)} bytes; a line has {MAX_LINE_BYTES} at most.",
            field="prompt",
            limit=str(MAX_LINE_BYTES),
        )
    return body


def _check_total_size(size: int) -> None:
    """Raise `InvalidInput` if all rendered lines together are more than a batch may have."""
    if size > MAX_INPUT_BYTES:
        raise InvalidInput(
            f"The prompts of the file render to more than {MAX_INPUT_BYTES} bytes; cut the file "
            "into several.",
            field="input",
            limit=str(MAX_INPUT_BYTES),
        )
