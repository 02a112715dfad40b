from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from chalicelib.contracts.functions.rerank_passages import RerankResult
from chalicelib.contracts.search import Hit
from chalicelib.inference.embedder import Embedder
from models.judged_search import vectors
from models.judged_search.collection import JudgedDocument
from models.judged_search.engine import Engine, engine
from tests.fixtures_models import models_dir

__all__ = ["models_dir"]

LONG = " ".join(f"Gate {at} of the canal is opened by hand in winter." for at in range(60))
DOCUMENTS = (
    JudgedDocument("wheel", "The wheel was replaced by a turbine.", "Wheel"),
    JudgedDocument("gates", LONG),
    JudgedDocument("dog", "The miller keeps a dog."),
)
QUESTION = "turbine"


class Backwards:
    def rerank(self, query: str, passages: Sequence[Hit], correlation_id: str) -> RerankResult:
        scores = tuple(float(at) for at in range(len(passages)))
        return RerankResult(scores=scores, model="m", tokens=0, seconds=0)


@pytest.fixture
def made(models_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Engine]:
    monkeypatch.setattr(vectors, "FOLDER", tmp_path)
    with engine("small", DOCUMENTS, [QUESTION], Embedder.open(models_dir)) as ready:
        yield ready


def test_a_long_document_should_be_cut_and_still_be_ranked_once(made: Engine) -> None:
    assert made.chunks > len(DOCUMENTS)
    assert sorted(made.by_vector(QUESTION)) == ["dog", "gates", "wheel"]


def test_words_should_find_only_what_holds_them(made: Engine) -> None:
    assert made.by_words(QUESTION) == ["wheel"]


def test_search_should_fuse_both_and_obey_a_reranker(made: Engine) -> None:
    plain = made.by_search(made.searcher(), QUESTION)
    assert plain[0] == "wheel"
    assert len(plain) == len(DOCUMENTS)
    assert made.by_search(made.searcher(Backwards()), QUESTION)[-1] == "wheel"
    assert made.find(made.searcher(), QUESTION)[0].heading == "Wheel"


def test_a_text_should_be_embedded_once(
    models_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(vectors, "FOLDER", tmp_path)
    embedder = Embedder.open(models_dir)
    first = vectors.embedded("texts", ["a mill", "a weir", "a mill"], embedder)
    again = vectors.embedded("texts", ["a weir"], Embedder.open(models_dir))
    assert again[0].tolist() == first[1].tolist()
    assert first[0].tolist() == first[2].tolist()
