"""Gather the parts of a large file: count them, join them, and price the whole."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from chalicelib.contracts.ingest import spent, spent_together
from chalicelib.contracts.jsonl import dump_lines, parse_lines
from chalicelib.contracts.parts import (
    NO_SPEECH,
    EmbeddingPart,
    EmbedPartResult,
    Express,
    GatherPartsRequest,
    GatherPartsResult,
    GatherVectorsRequest,
    GatherVectorsResult,
    NextRound,
    Part,
    PartDone,
    PartsUsed,
)
from chalicelib.errors import Conflict, InvalidInput, MoreSteps, NotFound
from chalicelib.ingest.receipts import IngestUsage, ingest_receipt, large_transitions
from chalicelib.jobs.receipts import UnitCost
from chalicelib.retrieval.ids import chunks_key, pages_key, times_key, version_prefix, words_key
from functions.gather_parts.part_joiner import PartJoiner
from functions.gather_parts.results import results

if TYPE_CHECKING:
    from chalicelib.contracts.indexes import TenantStates
    from chalicelib.contracts.objects import LargeObjects
    from functions.gather_parts.speakers import Numbers

MAX_NOTICES = 20
NEEDED_NO_MORE = ("parts/", "text")
"""Prefixes below a version to remove: the parts, now joined, and the source in UTF-8, now read."""


@dataclass(frozen=True, slots=True)
class Deps:
    """Collaborators of `run`."""

    objects: LargeObjects
    tenants: TenantStates
    cost: UnitCost
    clock: Callable[[], float]
    memory_gb: float


def gather_parts(request: GatherPartsRequest, deps: Deps) -> GatherPartsResult:
    """Join the pages, their words and the chunks of all parts, each into one file.

    It also writes the plan of the embedding, `embedding.jsonl`.

    Raises:
        Conflict: there are other pages, rows or chunks than were planned or announced.
        MoreSteps: parts are left that got no seat; the message is the `NextRound`.
        InvalidInput: no part has a token that the model knows.
    """
    began = deps.clock()
    outcomes = results(deps.objects, request.results, PartDone, request.parts)
    if outcomes.left:
        raise _next_round(request, Part, "parts", outcomes.left, deps.objects)
    planned = _checked_plan(request, outcomes.done, deps.objects)
    total = sum(part.chunks for part in outcomes.done)
    if not total:
        raise InvalidInput("The file holds no text that can be searched.", field="file")
    joining = PartJoiner(request, outcomes.done, deps.objects)
    if planned[0].recorded:
        joining.speakers = _gather_speech(request, planned, deps.objects)
    parts = _join(request, joining, total, deps.objects)
    used = PartsUsed(
        reading=spent_together([request.reading, *(part.reading for part in outcomes.done)]),
        recognising=spent_together(part.recognising for part in outcomes.done),
        decoding=spent_together([request.decoding, *(part.decoding for part in outcomes.done)]),
        labelling=spent_together(part.labelling for part in outcomes.done),
        transcribing=spent_together(part.transcribing for part in outcomes.done),
        chunking=spent_together(part.chunking for part in outcomes.done),
        gathering=spent(deps.clock() - began, deps.memory_gb),
        express=outcomes.express,
        speech_job=request.speech_job_used,
    )
    return GatherPartsResult(
        pages=request.pages,
        pages_needing_ocr=sum(part.pages_needing_ocr for part in outcomes.done),
        characters=sum(part.characters for part in outcomes.done),
        chunks=total,
        embedding_parts=parts,
        language=_language(outcomes.done),
        notices=_notices(request, outcomes.done),
        used=used,
    )


def gather_vectors(request: GatherVectorsRequest, deps: Deps) -> GatherVectorsResult:
    """Compare the vectors of all parts with the chunks, and return the receipt of the ingest.

    Objects that were written only to be joined are removed.

    Raises:
        Conflict: there are other vectors than chunks, or they are of several models.
        MoreSteps: parts are left that got no seat, or the tenant has a new index by now that lacks
            some vectors; the message is the `NextRound`.
        NotFound: the tenant has no index.
    """
    began = deps.clock()
    outcomes = results(deps.objects, request.results, EmbedPartResult, request.embedding_parts)
    if outcomes.left:
        raise _next_round(request, EmbeddingPart, "embedding", outcomes.left, deps.objects)
    vectors = sum(part.vectors for part in outcomes.done)
    if vectors != request.chunks:
        raise Conflict(f"{vectors} vectors were put for {request.chunks} chunks.")
    _check_indexes(request, outcomes.done, deps.tenants)
    models = {part.model for part in outcomes.done}
    if len(models) != 1:
        raise Conflict(f"The vectors are of several models: {', '.join(sorted(models))}.")
    (model,) = models
    prefix = version_prefix(request.tenant, request.document_id, request.version)
    for name in NEEDED_NO_MORE:
        deps.objects.delete_prefix(request.bucket, prefix + name)
    gathering = spent(deps.clock() - began, deps.memory_gb)
    usage = IngestUsage(
        model=model,
        tokens=sum(part.tokens for part in outcomes.done),
        reading=request.used.reading,
        recognising=request.used.recognising,
        decoding=request.used.decoding,
        transcribing=request.used.transcribing,
        labelling=request.used.labelling,
        chunking=request.used.chunking,
        embedding=spent_together(part.embedding for part in outcomes.done),
        gathering=spent_together([request.used.gathering, gathering]),
        put_bytes=sum(part.put_bytes for part in outcomes.done),
        express=_together(request.used.express, outcomes.express),
        speech_job=request.used.speech_job,
        transitions=large_transitions(
            request.parts, request.embedding_parts, recording=request.used.decoding.requests > 0
        )
        + (request.used.speech_job.transitions if request.used.speech_job else 0),
    )
    return GatherVectorsResult(
        vectors=vectors, model=model, receipt=ingest_receipt(usage, deps.cost)
    )


def _checked_plan(
    request: GatherPartsRequest, done: Sequence[PartDone], objects: LargeObjects
) -> Sequence[Part]:
    """Return the plan, once the parts agree with it, and it with the file."""
    prefix = version_prefix(request.tenant, request.document_id, request.version)
    planned = parse_lines(objects.read(request.bucket, prefix + "parts.jsonl"), Part, request.parts)
    for plan, part in zip(planned, done, strict=True):
        if (plan.part, plan.pages, plan.rows) != (part.part, part.pages, part.rows):
            raise Conflict(
                f"Part {plan.part} should have {plan.pages} pages of {plan.rows} rows, and has"
                f" {part.pages} of {part.rows}."
            )
    for before, after in itertools.pairwise(planned):
        if (before.first_page + before.pages, before.end) != (after.first_page, after.start):
            raise Conflict(f"Part {after.part} does not begin where the part before it ends.")
    pages, rows = sum(part.pages for part in done), sum(part.rows for part in done)
    if (pages, rows) != (request.pages, request.rows):
        raise Conflict(
            f"The file has {request.pages} pages of {request.rows} rows; {pages} of {rows}"
            " were read."
        )
    return planned


def _gather_speech(
    request: GatherPartsRequest, planned: Sequence[Part], objects: LargeObjects
) -> Mapping[int, Numbers]:
    """Write what is made of the speech of a recording; return the numbers of its speakers.

    Only a recording needs the modules for it, which take time to load.
    """
    from functions.gather_parts.recorded_speech import recorded_speech, write_recording

    speech = recorded_speech(request, planned, objects)
    write_recording(request, speech, objects)
    return speech.speakers


def _join(
    request: GatherPartsRequest, joining: PartJoiner, total: int, objects: LargeObjects
) -> int:
    """Write the files of the whole; return the number of parts in which to embed them."""
    place = (request.tenant, request.document_id, request.version)
    done = joining.parts
    objects.upload(
        request.bucket, pages_key(*place), joining.pages(), {"lines": str(request.pages)}
    )
    # A part that was read before words were kept has none, and then the document has none either.
    if all(part.words == part.pages for part in done):
        lines = {"lines": str(request.pages)}
        objects.upload(request.bucket, words_key(*place), joining.words(), lines)
    if all(part.times == part.pages for part in done):
        lines = {"lines": str(request.pages)}
        objects.upload(request.bucket, times_key(*place), joining.times(), lines)
    objects.upload(request.bucket, chunks_key(*place), joining.chunks(total), {"lines": str(total)})
    lines = {"lines": str(len(joining.embedding))}
    body = dump_lines(joining.embedding)
    objects.write(request.bucket, version_prefix(*place) + "embedding.jsonl", body, lines)
    return len(joining.embedding)


def _check_indexes(
    request: GatherVectorsRequest, done: Sequence[EmbedPartResult], tenants: TenantStates
) -> None:
    """Raise `MoreSteps` if a reindex job added an index after a part was embedded."""
    state = tenants.tenant_state(request.tenant)
    if state is None:
        raise NotFound(f"The tenant {request.tenant} has no index.", field="tenant")
    for index in state.indexes:
        if any(index.name not in part.indexes for part in done):
            again = NextRound(plan="embedding.jsonl", results=(), missing_index=index.name)
            raise MoreSteps(again.model_dump_json(by_alias=True))


def _next_round(
    request: GatherPartsRequest | GatherVectorsRequest,
    kind: type[Part | EmbeddingPart],
    name: str,
    left: frozenset[int],
    objects: LargeObjects,
) -> MoreSteps:
    """Write the plan of the parts that are left; return the error that says so."""
    prefix = version_prefix(request.tenant, request.document_id, request.version)
    count = request.embedding_parts if isinstance(request, GatherVectorsRequest) else request.parts
    planned = parse_lines(objects.read(request.bucket, f"{prefix}{name}.jsonl"), kind, count)
    body = dump_lines([part for part in planned if part.part in left])
    plan = f"{name}-left.jsonl"
    objects.write(request.bucket, prefix + plan, body, {"lines": str(len(left))})
    return MoreSteps(NextRound(plan=plan, results=request.results).model_dump_json(by_alias=True))


def _language(done: Sequence[PartDone]) -> str:
    """Return the language of most of the text, "" if none is clear."""
    weights = Counter[str]()
    for part in done:
        weights[part.language] += part.characters
    return max(weights, key=lambda language: weights[language], default="")


def _notices(request: GatherPartsRequest, done: Sequence[PartDone]) -> tuple[str, ...]:
    """Return the notices of the parts, each once."""
    notices = dict.fromkeys(request.notices)
    notices.update(dict.fromkeys(notice for part in done for notice in part.notices))
    if any(NO_SPEECH not in part.notices for part in done):
        notices.pop(NO_SPEECH, None)
    return tuple(notices)[:MAX_NOTICES]


def _together(one: Express, other: Express) -> Express:
    return Express(
        requests=one.requests + other.requests, gb_seconds=one.gb_seconds + other.gb_seconds
    )
