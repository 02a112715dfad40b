"""Parts in which a large file is read, chunked and embedded, each small enough for one child.

A Map Run hands its children the lines of `parts.jsonl`, and later those of `embedding.jsonl`.
https://docs.aws.amazon.com/step-functions/latest/dg/input-output-itemreader.html
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from chalicelib.contracts.base import Contract
from chalicelib.contracts.ingest import Embeddable, IngestInput, Spent, nothing_spent
from chalicelib.contracts.receipts import Receipt

MAX_PARTS = 1_000
"""The most parts of one Map Run: parts grow with the file, not their number."""

NO_SPEECH = "No speech was found in the recording."
"""The notice of a part in which nobody speaks; of the whole if it is that of all parts."""


class Part(Contract):
    """One line of `parts.jsonl`, which counts from 1.

    It is pages `first_page` and following of the file; for text the bytes `start` to `end` of it,
    with `rows` rows from `first_row` on. `recognise` holds the pages that are pictures of text.
    `written` says that the planning step could read the file as a whole only, and wrote the pages.
    Of a recording it is `start_ms` to `end_ms`: `sound` says that there is some to transcribe,
    `film` that there are shots to look at, `is_copied` that the frames of the part lie beside its
    sound, and `description` begins its first page.
    """

    part: int = Field(ge=1)
    first_page: int = Field(ge=1)
    pages: int = Field(ge=1)
    first_row: int = Field(default=1, ge=1)
    rows: int = Field(default=0, ge=0)
    start: int = Field(default=0, ge=0)
    end: int = Field(default=0, ge=0)
    recognise: tuple[int, ...] = ()
    written: bool = False
    start_ms: int = Field(default=0, ge=0)
    end_ms: int = Field(default=0, ge=0)
    sound: bool = False
    film: bool = False
    is_copied: bool = False
    description: str = ""

    @property
    def recorded(self) -> bool:
        """Return whether it is a part of a recording."""
        return self.end_ms > 0


class TextPlan(Contract):
    """`plan.json`: how the text of a large file is read, found out once for all its parts.

    `source` is the name of the object beside it: `source` itself, or the same text in UTF-8.
    """

    format: str
    source: str = "source"
    encoding: str = "utf-8"
    delimiter: str = ""
    header: tuple[str, ...] = ()


class ReadPartRequest(IngestInput):
    """The input of `read_document` for one part: the execution's own, and the part."""

    part: Part


class ReadPartResult(Contract):
    """The content of one part. `pages` counts the lines of the part's `pages.jsonl`.

    `words` counts those of its `words.jsonl`: as many, or none if the format has no places.
    `times` counts those of its `times.jsonl`: as many of a recording, else none.
    """

    part: int = Field(ge=1)
    pages: int = Field(ge=1)
    words: int = Field(default=0, ge=0)
    times: int = Field(default=0, ge=0)
    rows: int = Field(ge=0)
    characters: int = Field(ge=0)
    recognise: tuple[int, ...] = ()
    language: str = ""
    notices: tuple[str, ...] = ()
    reading: Spent


class PartDone(Contract):
    """The output of one child of `ReadParts`: what became of a part, without its text."""

    part: int = Field(ge=1)
    pages: int = Field(ge=1)
    words: int = Field(default=0, ge=0)
    times: int = Field(default=0, ge=0)
    rows: int = Field(ge=0)
    characters: int = Field(ge=0)
    chunks: int = Field(ge=0)
    pages_needing_ocr: int = Field(ge=0)
    language: str = ""
    notices: tuple[str, ...] = ()
    reading: Spent
    recognising: Spent
    decoding: Spent = Field(default_factory=nothing_spent)
    transcribing: Spent = Field(default_factory=nothing_spent)
    labelling: Spent = Field(default_factory=nothing_spent)
    chunking: Spent


class ResultPlace(Contract):
    """Where a Map Run wrote its manifest, as `ResultWriterDetails` tells it.

    https://docs.aws.amazon.com/step-functions/latest/dg/input-output-resultwriter.html
    """

    bucket: str = Field(alias="Bucket")
    key: str = Field(alias="Key")


ResultPlaces = Annotated[
    tuple[ResultPlace, ...],
    # Executions that began before there were rounds hand over the place of their only one.
    BeforeValidator(lambda given: (given,) if isinstance(given, dict) else given),
    Field(min_length=1),
]
"""The places of the results of all rounds, in their order."""


