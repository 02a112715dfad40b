"""A document's picture, embedded by the version that is served now."""

from __future__ import annotations

import numpy as np
import pytest

from chalicelib.contracts.ingest import Spent
from chalicelib.contracts.vision import EmbedDocumentRequest, EmbedDocumentResult, PictureVector
from chalicelib.errors import InvalidInput, NotFound
from functions.run_model.embed_image import embed_document
from tests.exported_clip import image_file, unit
from tests.model_deps import task_deps
from tests.unit.functions.run_model.test_embed_image import Models
from tests.unit.ingest.fakes import FakeObjects

SOURCE = "documents/acme/doc_a/v_a/source"


def embedded(objects: FakeObjects, job_id: str = "") -> EmbedDocumentResult:
    request = EmbedDocumentRequest(
        tenant="acme",
        document_id="doc_a",
        version="v_a",
        bucket="documents",
        picture_model="emoji-clip",
        job_id=job_id,
        correlation_id="c",
    )
    return embed_document(request, task_deps(Models(), objects=objects))


@pytest.mark.parametrize(
    ("job", "key"),
    [("", "documents/acme/doc_a/v_a/picture.json"), ("01J", "jobs/acme/01J/pictures/doc_a.json")],
)
def test_the_vector_should_be_written_with_the_version_that_made_it(job: str, key: str) -> None:
    objects = FakeObjects({SOURCE: image_file((255, 0, 0), "WEBP", 30)})
    result = embedded(objects, job)
    assert result.embedded_by == "tried/3"
    assert result.picture_embedding == Spent(seconds=0.5, gb_seconds=1.0, images=1)
    written = PictureVector.model_validate_json(objects.bodies[key])
    assert (written.model, written.embedded_by) == ("emoji-clip", "tried/3")
    assert np.allclose(written.vector, unit(1, -1, -1), atol=0.02)
    assert set(objects.bodies) == {SOURCE, key}


def test_what_is_damaged_or_gone_should_be_told_apart_and_nothing_written() -> None:
    damaged = FakeObjects({SOURCE: image_file((255, 0, 0))[:40]})
    with pytest.raises(InvalidInput, match="picture"):
        embedded(damaged)
    assert set(damaged.bodies) == {SOURCE}
    with pytest.raises(NotFound):
        embedded(FakeObjects())
