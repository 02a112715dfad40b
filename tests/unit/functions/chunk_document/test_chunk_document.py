from __future__ import annotations

from pathlib import Path

import pytest

from chalicelib.contracts.ingest import Chunk, ChunkRequest, Page
from chalicelib.contracts.jsonl import dump_lines, parse_lines
from chalicelib.errors import Conflict, InvalidInput
from chalicelib.inference.embedder import Embedder
from chalicelib.retrieval.ids import chunks_key, pages_key
from functions.chunk_document import core
from tests.fixtures_models import models_dir
from tests.unit.ingest.examples import BUCKET
from tests.unit.ingest.fakes import FakeObjects

__all__ = ["models_dir"]

PLACE = ("acme", "doc_a", "v_a")


def words(text: str) -> int:
    return len(text.split()) + 2


def request(pages: int) -> ChunkRequest:
    tenant, document, version = PLACE
    return ChunkRequest(
        tenant=tenant,
        document_id=document,
        version=version,
        bucket=BUCKET,
        correlation_id="c",
        pages=pages,
    )


def deps(objects: FakeObjects) -> core.Deps:
    return core.Deps(objects, words, 16, clock=lambda: 0.0, memory_gb=0.5)


def with_pages(*texts: str) -> FakeObjects:
    pages = [Page(page=n, text=text) for n, text in enumerate(texts, 1)]
    return FakeObjects({pages_key(*PLACE): dump_lines(pages)})


def test_as_many_lines_are_written_as_are_reported() -> None:
    objects = with_pages("One sentence here. " * 12, "", "And a last one.")
    result = core.run(request(3), deps(objects))
    chunks = parse_lines(objects.bodies[chunks_key(*PLACE)], Chunk, result.chunks)
    assert result.chunks == len(chunks) > 2
    assert objects.facts[chunks_key(*PLACE)] == {"lines": str(len(chunks))}


def test_missing_pages_are_a_failure_and_not_a_shorter_document() -> None:
    with pytest.raises(Conflict, match="2 whole lines"):
        core.run(request(3), deps(with_pages("One.", "Two.")))


def test_a_page_cut_off_in_its_middle_is_a_failure() -> None:
    objects = with_pages("One.", "Two.")
    objects.bodies[pages_key(*PLACE)] = objects.bodies[pages_key(*PLACE)][:-3]
    with pytest.raises(Conflict):
        core.run(request(2), deps(objects))


def test_text_without_a_single_token_is_refused() -> None:
    with pytest.raises(InvalidInput, match="searched"):
        core.run(request(1), deps(with_pages(" ")))


@pytest.mark.parametrize(
    "text",
    [
        "The turbine stands still on Sundays. " * 200,
        "x" * 3_000,
        "水を止めてください。" * 300,
        "0x7f3a, 12.5 kW; " * 300,
        "🙂" * 500,
    ],
    ids=["prose", "no spaces", "japanese", "numbers", "emoji"],
)
def test_the_model_s_own_tokenizer_never_has_to_cut_a_chunk(text: str, models_dir: Path) -> None:
    embedder = Embedder.open(models_dir)
    objects = with_pages(text)
    counted = core.Deps(
        objects, embedder.count_tokens, embedder.max_tokens, clock=lambda: 0.0, memory_gb=0.5
    )
    result = core.run(request(1), counted)
    chunks = parse_lines(objects.bodies[chunks_key(*PLACE)], Chunk, result.chunks)
    assert all(2 < embedder.count_tokens(chunk.text) <= embedder.max_tokens for chunk in chunks)
    assert chunks[-1].end == len(text.rstrip())
