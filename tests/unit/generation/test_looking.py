"""Requests about pictures: what may be asked, which call it is, what that asks of a model."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from pydantic import ValidationError

from chalicelib.contracts.generation_requests import CreateGenerationRequest
from chalicelib.contracts.generations import (
    ChatCall,
    ClassifyCall,
    EmbedCall,
    ImagePart,
    Terms,
    TextPart,
)
from chalicelib.generation.catalogue import catalogue
from chalicelib.generation.model_file import served_models
from chalicelib.generation.requests import call_from_request
from chalicelib.generation.requirements import derive_requirements
from chalicelib.generation.router import RoutePlan, plan_route
from chalicelib.generation.tokens import TokenLoad, estimated_tokens
from tests.unit.generation.planning import HOME, NOW

PICTURE = {"media_type": "image/png", "data": base64.b64encode(b"PNG").decode()}
SEEN = ImagePart.model_construct(media_type="image/png", data=b"PNG")
CLASSES = {"task": "classification", "images": [PICTURE], "labels": ["red", "a blue star"]}


def asked(**body: Any) -> Any:
    return call_from_request(CreateGenerationRequest.model_validate(body))


def planned(call: Any, model: str) -> RoutePlan:
    return plan_route(
        derive_requirements(call, Terms(model=model), HOME),
        served_models(),
        catalogue().prices,
        NOW,
    )


def test_pictures_should_be_embedded_in_the_place_of_texts() -> None:
    call = asked(task="embedding", images=[PICTURE, PICTURE])
    assert call == EmbedCall.model_construct(texts=(), images=(SEEN, SEEN), dimensions=None)
    found = derive_requirements(call, Terms(), HOME)
    assert found.inputs == {"image"}
    assert (found.load, found.vectors) == (TokenLoad(images=2), 2)


def test_pictures_should_be_classified_by_labels() -> None:
    call = asked(**CLASSES, templates=["a {}", "{} there"])
    assert isinstance(call, ClassifyCall)
    assert (call.images, call.labels) == ((SEEN,), ("red", "a blue star"))
    found = derive_requirements(call, Terms(), HOME)
    said = ("a red", "red there", "a a blue star", "a blue star there")
    counts = [estimated_tokens(text) for text in said]
    assert found.load == TokenLoad(sum(counts), images=1)
    assert found.inputs == {"text", "image"}
    assert found.longest_tokens == max(counts)


def test_a_turn_should_hold_pictures_and_words_in_their_order() -> None:
    turns = [
        {"role": "user", "images": [PICTURE]},
        {"role": "assistant", "content": "red"},
        {"role": "user", "content": "and this?", "images": [PICTURE]},
    ]
    call = asked(messages=turns)
    assert isinstance(call, ChatCall)
    assert [turn.content for turn in call.messages] == [
        (SEEN,),
        (TextPart(text="red"),),
        (SEEN, TextPart(text="and this?")),
    ]
    assert derive_requirements(call, Terms(), HOME).inputs == {"text", "image"}


@pytest.mark.parametrize("task", ["classification", "tagging"])
def test_texts_should_be_labelled_by_the_labels_of_the_model(task: str) -> None:
    call = asked(task=task, texts=["one text", "another"])
    assert (call.task, call.texts) == (task, ("one text", "another"))
    found = derive_requirements(call, Terms(), HOME)
    assert found.inputs == {"text"}
    words = estimated_tokens("one text") + estimated_tokens("another")
    assert (found.load, found.longest_tokens) == (TokenLoad(words), 0)
    name = "foldoc-topics" if task == "classification" else "address-parts"
    assert [step.model for step in planned(call, name).steps] == [name]
    assert not planned(call, "auto").steps


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (
            {"task": "embedding", "images": [PICTURE], "texts": ["a"]},
            "texts or images, and nothing",
        ),
        ({"task": "embedding"}, "takes texts or images"),
        ({"task": "classification", "labels": ["a", "b"]}, "takes images or texts"),
        ({"task": "classification", "texts": ["a"], "labels": ["a", "b"]}, "of images; leave"),
        ({"task": "tagging", "prompt": "a"}, "takes texts"),
        ({**CLASSES, "labels": ["a"]}, "2 different labels at least"),
        ({**CLASSES, "labels": ["a", "a"]}, "2 different labels at least"),
        ({**CLASSES, "labels": [str(n) for n in range(257)]}, "at most 256"),
        ({**CLASSES, "templates": ["no place"]}, "should match pattern"),
        ({"prompt": "a", "labels": ["a", "b"]}, "go with a classification"),
        ({"prompt": "a", "images": [PICTURE]}, "takes prompt or messages"),
        ({"task": "embedding", "images": [PICTURE] * 65}, "at most 64"),
        ({"task": "embedding", "images": [{**PICTURE, "media_type": "image/tiff"}]}, "image/png"),
        ({"messages": [{"role": "user"}]}, "a turn has content, images, or both"),
        (
            {"messages": [{"role": "user", "content": "a"}, {"role": "assistant"}]},
            "a turn has content",
        ),
        ({"messages": [{"role": "assistant", "images": [PICTURE]}]}, "given by the user"),
    ],
)
def test_what_does_not_go_together_should_be_refused(body: Any, told: str) -> None:
    with pytest.raises(ValidationError, match=told):
        asked(**body)


@pytest.mark.parametrize(
    ("call", "model"),
    [
        (asked(task="embedding", images=[PICTURE]), "emoji-clip"),
        (asked(task="embedding", texts=["a star"]), "shapes-clip"),
        (asked(**CLASSES), "emoji-classes"),
        (asked(**CLASSES), "shapes-classes"),
        (asked(messages=[{"role": "user", "images": [PICTURE]}]), "shapes-captions"),
        (asked(messages=[{"role": "user", "images": [PICTURE]}]), "shapes-answers"),
        (asked(messages=[{"role": "user", "images": [PICTURE]}]), "shapes-flamingo"),
    ],
)
def test_what_a_stage_trained_should_answer_by_its_name_alone(call: Any, model: str) -> None:
    (step,) = planned(call, model).steps
    assert step.model == model
    assert step.cost
    assert model not in {each.model for each in planned(call, "auto").steps}


def test_no_vectors_of_pictures_should_be_asked_of_who_is_asked_for_texts_only() -> None:
    call = asked(task="embedding", images=[PICTURE])
    (line,) = (line for line in planned(call, "cohere-embed-v4").describe() if "Embed v4" in line)
    assert line.startswith("Left out (takes no image)")
    assert planned(call, "auto").steps == ()


def test_a_number_of_dimensions_should_be_left_to_what_was_trained() -> None:
    found = planned(asked(task="embedding", texts=["a"], dimensions=64), "emoji-clip")
    assert any("the dimensions that it was trained for" in each for each in found.describe())