class WithoutSeat(Contract):
    """The output of a child whose part got no seat in time; the next round does it."""

    part: int = Field(ge=1)
    without_seat: Literal[True]


class NextRound(Contract):
    """The message of `MoreSteps`, which replaces the plan of the round and the results so far.

    `plan` is the name of the list of parts to do, `missing_index` that of an index that is new.
    """

    plan: str
    results: tuple[ResultPlace, ...]
    missing_index: str = ""


class Express(Contract):
    """Billed use of Express children."""

    requests: int = Field(default=0, ge=0)
    gb_seconds: float = Field(default=0.0, ge=0)


class SpeechJobUsage(Contract):
    """Use of a transcriber that works by jobs, for one recording.

    `model` is the transcriber, `seconds` the sound that is billed, and `nanodollars` what it costs.
    `transitions` are the states of the machine that started the job and waited for it, and
    `finding` the function's own time, which found the speech and read the transcript.
    """

    model: str
    seconds: float = Field(default=0.0, ge=0)
    nanodollars: int = Field(default=0, ge=0)
    transitions: int = Field(default=0, ge=0)
    finding: Spent


class PartsUsed(Contract):
    """Resources that a large file used until its parts were gathered.

    `speech_job` is set of a recording that was transcribed by a job.
    """

    reading: Spent
    recognising: Spent
    decoding: Spent = Field(default_factory=nothing_spent)
    transcribing: Spent = Field(default_factory=nothing_spent)
    labelling: Spent = Field(default_factory=nothing_spent)
    chunking: Spent
    gathering: Spent
    express: Express
    speech_job: SpeechJobUsage | None = None


class GatherPartsRequest(Contract):
    """The input of `gather_parts` after the parts were read: what the plan counted.

    `results` is where each round's Map Run wrote what became of its parts.
    """

    tenant: str
    document_id: str
    version: str
    bucket: str
    correlation_id: str
    parts: int = Field(ge=1, le=MAX_PARTS)
    pages: int = Field(ge=1)
    rows: int = Field(ge=0)
    notices: tuple[str, ...] = ()
    results: ResultPlaces
    reading: Spent
    decoding: Spent = Field(default_factory=nothing_spent)
    speech_job_used: SpeechJobUsage | None = None


class GatherPartsResult(Contract):
    """The whole, put together: `embedding_parts` counts the lines of `embedding.jsonl`."""

    pages: int = Field(ge=1)
    pages_needing_ocr: int = Field(ge=0)
    characters: int = Field(ge=1)
    chunks: int = Field(ge=1)
    embedding_parts: int = Field(ge=1, le=MAX_PARTS)
    language: str = ""
    notices: tuple[str, ...] = ()
    used: PartsUsed


class EmbeddingPart(Contract):
    """One line of `embedding.jsonl`: `chunks` lines of `chunks.jsonl`, its bytes `start` to `end`.

    `first_chunk` is the number of the first of them in the document.
    """

    part: int = Field(ge=1)
    first_chunk: int = Field(ge=0)
    chunks: int = Field(ge=1)
    start: int = Field(ge=0)
    end: int = Field(ge=1)


class EmbedPartRequest(Embeddable):
    """The input of `embed_chunks` for one part."""

    part: EmbeddingPart


class EmbedPartResult(Contract):
    """Resources of embedding one part: `put_bytes` as S3 Vectors bills them, into all `indexes`."""

    part: int = Field(ge=1)
    vectors: int = Field(ge=1)
    model: str
    indexes: tuple[str, ...]
    tokens: int = Field(ge=0)
    put_bytes: int = Field(ge=0)
    embedding: Spent


class GatherVectorsRequest(Contract):
    """The input of `gather_parts` after the parts were embedded."""

    tenant: str
    document_id: str
    version: str
    bucket: str
    correlation_id: str
    parts: int = Field(ge=1, le=MAX_PARTS)
    chunks: int = Field(ge=1)
    embedding_parts: int = Field(ge=1, le=MAX_PARTS)
    results: ResultPlaces
    used: PartsUsed


class GatherVectorsResult(Contract):
    """The end of a large file: as many `vectors` as chunks, of `model`, and what it all cost."""

    vectors: int = Field(ge=1)
    model: str
    receipt: Receipt
