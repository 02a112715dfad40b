"""The receipt of an ingest: a line for each step, in order, at AWS's list prices."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from chalicelib.contracts.ingest import Spent, nothing_spent
from chalicelib.contracts.parts import Express, SpeechJobUsage
from chalicelib.contracts.receipts import Receipt, ReceiptLine, dollars
from chalicelib.generation.catalogue import (
    LABELLER,
    LAMBDA,
    RECOGNISER,
    S3_VECTORS,
    STEP_FUNCTIONS,
    TRANSCRIBER,
)
from chalicelib.generation.request_costs import DOCUMENT, ExtraRequests, requests_line

if TYPE_CHECKING:
    from chalicelib.jobs.receipts import UnitCost

BILLED_TRANSITIONS = 5
"""States that an ingest without errors enters: Read, Chunk, Embed, MarkReady, AnnounceReady."""

GIGABYTE = 1024**3
FLOAT_BYTES = 4
MIN_PUT_BYTES = 128 * 1024
"""The least that S3 Vectors bills for one PutVectors call, however many vectors it has.

https://aws.amazon.com/s3/pricing/ (S3 Vectors, PUT); its guide therefore recommends large batches:
https://docs.aws.amazon.com/AmazonS3/latest/userguide/s3-vectors-best-practices.html
"""


def billed_put_bytes(sizes: Iterable[int]) -> int:
    """Return the bytes billed for one PutVectors call of vectors of these sizes."""
    return max(MIN_PUT_BYTES, sum(sizes))


@dataclass(frozen=True, slots=True)
class IngestUsage:
    """Resources of one ingest: each function's time, the tokens embedded and the bytes put.

    `put_bytes` are as S3 Vectors bills them, with its minimum for each call.
    `transitions` are billed states of the Standard machine, including one for each child.
    `speech_job` is set of a recording that a job transcribed.
    `word_files` is 1 if a document in one piece has the words of its pages as an object.
    """

    model: str
    tokens: int
    reading: Spent
    chunking: Spent
    embedding: Spent
    put_bytes: int
    recognising: Spent = field(default_factory=nothing_spent)
    decoding: Spent = field(default_factory=nothing_spent)
    transcribing: Spent = field(default_factory=nothing_spent)
    labelling: Spent = field(default_factory=nothing_spent)
    picture_embedding: Spent = field(default_factory=nothing_spent)
    picture_model: str = ""
    speech_job: SpeechJobUsage | None = None
    gathering: Spent = field(default_factory=nothing_spent)
    express: Express = field(default_factory=Express)
    transitions: int = BILLED_TRANSITIONS
    word_files: int = 0


def small_transitions(
    recognising: Spent, labelling: Spent, picture_embedding: Spent, chunking: Spent
) -> int:
    """Return the billed states of a document in one piece.

    Two more for each call of `recognise_pages`, the call and the choice after it, and one for the
    choice that sends the document there. Pictures take one to be labelled, and one before that to
    be embedded if their collection has a model for it; without text they are not chunked.
    """
    calls = recognising.requests
    pictures = labelling.requests + picture_embedding.requests
    unchunked = int(labelling.requests > 0 and not chunking.requests)
    return BILLED_TRANSITIONS + (1 + 2 * calls if calls else 0) + pictures - unchunked


def large_transitions(parts: int, embedding_parts: int, *, recording: bool = False) -> int:
    """Return the billed states of a document in parts, including one for each child.

    The ten states: Read, Detour, RecordParts, ReadParts, GatherParts, RecordEmbedding, EmbedParts,
    GatherVectors, MarkReady, AnnounceReady. One more, ReadMedia, of a recording.
    https://docs.aws.amazon.com/step-functions/latest/dg/concepts-transitions.html
    """
    return 10 + recording + parts + embedding_parts


def ingest_receipt(usage: IngestUsage, cost: UnitCost) -> Receipt:
    """Return the receipt of one ingest, with a line for each step that was taken."""
    return Receipt.of(_lines(usage, cost))


def _lines(usage: IngestUsage, cost: UnitCost) -> Iterator[ReceiptLine]:
    yield _function_line("reading", usage.reading, cost)
    if usage.decoding.requests:
        yield _function_line("decoding", usage.decoding, cost)
    if usage.transcribing.requests:
        yield _function_line("transcribing", usage.transcribing, cost, model=TRANSCRIBER)
    if usage.speech_job is not None:
        yield from _speech_job_lines(usage.speech_job, cost)
    if usage.recognising.requests:
        yield _function_line("recognising", usage.recognising, cost, model=RECOGNISER)
    if usage.picture_embedding.requests:
        yield _function_line(
            "picture embedding", usage.picture_embedding, cost, usage.picture_model
        )
    if usage.labelling.requests:
        yield _function_line("labelling", usage.labelling, cost, model=LABELLER)
    if usage.chunking.requests:
        yield _function_line("chunking", usage.chunking, cost)
    yield _function_line("embedding", usage.embedding, cost, model=usage.model, tokens=usage.tokens)
    if usage.gathering.requests:
        yield _function_line("gathering", usage.gathering, cost)
    yield ReceiptLine(
        model=S3_VECTORS,
        priced_as=S3_VECTORS,
        role="indexing",
        dollars=dollars(cost("s3vectors.put.gb", usage.put_bytes / GIGABYTE)),
    )
    if usage.express.requests:
        yield _express_line(usage.express, cost)
    yield ReceiptLine(
        model=STEP_FUNCTIONS,
        priced_as=STEP_FUNCTIONS,
        role="orchestration",
        transitions=usage.transitions,
        dollars=dollars(cost("stepfunctions.standard.transition", usage.transitions)),
    )
    parts = usage.express.requests
    recognitions = 0 if parts else usage.recognising.requests  # A part's requests count them.
    counts = ExtraRequests(parts, usage.word_files, recognitions)
    yield requests_line(cost, DOCUMENT, counts)


def _speech_job_lines(job: SpeechJobUsage, cost: UnitCost) -> Iterator[ReceiptLine]:
    """Yield the line of what found the speech, and that of the job that transcribed it."""
    yield _function_line("finding speech", job.finding, cost)
    if job.seconds:
        yield ReceiptLine(
            model=job.model,
            priced_as=job.model,
            role="transcribing",
            seconds=job.seconds,
            dollars=dollars(job.nanodollars),
        )


def _express_line(express: Express, cost: UnitCost) -> ReceiptLine:
    """Return the line of the Express children: their starts, and their time in memory."""
    billed = cost("stepfunctions.express.request", express.requests)
    billed += cost("stepfunctions.express.gb_second", express.gb_seconds)
    return ReceiptLine(
        model=STEP_FUNCTIONS, priced_as=STEP_FUNCTIONS, role="parts", dollars=dollars(billed)
    )


def _function_line(
    role: str, spent: Spent, cost: UnitCost, model: str = LAMBDA, *, tokens: int = 0
) -> ReceiptLine:
    """Return the line of one function's requests."""
    billed = cost("lambda.gb_second.arm64", spent.gb_seconds)
    billed += cost("lambda.request", spent.requests)
    return ReceiptLine(
        model=model,
        priced_as=LAMBDA,
        role=role,
        tokens_in=tokens,
        images=spent.images,
        seconds=spent.seconds,
        dollars=dollars(billed),
    )
