"""Photographs beside texts, by our functions and models, in the local cloud's own index."""

from __future__ import annotations

import io
import json
import uuid
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, cast

import pytest
from PIL import Image, ImageOps

from chalicelib.adapters.functions import EmbedFunction, LabelFunction
from chalicelib.adapters.passages import Passages
from chalicelib.adapters.s3vectors import Indexes, Vectors
from chalicelib.contracts.filters import Filter
from chalicelib.contracts.functions.embed_text import EmbedTextRequest
from chalicelib.contracts.functions.label_picture import LabelDocumentRequest, LabelPictureRequest
from chalicelib.contracts.indexes import IndexRef, TenantState
from chalicelib.contracts.ingest import Chunk, EmbedRequest, nothing_spent
from chalicelib.contracts.jsonl import dump_lines
from chalicelib.generation.catalogue import catalogue
from chalicelib.inference.efficientnet import EfficientNetLabeller
from chalicelib.inference.embedder import DIMENSIONS, MODEL, Embedder
from chalicelib.inference.image_pages import page_sizes
from chalicelib.retrieval.ids import chunks_key, vector_key, version_prefix
from chalicelib.retrieval.search.image_vectors import embed_passages
from chalicelib.retrieval.search.query import Query, SearchResult
from chalicelib.retrieval.search.searcher import Searcher
from functions.embed_chunks import core as embedding
from functions.embed_text import core as texts
from functions.label_picture import core as labelling
from localcloud.s3vectors import S3VectorsService
from localcloud.service import CloudContext
from tests.fixtures_models import models_dir
from tests.unit.adapters.models.in_process import InProcess
from tests.unit.ingest.fakes import FakeObjects
from tests.unit.retrieval.fakes import FakeDeclarations

__all__ = ["models_dir"]

PICTURES = Path(__file__).parents[3] / "data" / "pictures"
QUESTIONS = json.loads((PICTURES / "questions.json").read_text())
NAMES = sorted({question["picture"] for question in QUESTIONS})
NOTES = (
    "The cafeteria serves espresso and tea from seven until noon.",
    "The turbine is rated at 410 kilowatts and was made by Voss Hydro in 2011.",
    "Cats must not sleep on the switchgear: a kitten was found there in May.",
)
INDEX = IndexRef("pictures", "acme-minilm", MODEL)


class Direct:
    """The service's operations, called as a boto3 client's would be."""

    def __init__(self, service: S3VectorsService) -> None:
        self._service = service

    def __getattr__(self, operation: str) -> Any:
        method = getattr(self._service, operation)
        return lambda **params: method(params)


class Stage:
    """A tenant whose documents are the photographs, by names that tell nothing, and notes."""

    def __init__(self, service: S3VectorsService, models: Path) -> None:
        self.client = cast("Any", Direct(service))
        self.client.create_vector_bucket(vectorBucketName=INDEX.bucket)
        Indexes(self.client).create(INDEX, DIMENSIONS)
        self.embedder, self.labeller = Embedder.open(models), EfficientNetLabeller.open(models)
        self.objects = FakeObjects()
        looks = labelling.Deps(self.labeller, page_sizes, "efficientnet-lite0", lambda: 0.0)
        self.looks = looks
        asked = InProcess(self._embed)
        shown = InProcess(self._look)
        self.searcher = Searcher(
            EmbedFunction(asked, "embed"),  # type: ignore[arg-type]
            self,
            Passages(self.client),
            self,
            FakeDeclarations(),
            labeller=LabelFunction(shown, "look"),  # type: ignore[arg-type]
        )

    def _embed(self, event: Any) -> Any:
        deps = texts.Deps(
            lambda _: self.embedder, lambda: pytest.fail("nothing is compared"), lambda: 0.0
        )
        return texts.run(EmbedTextRequest.model_validate(event), deps).model_dump(mode="json")

    def _look(self, event: Any) -> Any:
        request = LabelPictureRequest.model_validate(event)
        return labelling.look(request, self.looks).model_dump(mode="json")

    def live_index(self, tenant: str) -> IndexRef:
        return INDEX

    def tenant_state(self, tenant: str) -> TenantState:
        return TenantState(INDEX)

    def open(self, tenant: str, index: IndexRef, dimensions: int) -> None:
        raise AssertionError("no collection here names a model of pictures")

    def current_versions(self, tenant: str, document_ids: Sequence[str]) -> dict[str, str]:
        return dict.fromkeys(document_ids, "v_a")

    def put(self, document: str, path: str, media_type: str) -> None:
        """Embed what lies in the document's chunks."""
        request = EmbedRequest(
            tenant="acme",
            document_id=document,
            version="v_a",
            collection="default",
            path=path,
            bucket="b",
            correlation_id="c",
            media_type=media_type,
            chunks=1,
            reading=nothing_spent(),
            chunking=nothing_spent(),
        )
        vectors = Vectors(self.client)
        cost = catalogue().cost
        deps = embedding.Deps(
            objects=self.objects,
            tenants=self,
            vectors=vectors,
            pictures=self,
            embedder=lambda _: self.embedder,
            cost=cost,
            clock=lambda: 0.0,
            memory_gb=1.0,
        )
        assert embedding.run(request, deps).vectors == 1

    def put_picture(self, document: str, data: bytes) -> None:
        self.objects.bodies[version_prefix("acme", document, "v_a") + "source"] = data
        request = LabelDocumentRequest(
            tenant="acme",
            document_id=document,
            version="v_a",
            path=f"{document}.jpg",
            bucket="b",
            correlation_id="c",
        )
        labelling.run(request, self.objects, 1.0, self.looks)
        self.put(document, f"{document}.jpg", "image/jpeg")

    def put_note(self, document: str, text: str) -> None:
        chunk = Chunk(n=0, page=1, heading="", start=0, end=len(text), text=text)
        self.objects.bodies[chunks_key("acme", document, "v_a")] = dump_lines([chunk])
        self.put(document, f"{document}.md", "text/markdown")

    def find(self, text: str = "", image: bytes = b"", *, pictures: bool = False) -> SearchResult:
        only = Filter.model_validate({"media_type": "image/*"}) if pictures else None
        return self.searcher.search(
            Query("acme", text, None, 20, "req-1", filter=only, image=image)
        )


