"""The documents of the `ingest` state machine, and the lines of the files it writes.

State documents carry references, never bytes: the text travels in S3 objects.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

from pydantic import AwareDatetime, Field

from chalicelib.contracts.base import Contract, is_none
from chalicelib.contracts.metadata import USER_PREFIX, Metadata
from chalicelib.contracts.page_times import Milliseconds, Timeline, dump_timeline
from chalicelib.contracts.picture_labels import Labels, dump_labels, likeliest_labels
from chalicelib.contracts.receipts import Receipt


class IngestInput(Contract):
    """The input of one execution. `ready_sha256` is the hash of the bytes that answer now.

    `container` is the document whose archive or mail the file came in, `depth` how many such
    containers are around it. `refusal` is why the upload has to be rejected unread, "" where
    nothing is known against it. `picture_model` is the served model that a picture is embedded by,
    as its collection says, "" where it says none, and so is `transcriber` the one of its speech.
    """

    tenant: str
    document_id: str
    version: str
    order: str
    collection: str
    path: str
    bucket: str
    key: str
    object_version_id: str
    bytes: int = Field(ge=0)
    correlation_id: str
    ready_version: str = ""
    ready_sha256: str = ""
    uploaded_at: AwareDatetime | None = None
    metadata: Metadata = Field(default_factory=dict)
    container: str = ""
    depth: int = Field(default=0, ge=0)
    refusal: str = ""
    picture_model: str = ""
    transcriber: str = ""


class ReadRequest(IngestInput):
    """The input of `read_document`: the execution's own."""


class Spent(Contract):
    """The billed use of a function: its time, and that multiplied by its memory.

    `images` counts the pictures that a model looked at meanwhile.
    """

    seconds: float = Field(ge=0)
    gb_seconds: float = Field(ge=0)
    requests: int = Field(default=1, ge=0)
    images: int = Field(default=0, ge=0)


def nothing_spent() -> Spent:
    """Return what a function that was not called used."""
    return Spent(seconds=0, gb_seconds=0, requests=0)


def spent(seconds: float, memory_gb: float) -> Spent:
    """Return what a function with `memory_gb` of memory used in `seconds`, to the microsecond."""
    return Spent(seconds=round(seconds, 6), gb_seconds=seconds * memory_gb)


def spent_together(parts: Iterable[Spent]) -> Spent:
    """Return what all `parts` used together."""
    kept = tuple(parts)
    return Spent(
        seconds=round(math.fsum(each.seconds for each in kept), 6),
        gb_seconds=math.fsum(each.gb_seconds for each in kept),
        requests=sum(each.requests for each in kept),
        images=sum(each.images for each in kept),
    )


class ReadResult(Contract):
    """The output of `read_document`. `pages` counts the lines of `pages.jsonl`.

    `language` is an ISO 639-1 code, or "" where there is too little text to tell. `members` counts
    the files that an archive or a mail brought along, each a document of its own. `notices` tell
    the owner what to know of how well the file could be read. `recognise` holds the numbers of the
    `pages_needing_ocr`, which `recognise_pages` fills; before that, there may be no text at all.

    A file that is too large for one step has been planned and not read: `parts` counts the lines
    of `parts.jsonl`, `pages` and `rows` what is in the file, and there is no `pages.jsonl` yet.
    Neither is there of a `picture`, which `label_picture` looks at, nor of `media`, sound or film,
    whose parts `read_media` plans.
    """

    media_type: str
    sha256: str
    bytes: int = Field(ge=1)
    pages: int = Field(ge=1)
    pages_needing_ocr: int = Field(ge=0)
    recognise: tuple[int, ...] = ()
    characters: int = Field(ge=0)
    language: str = ""
    members: int = Field(default=0, ge=0)
    notices: tuple[str, ...] = ()
    parts: int = Field(default=0, ge=0)
    rows: int = Field(default=0, ge=0)
    picture: bool = False
    media: bool = False
    reading: Spent
    recognising: Spent = Field(default_factory=nothing_spent)
    labelling: Spent = Field(default_factory=nothing_spent)
    picture_embedding: Spent = Field(default_factory=nothing_spent)
    decoding: Spent = Field(default_factory=nothing_spent)

    @property
    def needs_more_steps(self) -> bool:
        """Tell whether the file cannot go straight on to being chunked."""
        return bool(self.parts or self.recognise or self.picture or self.media)


class RecogniseRequest(Contract):
    """The input of `recognise_pages`: which pages of a PDF or a picture may show text.

    `pages` counts the lines of the `pages.jsonl` to be filled, which is that of the whole document,
    or of the part that `part` numbers. `recognise` holds page numbers as they stand in that file.
    The source is a PDF, or a `picture`.
    """

    tenant: str
    document_id: str
    version: str
    bucket: str
    correlation_id: str
    part: int | None = Field(default=None, ge=0)
    pages: int = Field(ge=1)
    recognise: tuple[int, ...] = Field(min_length=1)
    picture: bool = False


class RecogniseResult(Contract):
    """The output of `recognise_pages`: what became of the pages that it was to look at.

    `recognised` pages have text now and `still_empty` ones have none. One call looks at a bounded
    number of pages: `remaining` ones are for the next call. `characters` counts the text of the
    whole `pages.jsonl` as it is now, and `images` the pages that `model` looked at in this call.
    """

    recognised: int = Field(ge=0)
    still_empty: tuple[int, ...] = ()
    remaining: tuple[int, ...] = ()
    characters: int = Field(ge=0)
    images: int = Field(ge=0)
    model: str
    recognising: Spent
    notices: tuple[str, ...] = ()


