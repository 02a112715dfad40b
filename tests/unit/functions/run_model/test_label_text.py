"""Classes of texts and of the spans in them, from an exported model to the answer of a call."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from chalicelib.adapters.models.image_functions import ClassifyImageFunction
from chalicelib.adapters.models.label_functions import LabelTextFunction
from chalicelib.contracts.functions.label_text import LabelTextRequest, LabelTextResult
from chalicelib.contracts.generations import (
    ClassifyCall,
    ClassifyOutput,
    EmbedCall,
    TagCall,
    TagOutput,
)
from chalicelib.errors import InvalidInput, ModelFailure, Transient, Unsupported
from chalicelib.generation.dependencies import CallContext
from chalicelib.generation.model_file import served_models
from chalicelib.inference.hot_swap import OpenModel
from chalicelib.inference.text_labels import TextLabeller, open_model
from functions.run_model import label_text
from tests.exported_models import Files, read, version
from tests.exported_texts import LABELS, classifier, tagger
from tests.model_deps import task_deps
from tests.samples import samples
from tests.unit.adapters.models.in_process import InProcess

TOPICS, PARTS = (served_models().model(name) for name in ("foldoc-topics", "address-parts"))
ASKING = CallContext("t", "c", seconds_left=12.5)


class Models:
    """One model, whatever it is called."""

    def __init__(self, files: Files) -> None:
        self._files = files

    def get(self, name: str, caller: str = "", variant: str = "") -> OpenModel[TextLabeller]:
        return OpenModel(open_model(read(self._files)), version(self._files, 3))


def labelled(files: Files, *texts: str) -> LabelTextResult:
    request = LabelTextRequest(model="foldoc-topics", texts=texts)
    answer = label_text.run(request, task_deps(Models(files)))
    return LabelTextResult.model_validate_json(answer.model_dump_json())


def in_process(files: Files) -> Any:
    def handler(event: Any) -> Any:
        deps = task_deps(Models(files), step=0.25)
        return label_text.run(label_text.parse(event), deps).model_dump(mode="json")

    return handler


def answered(handler: Any, call: Any, model: Any = TOPICS) -> Any:
    return LabelTextFunction(InProcess(handler).within, "label", 25).answer(model, call, ASKING)


def test_should_tell_how_likely_each_class_is_at_the_temperature() -> None:
    result = labelled(classifier(), "warm room", "cold cold")
    hot, cool = np.exp([1.0 / 0.5, 2.0 / 0.5])
    assert result.labels == LABELS
    assert result.shares[0] == pytest.approx((1 / (1 + hot), hot / (1 + hot)))
    assert result.shares[1] == pytest.approx((cool / (1 + cool), 1 / (1 + cool)))
    assert (result.tokens, result.version, result.truncated) == (4, "tried/3", ())


def test_should_tell_spans_with_their_places_and_how_sure_they_are() -> None:
    (spans,) = labelled(tagger(), "warm the  room was bed").spans
    assert [(each.text, each.label, each.start, each.end) for each in spans] == [
        ("the  room", "place", 5, 14),
        ("bed", "thing", 19, 22),
    ]
    share = np.exp(6) / (np.exp(6) + np.exp(3) + 3)
    assert [each.share for each in spans] == pytest.approx([share, share])


def test_should_read_the_beginning_of_a_long_text_and_say_so() -> None:
    told = labelled(classifier(), "warm warm", "cold was was was warm warm warm", "the room")
    assert told.truncated == (1,)
    assert told.shares[1] == pytest.approx(labelled(classifier(), "cold was was was").shares[0])


def test_a_text_should_be_told_alone_and_its_words_are_no_special_tokens() -> None:
    texts = ("warm <pad> warm", "the room was cold")
    both = labelled(classifier(), *texts)
    assert both.shares == tuple(labelled(classifier(), text).shares[0] for text in texts)
    with pytest.raises(InvalidInput, match=r"texts\.1: says nothing"):
        labelled(classifier(), "warm", "  ")
    with pytest.raises(InvalidInput, match=r"texts\.0: character 0 is half"):
        TextLabeller(read(classifier())).label("\ud800", "texts.0")


@pytest.mark.parametrize(
    ("constants", "told"),
    [
        ({"labels": ("one",)}, r"gave logits of \(1, 2\) and not of \(1, 1\)"),
        ({"labels": "hot"}, "has no list of names called labels"),
        ({"context": "long"}, "has no number context"),
    ],
)
def test_a_model_that_is_not_whole_should_not_open(constants: dict[str, Any], told: str) -> None:
    with pytest.raises(ModelFailure, match=told):
        open_model(read(classifier(**constants)))


def test_tags_that_are_none_of_spans_should_not_open() -> None:
    with pytest.raises(ModelFailure, match="O, B-a, I-b… are no tags of spans"):
        open_model(read(tagger(tags=("O", "B-a", "I-b"))))


def test_should_take_its_sample() -> None:
    request = LabelTextRequest.model_validate_json(samples()["label_text"].read_text())
    assert (request.model, len(request.texts)) == ("foldoc-topics", 2)


def test_a_call_should_be_answered_in_order_beyond_one_invocation() -> None:
    texts = tuple("warm warm" if at % 3 else "cold was was was was" for at in range(130))
    reply = answered(in_process(classifier()), ClassifyCall(texts=texts))
    output = reply.output
    assert isinstance(output, ClassifyOutput)
    assert [share[1] > 0.5 for share in output.shares] == [at % 3 > 0 for at in range(130)]
    assert output.truncated == tuple(range(0, 130, 3))
    assert (reply.answered_by, reply.seconds) == ("tried/3", 0.25 * (130 + 3))
    assert reply.usage.tokens_in == 2 * 86 + 4 * 44


def test_texts_that_take_too_long_together_should_be_told_before_the_function_is_stopped() -> None:
    request = LabelTextRequest(model="foldoc-topics", texts=("warm",) * 30)
    with pytest.raises(InvalidInput, match="19 of 30 texts took 20 s; send fewer") as told:
        label_text.run(request, task_deps(Models(classifier()), step=1.0))
    assert (told.value.field, told.value.limit) == ("texts", "20 s")


def test_a_tagging_should_be_answered() -> None:
    reply = answered(in_process(tagger()), TagCall(texts=("the room", "was")), PARTS)
    assert isinstance(reply.output, TagOutput)
    assert reply.output.labels == ("place", "thing")
    assert [len(each) for each in reply.output.spans] == [1, 0]


def test_a_version_of_the_other_kind_should_be_told() -> None:
    with pytest.raises(Unsupported, match="address-parts classifies texts"):
        answered(in_process(classifier()), TagCall(texts=("a",)), PARTS)
    with pytest.raises(Unsupported, match="foldoc-topics tags the spans"):
        answered(in_process(tagger()), ClassifyCall(texts=("the room",)))


def test_a_swap_in_the_middle_should_be_asked_again() -> None:
    versions = iter(("a/1", "a/2"))

    def handler(event: Any) -> Any:
        shares = [[0.5, 0.5]] * len(event["texts"])
        told = {"labels": LABELS, "shares": shares, "tokens": 7, "seconds": 1}
        return {**told, "version": next(versions)}

    with pytest.raises(Transient, match="was swapped meanwhile") as raised:
        answered(handler, ClassifyCall(texts=("a",) * 65))
    assert raised.value.usage is not None
    assert raised.value.usage.tokens_in == 14


def test_an_answer_that_lacks_a_text_should_be_the_function_s_fault() -> None:
    told = {"labels": LABELS, "shares": [[0.5, 0.5]], "tokens": 3, "version": "a/1", "seconds": 1}
    with pytest.raises(ModelFailure, match="labels for 1 of 2 texts"):
        answered(lambda event: told, ClassifyCall(texts=("a", "b")))


def test_what_is_no_labelling_should_be_refused() -> None:
    with pytest.raises(Unsupported, match="calls of embedding"):
        answered(in_process(classifier()), EmbedCall(texts=("a",)))
    picture = ClassifyCall.model_construct(images=("x",), texts=(), labels=("a", "b"), templates=())
    with pytest.raises(InvalidInput, match="foldoc-topics classifies texts"):
        answered(in_process(classifier()), picture)
    images = ClassifyImageFunction(InProcess(in_process(classifier())).within, "label", 25)
    with pytest.raises(InvalidInput, match="classifies images by labels; give images"):
        images.answer(TOPICS, ClassifyCall(texts=("a",)), ASKING)