def named(name: str) -> str:
    return f"doc_{NAMES.index(name)}"


@pytest.fixture(scope="module")
def stage(models_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    folder = tmp_path_factory.mktemp(f"vectors-{uuid.uuid4().hex[:8]}")
    service = S3VectorsService(CloudContext(folder, ""))
    made = Stage(service, models_dir)
    for name in NAMES:
        made.put_picture(named(name), (PICTURES / name).read_bytes())
    for n, text in enumerate(NOTES):
        made.put_note(f"note_{n}", text)
    yield made
    service.stop()


def test_words_find_photographs_by_meaning_and_by_words(stage: Stage) -> None:
    known = [question for question in QUESTIONS if question["known"]]
    first = [
        stage.find(question["query"], pictures=True).passages[0].document_id
        == named(question["picture"])
        for question in known
    ]
    assert (sum(first), len(first)) == (16, 18)


def test_a_photograph_finds_its_mirror_image_s_original_first(stage: Stage) -> None:
    for name in ("chelsea.png", "coffee.webp", "china.jpg", "camera.jpg"):
        with Image.open(PICTURES / name) as file:
            mirrored = ImageOps.mirror(file.convert("RGB"))
        written = io.BytesIO()
        mirrored.save(written, format="PNG")
        found = stage.find(image=written.getvalue())
        assert found.passages[0].document_id == named(name)
        assert found.image_labels is not None
        assert found.passages[0].labels[0].name == found.image_labels.labels[0].name


def test_texts_and_photographs_are_found_by_one_question_and_by_one_photograph(
    stage: Stage,
) -> None:
    asked = [hit.document_id for hit in stage.find("a kitten").passages[:2]]
    assert set(asked) == {named("chelsea.png"), "note_2"}
    shown = stage.find(image=(PICTURES / "coffee.webp").read_bytes()).passages
    notes = [hit.document_id for hit in shown if hit.document_id.startswith("note_")]
    assert notes[0] == "note_0"
    assert shown[0].document_id == named("coffee.webp")


def test_another_index_is_filled_from_what_this_one_carries(stage: Stage) -> None:
    """As a reindex does: labels come out of the index as they went in, and make the same vector."""
    key = vector_key(named("chelsea.png"), "v_a", 0)
    (carried,) = Indexes(stage.client).carried(INDEX, [key])
    assert "cat" in carried.labels[0].name
    ((vector,), _) = embed_passages(stage.embedder, [carried], [""])
    kept = stage.client.get_vectors(
        vectorBucketName=INDEX.bucket, indexName=INDEX.name, keys=[key], returnData=True
    )
    assert kept["vectors"][0]["data"]["float32"] == pytest.approx(vector, abs=1e-5)
