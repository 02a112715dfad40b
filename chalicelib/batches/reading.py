"""The input of a batch as it is read: what is an item, what is none, and what it may cost."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from chalicelib.batches import places
from chalicelib.batches.estimating import MAX_KINDS, Tally
from chalicelib.batches.intake import RawLine, lines_of
from chalicelib.batches.items import kept
from chalicelib.batches.lines import Item, form_of, id_of, names_prompt, read_item
from chalicelib.batches.results import refused_line
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
    from chalicelib.batches.ports import ItemObjects, ItemStream


class Prompts(Protocol):
    """What renders lines that name a prompt."""

    @property
    def pinned(self) -> tuple[PinnedPrompt, ...]:
        """Return the prompts that lines named, with their versions."""

    def item(self, body: bytes, order: BatchOrder) -> Item:
        """Return the item that a line comes to; raises as `read_item` does, and `NotFound`."""

    def demand_time(self) -> None:
        """Raise `InvalidInput` where rendering has taken all the time that there is for it."""


@dataclass(frozen=True, slots=True)
class Written:
    """What is written beside the input."""

    items: ItemStream
    rendered: ItemStream
    rejected: ItemStream


@dataclass(slots=True)
class Reading:
    """The input as it is read: what was counted, and the ids that were given so far.

    `prompts` renders lines that name a prompt, None where they are none; it is made for the first.
    """

    order: BatchOrder
    tally: Tally
    make_prompts: Callable[[], Prompts] | None = None
    prompts: Prompts | None = None
    form: BatchForm | None = None
    items: int = 0
    rejected: int = 0
    ids: dict[str, int] = field(default_factory=dict)

    def read(self, objects: ItemObjects, bucket: str, prefix: str) -> None:
        """Read the input under `prefix` as a stream, and write beside it what its lines are.

        Raises:
            InvalidInput: there is no input, it has more lines than a batch may have, or its
                prompts render to more than a batch may have.
            Transient, Throttled: a service did not answer.
        """
        try:
            pieces = objects.stream(bucket, prefix + places.INPUT)
            with (
                objects.writing(bucket, prefix + places.ITEMS) as items,
                objects.writing(bucket, prefix + places.RENDERED) as rendered,
                objects.writing(bucket, prefix + places.REJECTED) as rejected,
            ):
                into = Written(items, rendered, rejected)
                for line in lines_of(pieces):
                    self.take(line, into)
        except NotFound as error:
            raise InvalidInput(
                "There is no file: it was not uploaded.", field="batch_id"
            ) from error

    @property
    def pinned(self) -> tuple[PinnedPrompt, ...]:
        """Return the prompts that lines named, with their versions."""
        return () if self.prompts is None else self.prompts.pinned

    def take(self, line: RawLine, into: Written) -> None:
        """Write the line down as an item, or as what is none.

        Raises:
            InvalidInput: there are more lines than a batch may have, or rendering takes too much.
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
            body = b"" if item.prompt is None else _checked(kept(item))
        except (InvalidInput, Unsupported, NotFound) as error:
            self._turn_down(line, error, into)
            return
        self.form = item.form
        self.ids[item.id] = line.n
        self.tally.add(item)
        self.items += 1
        ref = ItemRef(n=line.n, id=item.id, start=line.start, length=line.length)
        if body:
            at = {"start": into.rendered.size, "length": len(body), "rendered": True}
            ref = ref.model_copy(update=at)
            _demand_room(into.rendered.size + len(body))
            into.rendered.write(body + b"\n")
        into.items.write(dump_lines([ref]))

    def _turn_down(self, line: RawLine, error: HeadraceError, into: Written) -> None:
        form = self.form or form_of(line.body)
        told = refused_line(line.n, id_of(line.body), form, error)
        into.rejected.write(dump_lines([RejectedLine(n=line.n, line=told)]))
        self.rejected += 1

    def _item(self, line: RawLine) -> Item:
        item = self._read(line)
        check_names.parse(item.terms.checks, item.call)
        if self.form not in (None, item.form):
            raise InvalidInput("All lines of a file are of the same form.", field="custom_id")
        if item.id in self.ids:
            before = self.ids[item.id] + 1
            raise InvalidInput(
                f"The id {item.id!r} was given before, by line {before}.", field="id"
            )
        if not self.tally.fits(item):
            raise InvalidInput(
                f"A batch names {MAX_KINDS} models at most.", field="model", limit=str(MAX_KINDS)
            )
        return item

    def _read(self, line: RawLine) -> Item:
        if self.make_prompts is None or line.body is None or not names_prompt(line.body):
            return read_item(line.body, self.order)
        if self.prompts is None:
            self.prompts = self.make_prompts()
        return self.prompts.item(line.body, self.order)


def _checked(body: bytes) -> bytes:
    """Return a line that was rendered; raise `InvalidInput` where it is too long for one."""
    if len(body) > MAX_LINE_BYTES:
        raise InvalidInput(
            f"The prompt renders to {len(body)} bytes; a line has {MAX_LINE_BYTES} at most.",
            field="prompt",
            limit=str(MAX_LINE_BYTES),
        )
    return body


def _demand_room(size: int) -> None:
    if size > MAX_INPUT_BYTES:
        raise InvalidInput(
            f"The prompts of the file render to more than {MAX_INPUT_BYTES} bytes; cut the file "
            "into several.",
            field="input",
            limit=str(MAX_INPUT_BYTES),
        )
