"""Entries of the catalogue for versions under names of an operator's own."""

from __future__ import annotations

import pytest

from chalicelib.contracts.model_manifest import FILE, Signature
from chalicelib.generation.model_file import parse_model
from chalicelib.generation.models import FunctionBackend
from infra.models.trained_entry import trained_entry
from tests.exported_clip import clip_files
from tests.exported_image_text import blip2_files
from tests.exported_models import Files, decoder, denoiser
from tests.exported_texts import classifier, embedder, tagger


def entry(files: Files, **changes: object) -> dict[str, object]:
    signature = Signature.model_validate_json(files[FILE]).model_copy(update=changes)
    return trained_entry("ticket-topics", "own/3", signature, base_only=False)


def test_a_classifier_and_a_tagger_of_texts_should_be_models_of_their_tasks() -> None:
    told = [parse_model(entry(files)) for files in (classifier(base="minilm"), tagger())]
    assert [each.task for each in told] == ["classification", "tagging"]
    assert [each.outputs for each in told] == [{"labels"}, {"spans"}]
    assert told[0].title == "minilm, tuned by text_classifier"
    assert told[0].specialty == "what it was trained for on this stage"


def test_an_embedder_should_say_how_long_its_vectors_are() -> None:
    told = parse_model(entry(embedder(dimensions=4)))
    assert (told.task, set(told.outputs), told.limits.dimensions) == (
        "embedding",
        {"embedding"},
        (4,),
    )
    assert (told.limits.context_tokens, told.limits.texts) == (256, 64)


def test_a_tuned_diffusion_should_be_a_model_of_images_and_one_of_latents_be_slow() -> None:
    signature = Signature.model_validate_json(denoiser()[FILE])
    origin = signature.origin.model_copy(update={"recipe": "diffusion_tuning"})
    latents = {**signature.constants, "latent_side": 8}
    told = [
        parse_model(entry(denoiser(), origin=origin, constants=constants))
        for constants in (signature.constants, latents)
    ]
    assert {each.task for each in told} == {"image"}
    assert [each.outputs for each in told] == [{"image"}, {"image"}]
    backends = [each.backend for each in told if isinstance(each.backend, FunctionBackend)]
    assert [each.images_per_second for each in backends] == [20, 1]


def test_towers_of_pictures_and_texts_should_embed_both() -> None:
    told = parse_model(entry(clip_files("image_text_tuning", base="clip-vit")))
    assert told.task == "embedding"
    assert (set(told.inputs), set(told.outputs)) == ({"text", "image"}, {"embedding"})
    assert isinstance(told.backend, FunctionBackend)
    assert told.backend.images_per_second > 0
    assert told.limits.images == 64


def test_a_model_that_reads_one_text_and_writes_another_should_have_a_limit_for_each() -> None:
    signature = Signature.model_validate_json(decoder()[FILE])
    origin = signature.origin.model_copy(update={"recipe": "sequence_to_sequence"})
    sizes = {"context": 300, "source_tokens": 256, "target_tokens": 44, "base": "new:t5-tiny"}
    constants = {**signature.constants, **sizes}
    told = parse_model(entry(decoder(), origin=origin, constants=constants))
    assert (told.task, told.limits.context_tokens, told.limits.output_tokens) == ("chat", 300, 44)


def test_a_model_that_answers_about_a_picture_should_take_one_and_no_chance() -> None:
    signature = Signature.model_validate_json(blip2_files()[FILE])
    origin = signature.origin.model_copy(update={"recipe": "visual_question_answering"})
    told = parse_model(entry(blip2_files(), origin=origin))
    assert (told.task, set(told.inputs), told.limits.images) == ("chat", {"text", "image"}, 1)
    assert set(told.refuses) == {"temperature", "top_p", "seed"}
    assert isinstance(told.backend, FunctionBackend)
    assert told.backend.function == "answer_image"


def test_a_recipe_that_no_function_serves_under_other_names_should_be_told() -> None:
    with pytest.raises(ValueError, match=r"of vae are served under the names of models/served"):
        entry(decoder())