class ChunkRequest(Contract):
    """The input of `chunk_document`, for a whole document or the part that `part` numbers.

    Pages that are `recorded` have times.
    """

    tenant: str
    document_id: str
    version: str
    bucket: str
    correlation_id: str
    part: int | None = Field(default=None, ge=1)
    pages: int = Field(ge=1)
    recorded: bool = False


class ChunkResult(Contract):
    """The output of `chunk_document`. `chunks` counts the lines of `chunks.jsonl`.

    A part may have none; a whole document has some.
    """

    chunks: int = Field(ge=0)
    chunking: Spent


class Embeddable(Contract):
    """Fields of a document that `embed_chunks` stores with its vectors."""

    tenant: str
    document_id: str
    version: str
    collection: str
    path: str
    bucket: str
    correlation_id: str
    media_type: str = ""
    language: str = ""
    uploaded_at: AwareDatetime | None = None
    metadata: Metadata = Field(default_factory=dict)


class EmbedRequest(Embeddable):
    """The input of `embed_chunks`, which writes the receipt for the functions before it, too. Where
    there is a `picture_model`, `embed_image` wrote its vector of the picture.
    """

    chunks: int = Field(ge=1)
    reading: Spent
    recognising: Spent = Field(default_factory=nothing_spent)
    labelling: Spent = Field(default_factory=nothing_spent)
    picture_embedding: Spent = Field(default_factory=nothing_spent)
    chunking: Spent
    picture_model: str = ""


class EmbedResult(Contract):
    """The output of `embed_chunks`: `vectors` put, of `model`, and what that cost."""

    vectors: int = Field(ge=1)
    model: str
    receipt: Receipt


class Page(Contract):
    """One line of `pages.jsonl`."""

    page: int = Field(ge=1)
    text: str
    headings: tuple[tuple[int, str], ...] = ()
    """Character offset at which a heading starts, and the heading's text."""
    described: int = Field(default=0, ge=0, exclude_if=lambda end: not end)
    """Characters at the beginning that say what is seen in a picture, and are not read in it."""
    labels: Labels = Field(default=(), exclude_if=lambda labels: not labels)
    """The labels of a picture, on the first of its pages."""


class Chunk(Contract):
    """One line of `chunks.jsonl`: `text` is `page_text[start:end]`, offsets in characters.

    `labels` are what is seen in a picture, whose vector they make up. A recording says or shows it
    from `start_ms` to `end_ms`; `timeline` has when its sentences begin. What is `described` was
    neither said nor written in it: what is seen in a shot, and that it is a recording.
    """

    n: int = Field(ge=0)
    page: int = Field(ge=1)
    heading: str
    start: int = Field(ge=0)
    end: int = Field(ge=1)
    text: str = Field(min_length=1)
    labels: Labels = Field(default=(), exclude_if=lambda labels: not labels)
    start_ms: Milliseconds | None = Field(default=None, exclude_if=is_none)
    end_ms: Milliseconds | None = Field(default=None, exclude_if=is_none)
    timeline: Timeline = Field(default=(), exclude_if=lambda points: not points)
    described: bool = Field(default=False, exclude_if=lambda described: not described)


_LEFT_OUT = (
    *("terms", "media_type", "language", "uploaded_at", "folders", "labels", "embedded_by"),
    *("in_picture", "timeline", "described"),
)
"""Fields that a vector lacks if they are unknown."""


class VectorMetadata(Contract):
    """Metadata of a vector; `path`, `heading`, `start`, `end`, `text`, `terms`, `labels` filter
    nothing.

    `uploaded_at` is in whole seconds since 1970, 0 where it is not known. `folders` are the
    hashes of the path and of the folders above it. `metadata` is the user's. `embedded_by` is the
    version of the served model that a picture was embedded by, "" in an index of texts. `terms`
    are what text search compares, "" in an index that compares `text`. `in_picture` says that the
    text was read in a picture that is a document itself, whose labels are another passage.
    `start_ms`, `end_ms`, `timeline` and `described` are those of a `Chunk` of a recording.
    """

    document_id: str
    version: str
    collection: str
    path: str
    page: int
    heading: str
    start: int
    end: int
    text: str
    terms: str = ""
    media_type: str = ""
    language: str = ""
    uploaded_at: int = 0
    folders: tuple[str, ...] = ()
    labels: Labels = ()
    embedded_by: str = ""
    in_picture: bool = False
    start_ms: Milliseconds | None = Field(default=None, exclude_if=is_none)
    end_ms: Milliseconds | None = Field(default=None, exclude_if=is_none)
    timeline: Timeline = ()
    described: bool = False
    metadata: Metadata = Field(default_factory=dict)

    def wire(self) -> dict[str, object]:
        """Return it as the index keeps it: flat, without what is not known, with the labels that
        have room.
        """
        flat = self.model_dump(mode="json", exclude={"metadata", "labels"})
        flat["timeline"] = dump_timeline(self.timeline)
        flat["labels"] = likeliest_labels(dump_labels(self.labels))
        for name in _LEFT_OUT:
            if not flat[name]:
                del flat[name]
        users = {
            USER_PREFIX + name: list(value) if isinstance(value, tuple) else value
            for name, value in self.metadata.items()
        }
        return flat | users
