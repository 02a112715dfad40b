"""The paths of pictures: looked at and not cut, and embedded by a model that is served."""

from __future__ import annotations

from typing import Any

import pytest

from chalicelib.contracts.functions.label_picture import LabelDocumentRequest, LabelDocumentResult
from chalicelib.contracts.ingest import (
    EmbedRequest,
    IngestInput,
    RecogniseRequest,
    RecogniseResult,
    Spent,
)
from chalicelib.contracts.vision import EmbedDocumentRequest
from chalicelib.ingest.receipts import small_transitions
from tests.architecture.ingest_world import IngestWorld, Raises, more_steps
from tests.architecture.test_ingest_paths import HAPPY, document

SPENT = Spent(seconds=0.5, gb_seconds=0.25).model_dump()
LABELLED: dict[str, Any] = {
    "chunks": 1,
    "characters": 20,
    "pages": 1,
    "recognise": [1],
    "notices": ["The picture moves; of its 3 frames the first was looked at."],
    "labelling": SPENT,
    "chunking": {"seconds": 0.0, "gb_seconds": 0.0, "requests": 0, "images": 0},
}


NO_TEXT: dict[str, Any] = {
    "recognised": 0,
    "still_empty": [1],
    "remaining": [],
    "characters": 20,
    "images": 1,
    "model": "rapidocr",
    "recognising": SPENT,
    "notices": ["No text was found on the picture."],
}
LOOKED = ["Label", "ReadPicture", "IsTextInPicture"]


def used(embed: EmbedRequest) -> int:
    """Return the billed states of the execution in which `embed` was asked for."""
    return small_transitions(
        embed.recognising, embed.labelling, embed.picture_embedding, embed.chunking
    )


def test_a_picture_is_looked_at_and_not_cut(world: IngestWorld) -> None:
    answers = world.script.answers
    picture = {"picture": True, "media_type": "image/gif", "pages": 1, "pages_needing_ocr": 0}
    answers["read_document"] = [more_steps(**picture, notices=[])]
    answers["label_picture"] = [LABELLED]
    answers["recognise_pages"] = [NO_TEXT]
    asked = world.claim()
    states = ["Read", "Detour", *LOOKED, *HAPPY[2:]]
    assert world.run(asked) == ("SUCCEEDED", states)
    shown = document(world, asked)
    assert (shown.media_type, shown.pages, shown.chunks) == ("image/gif", 1, 1)
    assert shown.pages_needing_ocr == 0
    assert shown.notices == (LABELLED["notices"][0], NO_TEXT["notices"][0])
    embed = EmbedRequest.model_validate(world.script.calls[-1][1])
    assert embed.labelling == Spent.model_validate(SPENT)
    assert used(embed) == len(states)
    LabelDocumentRequest.model_validate(world.script.calls[-3][1])
    LabelDocumentResult.model_validate(LABELLED)
    request = RecogniseRequest.model_validate(world.script.calls[-2][1])
    assert (request.pages, request.recognise, request.picture) == (1, (1,), True)
    RecogniseResult.model_validate(NO_TEXT)


def test_text_on_the_pages_of_a_picture_is_chunked(world: IngestWorld) -> None:
    answers = world.script.answers
    answers["read_document"] = [more_steps(picture=True, media_type="image/tiff", pages=1)]
    answers["label_picture"] = [{**LABELLED, "pages": 3, "recognise": [1, 2, 3]}]
    answers["recognise_pages"] = [
        {**NO_TEXT, "recognised": 1, "still_empty": [1], "remaining": [3]},
        {**NO_TEXT, "still_empty": [3]},
    ]
    asked = world.claim()
    states = ["Read", "Detour", *LOOKED, *LOOKED[1:], *HAPPY[1:]]
    assert world.run(asked) == ("SUCCEEDED", states)
    calls = [payload for name, payload in world.script.calls if name == "recognise_pages"]
    assert [(payload["pages"], payload["recognise"]) for payload in calls] == [
        (3, [1, 2, 3]),
        (3, [3]),
    ]
    embed = EmbedRequest.model_validate(world.script.calls[-1][1])
    assert (embed.chunks, embed.chunking.seconds) == (3, 0.25)
    assert used(embed) == len(states)
    assert document(world, asked).pages == 3


@pytest.mark.parametrize("error", ["InvalidInput", "Unsupported"])
def test_a_picture_that_cannot_be_looked_at_is_rejected(world: IngestWorld, error: str) -> None:
    answers = world.script.answers
    answers["read_document"] = [more_steps(picture=True)]
    answers["label_picture"] = [Raises(error, "The picture is damaged.")]
    asked = world.claim()
    states = ["Read", "Detour", "Label", "RecordRejection", "AnnounceRejected"]
    assert world.run(asked) == ("SUCCEEDED", states)
    assert document(world, asked).reason == "The picture is damaged."


def test_a_picture_that_no_model_looks_at_is_our_failure(world: IngestWorld) -> None:
    answers = world.script.answers
    answers["read_document"] = [more_steps(picture=True)]
    answers["label_picture"] = [Raises("Transient"), Raises("ModelFailure", "It is missing.")]
    asked = world.claim()
    assert world.run(asked)[0] == "FAILED"
    assert [name for name, _ in world.script.calls].count("label_picture") == 2


def modelled(world: IngestWorld, path: str, model: str) -> IngestInput:
    """Claim a picture of a collection that names this model."""
    claimed = world.claim(key=f"inbox/acme/default/{path}")
    return claimed.model_copy(update={"picture_model": model})


@pytest.mark.parametrize(("model", "more"), [("", []), ("emoji-clip", ["EmbedPicture"])])
def test_a_picture_is_embedded_by_the_model_that_its_collection_names(
    world: IngestWorld, model: str, more: list[str]
) -> None:
    answers = world.script.answers
    answers["read_document"] = [more_steps(picture=True, media_type="image/png", pages=1)]
    answers["embed_image"] = [{"embedded_by": "clip/1", "picture_embedding": SPENT}]
    answers["label_picture"] = [LABELLED]
    answers["recognise_pages"] = [NO_TEXT]
    asked = modelled(world, "a.png", model)
    states = ["Read", "Detour", *more, *LOOKED, *HAPPY[2:]]
    assert world.run(asked) == ("SUCCEEDED", states)
    embed = EmbedRequest.model_validate(world.script.calls[-1][1])
    assert embed.picture_model == model
    assert embed.picture_embedding.requests == len(more)
    assert used(embed) == len(states)
    for name, payload in world.script.calls:
        if name == "embed_image":
            assert EmbedDocumentRequest.model_validate(payload).picture_model == model


def test_a_picture_fails_where_its_model_is_not_served_and_is_rejected_where_it_is_damaged(
    world: IngestWorld,
) -> None:
    answers = world.script.answers
    answers["read_document"] = [more_steps(picture=True, media_type="image/png", pages=1)]
    answers["embed_image"] = [Raises("Conflict", "serve one"), Raises("InvalidInput", "damaged")]
    failed = modelled(world, "a.png", "emoji-clip")
    assert world.run(failed)[0] == "FAILED"
    assert (document(world, failed).status, document(world, failed).reason) == (
        "failed",
        f"serve one Once that is mended, try again: `headrace retry {failed.document_id}`.",
    )
    rejected = modelled(world, "b.png", "emoji-clip")
    assert world.run(rejected)[0] == "SUCCEEDED"
    assert document(world, rejected).status == "rejected"
