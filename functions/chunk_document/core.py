"""Cut the pages of one document into chunks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from chalicelib.contracts.ingest import ChunkRequest, ChunkResult, Page, spent
from chalicelib.contracts.jsonl import dump_lines, parse_lines
from chalicelib.contracts.page_times import PageTimes
from chalicelib.errors import InvalidInput
from chalicelib.retrieval.ids import chunks_key, pages_key, times_key
from chalicelib.retrieval.text.chunks import CountTokens, chunk_pages
from chalicelib.retrieval.text.recorded_chunks import chunk_recording

if TYPE_CHECKING:
    from chalicelib.contracts.objects import ObjectStore


@dataclass(frozen=True, slots=True)
class Deps:
    """Collaborators of `run`; a chunk has at most `max_tokens` tokens as `count` counts them."""

    objects: ObjectStore
    count: CountTokens
    max_tokens: int
    clock: Callable[[], float]
    memory_gb: float


def run(request: ChunkRequest, deps: Deps) -> ChunkResult:
    """Read `pages.jsonl`, write `chunks.jsonl`, of a whole document or of one part of it.

    Raises:
        InvalidInput: no page of the whole document has a token that the model knows.
        Conflict: pages are missing.
    """
    began = deps.clock()
    place = (request.tenant, request.document_id, request.version)
    body = deps.objects.read(request.bucket, pages_key(*place, request.part))
    pages = parse_lines(body, Page, request.pages)
    if request.recorded:
        lines = deps.objects.read(request.bucket, times_key(*place, request.part))
        times = parse_lines(lines, PageTimes, request.pages)
        chunks = list(chunk_recording(pages, times, deps.count, deps.max_tokens))
    else:
        chunks = list(chunk_pages(pages, deps.count, deps.max_tokens))
    if not chunks and request.part is None:
        raise InvalidInput("The file holds no text that can be searched.", field="file")
    facts = {"lines": str(len(chunks))}
    deps.objects.write(request.bucket, chunks_key(*place, request.part), dump_lines(chunks), facts)
    return ChunkResult(chunks=len(chunks), chunking=spent(deps.clock() - began, deps.memory_gb))
