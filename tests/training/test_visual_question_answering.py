"""Answers about pictures: what learns, what is refused, and a server without torch that agrees."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from transformers import Blip2Config, Blip2ForConditionalGeneration

from chalicelib.contracts.model_manifest import FILE
from chalicelib.errors import InvalidInput
from chalicelib.inference.exported_model import ExportedModel
from chalicelib.inference.flamingo import open_image_text_model
from chalicelib.inference.image_text import ImageExample, ImageQuestion
from chalicelib.inference.pixels import encode_png
from models.bases.folder import CHANNEL, BaseModel, read_base, record_base
from models.failures import BadData
from models.files import sha256_of_file
from models.jobs import runner
from models.jobs.finish import restore_network
from models.networks.chat_tokens import ChatRows
from models.networks.image_question_tokens import encode_questions, majority_answers
from models.networks.picture_batches import PictureBatches
from models.networks.vision_language import (
    TunedVisionLanguage,
    picture_features,
    picture_numbers,
    pixel_range,
    write_answers,
)
from models.pull.new_bases import NewBase, write_new_base
from models.recipes.visual_question_answering import recipe as answering
from models.recipes.visual_question_answering.judgement import (
    evaluate,
    judged_answers,
    other_pictures,
)
from models.recipes.visual_question_answering.parameters import Parameters
from models.training import recipe
from models.training.artefacts import read_training
from models.training.gates import missed_gates
from models.training.process_group import ProcessGroup
from models.training_data import image_questions
from models.training_data.captioned_pictures import PictureReader
from models.training_data.channel import ChannelWriter, DataSource
from models.training_data.image_questions import ImageQuestionPart, ImageQuestions
from models.training_data.rows import QuestionedImage
from tests.training.conftest import Laid

COLOURS = {"red": (200, 30, 30), "green": (30, 180, 40), "blue": (40, 60, 220)}
KINDS = ("blip-2", "idefics")
QUESTIONS = ("which colour?", "is it bright?")


def settings(**changed: Any) -> Parameters:
    found = recipe.resolve(recipe.load("visual_question_answering"), "smoke", changed)
    assert isinstance(found, Parameters)
    return found


@pytest.fixture(scope="module")
def channel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Pictures of one colour, with two questions on each; eight are held out."""
    folder = tmp_path_factory.mktemp("questions")
    drawn = np.random.default_rng(0)
    with ChannelWriter(folder, "image_questions") as writer:
        for number in range(24):
            name, colour = list(COLOURS.items())[number % 3]
            pixels = np.full((16, 16, 3), colour, np.uint8) + drawn.integers(
                0, 30, (16, 16, 3), np.uint8
            )
            file = writer.add_file(encode_png(pixels), ".png")
            for question, answer in zip(QUESTIONS, (name, "yes"), strict=True):
                row = QuestionedImage(file=file, question=question, answer=answer)
                writer.add("test" if number >= 16 else "train", row)
        writer.close(DataSource(source="tests", licence="CC0-1.0"))
    return folder


@pytest.fixture(scope="module")
def data(channel: Path) -> ImageQuestions:
    return image_questions.read(channel)


@pytest.fixture(scope="module")
def bases(tmp_path_factory: pytest.TempPathFactory, data: ImageQuestions) -> dict[str, BaseModel]:
    """A BLIP-2 and an Idefics of their genuine classes, with random weights."""
    found = {}
    for kind in KINDS:
        folder = tmp_path_factory.mktemp(kind)
        sizes = NewBase(kind, 32, 1, 4, 300, 128, side=16, patch=8, vectors=2)
        write_new_base(sizes, [*data.train.questions, *data.train.answers], folder)
        found[kind] = recorded(folder)
    folder = tmp_path_factory.mktemp("opt")
    with_opt(found["blip-2"].folder, folder)
    found["opt"] = recorded(folder)
    return found


def with_opt(made: Path, folder: Path) -> None:
    """Write a BLIP-2 whose language model is an OPT, as those that are published."""
    config = Blip2Config.from_pretrained(made)
    sizes = {"hidden_size": 32, "ffn_dim": 64, "num_hidden_layers": 2, "num_attention_heads": 4}
    text = {**sizes, "word_embed_proj_dim": 32, "vocab_size": 300, "max_position_embeddings": 128}
    parts = {name: getattr(config, name) for name in ("vision_config", "qformer_config")}
    Blip2ForConditionalGeneration(
        Blip2Config(**parts, text_config={"model_type": "opt", **text}, num_query_tokens=2)
    ).save_pretrained(folder)
    for name in ("tokenizer.json", "tokenizer_config.json"):
        (folder / name).write_bytes((made / name).read_bytes())


def recorded(folder: Path) -> BaseModel:
    record_base(folder, name=folder.name, source="tests", licence="Apache-2.0")
    return read_base(folder)


def built(base: BaseModel, data: ImageQuestions, **changed: Any) -> TunedVisionLanguage:
    torch.manual_seed(3)
    return answering.build(settings(**{"way": "lora", "rank": 4, **changed}), data, base)


def rows_of(network: TunedVisionLanguage, part: ImageQuestionPart) -> ChatRows:
    encoded = encode_questions(network.questions, part, network.settings, network.end, "train")
    return ChatRows(encoded, network.end)


def features(network: TunedVisionLanguage, part: ImageQuestionPart) -> torch.Tensor:
    paths = [*dict.fromkeys(part.paths)]
    seen = picture_features(network, PictureReader(paths, network.side), len(paths))
    return seen[picture_numbers(part.paths)]


@pytest.mark.parametrize("kind", [*KINDS, "opt"])
def test_losses_should_be_those_of_transformers(
    kind: str, bases: dict[str, BaseModel], data: ImageQuestions
) -> None:
    """Of whole rows and pixels, by the forward pass of the genuine class."""
    network = built(bases[kind], data, way="full").eval()
    part = ImageQuestionPart(*(each[:1] for each in _fields(data.train)))
    rows = rows_of(network, part)
    length, answer = rows.sizes[0], int(rows.weights[0].sum())
    labels = rows.tokens.clone()
    labels[:, : length - answer] = -100
    pixels = PictureReader(part.paths, 16).pixels([0])
    mean, std = (torch.tensor(each).view(1, 3, 1, 1) for each in pixel_range(bases[kind]))
    given = (torch.from_numpy(pixels).permute(0, 3, 1, 2) / 255 - mean) / std
    with torch.no_grad():
        losses = network(features(network, part), rows.tokens, rows.places)
        if kind != "idefics":
            plain = network.network
            before = torch.zeros(1, network.body.vectors, dtype=torch.long)
            ids = torch.cat([before, rows.tokens], 1)
            plain.config.image_token_index = 0
            logits = plain(pixel_values=given, input_ids=ids).logits[:, network.body.vectors :]
        else:
            seen = torch.ones(1, length, 1)
            seen[:, 0] = 0  # the mark before the picture's own
            logits = network.network(
                input_ids=rows.tokens, pixel_values=given[:, None], image_attention_mask=seen
            ).logits
    theirs = torch.nn.functional.cross_entropy(logits[0, :-1], labels[0, 1:], reduction="none")
    torch.testing.assert_close(losses.sum(), theirs.sum(), atol=1e-4, rtol=1e-4)


def _fields(part: ImageQuestionPart) -> tuple[Any, ...]:
    return part.paths, part.questions, part.answers, part.groups


@pytest.mark.parametrize("kind", KINDS)
def test_lora_should_learn_answers_and_leave_what_sees(
    kind: str, bases: dict[str, BaseModel], data: ImageQuestions
) -> None:
    network = built(bases[kind], data)
    before = {name: each.clone() for name, each in network.named_parameters()}
    rows = rows_of(network, data.train)
    learned = [each for each in network.parameters() if each.requires_grad]
    optimiser = torch.optim.AdamW(learned, 0.01)
    losses = []
    for _ in range(12):
        seen = network.see(_pixels(network, data.train))
        told = network(seen[picture_numbers(data.train.paths)], rows.tokens, rows.places)
        loss = (told * rows.weights).sum() / rows.weights.sum()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    assert losses[-1] < losses[0] - 0.2  # the head stays, and is of noise
    moved = {name for name, each in network.named_parameters() if not each.equal(before[name])}
    tower = {id(each) for each in network.body.tower.parameters()}
    assert moved
    assert not any(id(dict(network.named_parameters())[name]) in tower for name in moved)
    assert all("lora" in name for name in moved if f".{network.body.language}" in f".{name}")
    connected = {id(each) for part in network.body.connectors for each in _weights(part)}
    assert connected & {id(dict(network.named_parameters())[name]) for name in moved}
    network.eval()
    merged, given = network.merged(), features(network, data.test)[:2]
    tokens = torch.tensor([network.questions.question_ids("which colour?")] * 2)
    with torch.no_grad():
        torch.testing.assert_close(
            merged.last(given, tokens), network.last(given, tokens), atol=1e-4, rtol=1e-4
        )
    assert not any("lora" in name for name, _ in merged.named_parameters())


def _weights(part: torch.nn.Module | torch.nn.Parameter) -> list[torch.nn.Parameter]:
    return [part] if isinstance(part, torch.nn.Parameter) else [*part.parameters()]


def _pixels(network: TunedVisionLanguage, part: ImageQuestionPart) -> torch.Tensor:
    paths = [*dict.fromkeys(part.paths)]
    pixels = PictureReader(paths, network.side).pixels(range(len(paths)))
    return torch.from_numpy(pixels).permute(0, 3, 1, 2) * (2 / 255) - 1


def test_a_model_that_ignores_the_picture_should_be_refused(
    bases: dict[str, BaseModel], data: ImageQuestions
) -> None:
    """Its connector gives the same for every picture, so that it answers by the words alone."""
    network = built(bases["blip-2"], data).eval()
    with torch.no_grad():
        network.network.language_projection.weight.zero_()
    found = evaluate(network, data, settings(way="lora"))
    assert found.numbers["gain_over_blind"] == found.numbers["gain_over_blind_low"] == 0
    gates = recipe.load("visual_question_answering").own_gates
    problems = missed_gates(gates, found.numbers, found.unknown)
    assert any(each.startswith("gain_over_blind_low is 0") for each in problems)


def shown(count: int = 40) -> ImageQuestionPart:
    return ImageQuestionPart(
        [Path(f"{number}.png") for number in range(count)],
        ["which colour?"] * count,
        [list(COLOURS)[number % 3] for number in range(count)],
        np.arange(count),
    )


def problems_of(texts: list[str], blind: list[str], count: int = 40) -> list[str]:
    part = shown(count)
    majority = {"majority": ["red"] * count}
    numbers, unknown, _ = judged_answers(part, texts, blind, majority)
    return missed_gates(recipe.load("visual_question_answering").own_gates, numbers, unknown)


def test_own_gates_should_pass_what_sees_and_refuse_what_guesses() -> None:
    right, turned = [*shown().answers], ["blue"] * 40
    assert problems_of(right, turned) == []
    always_red = ["red"] * 40
    assert len(problems_of(always_red, always_red)) == 2
    assert len(problems_of(right, right)) == 1  # told without a look, such as by a leak in words
    few = problems_of(right[:5], turned[:5], 5)
    assert all("an interval takes 6" in each for each in few)


def test_the_commonest_answer_should_be_that_of_the_question() -> None:
    asked = ["What is it?", "what  is it?", "what is it?", "how many?"]
    told = majority_answers(asked, ["a cat", "a cat", "a dog", "two"], ["WHAT is it?", "why?"])
    assert told == ["a cat", "a cat"]


def test_another_picture_should_never_be_the_same() -> None:
    paths = [Path(f"{number // 2}.png") for number in range(20)]
    own, other = picture_numbers(paths), other_pictures(paths)
    assert (own != other).all()
    assert set(other.tolist()) == set(own.tolist())


def test_a_batch_should_have_the_rows_of_few_pictures_and_every_row_once() -> None:
    pictures = torch.arange(60) // 5
    rows = [torch.arange(60), pictures]
    batches = PictureBatches(pictures, rows, settings(batch=10), ProcessGroup())
    drawn = [batches.at(number) for number in range(1, 7)]
    assert all(len(seen.unique()) == 2 for _, seen in drawn)
    assert torch.cat([each for each, _ in drawn]).sort().values.equal(torch.arange(60))
    assert not batches.at(7)[0].equal(drawn[0][0])
    assert batches.at(1)[0].equal(drawn[0][0])


@pytest.mark.parametrize(
    ("question", "answer", "changed", "said"),
    [
        ("why? " * 40, "red", {}, r"train.jsonl, line 2: the question makes .* max_tokens is 64"),
        ("why?", "red " * 9, {}, r"line 2: the answer makes .* max_answer_tokens is 8"),
        ("why?", "red", {"max_tokens": 200}, r"reads 126 tokens beside a picture.*are 208"),
    ],
)
def test_a_row_that_does_not_fit_should_be_named(
    question: str,
    answer: str,
    changed: dict[str, Any],
    said: str,
    bases: dict[str, BaseModel],
    data: ImageQuestions,
) -> None:
    part = data.train
    wrong = ImageQuestionPart(
        part.paths[:2], [part.questions[0], question], [part.answers[0], answer], part.groups[:2]
    )
    with pytest.raises(BadData, match=said):
        answering.check(settings(**changed), replace(data, train=wrong), bases["blip-2"])


@pytest.mark.parametrize(
    ("kind", "change", "said"),
    [
        (
            "blip-2",
            {"text_config": {"model_type": "t5", "vocab_size": 300}},
            "writes by 't5', and .* one of opt, llama",
        ),
        ("blip-2", {"model_type": "clip"}, "needs a model that writes about a picture"),
        ("idefics", {"vision_config": {}}, "lacks vision_config.image_size"),
        ("idefics", {"vocab_size": 20}, "it is not the tokenizer of this base"),
    ],
)
def test_a_base_that_does_not_fit_should_be_refused(
    kind: str,
    change: dict[str, Any],
    said: str,
    bases: dict[str, BaseModel],
    data: ImageQuestions,
    tmp_path: Path,
) -> None:
    for path in bases[kind].folder.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    config = json.loads((tmp_path / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps({**config, **change}))
    with pytest.raises(BadData, match=said):
        answering.check(settings(), data, recorded(tmp_path))


@pytest.mark.parametrize("kind", KINDS)
def test_should_train_finish_and_serve_what_the_network_says(
    kind: str, bases: dict[str, BaseModel], channel: Path, data: ImageQuestions, laid: Laid
) -> None:
    channels = {"training": channel, CHANNEL: bases[kind].folder}
    asked = {"recipe": "visual_question_answering", "preset": "smoke", "way": "lora", "rank": 4}
    job = laid({**asked, "batch": 8, "learning_rate": 0.01}, channels, "train")
    runner.run_job(job, {}, lambda _: None)
    finish = laid({"task": "finish"}, {**channels, "model": job.model}, "finish")
    runner.run_job(finish, {}, lambda _: None)
    exported = ExportedModel.read(
        lambda name: (finish.model / name).read_bytes(), sha256_of_file(finish.model / FILE)
    )
    served = open_image_text_model(exported)
    _, network = restore_network(read_training(job.model, job.model), data, bases[kind])
    assert isinstance(network, TunedVisionLanguage)
    part = data.test
    prompts = [network.questions.question_ids(each) for each in part.questions]
    wanted = write_answers(network, features(network, part), prompts, 5)
    told = [
        served.answer(ImageQuestion(path.read_bytes(), question, max_tokens=5))
        for path, question in zip(part.paths, part.questions, strict=True)
    ]
    assert [each.text for each in told] == wanted
    assert told[0].tokens_in == network.body.vectors + len(prompts[0])
    picture = part.paths[0].read_bytes()
    for wrong, said in (
        (ImageQuestion(picture, ""), "answers a question about the picture"),
        (ImageQuestion(picture, "why? " * 90), "takes 71 so that one may follow"),
        (ImageQuestion(picture, "a", (ImageExample(picture, "b"),)), "looks at 1 picture"),
        (ImageQuestion(b"no", "a"), "no picture"),
    ):
        with pytest.raises(Exception, match=said) as raised:
            served.answer(wrong)
        assert isinstance(raised.value, InvalidInput) or "no picture" in said


def test_a_question_should_never_become_a_mark(
    bases: dict[str, BaseModel], data: ImageQuestions
) -> None:
    network = built(bases["idefics"], data)
    mark = network.tokenizer.tokenizer.token_to_id("<image>")
    ids = network.questions.question_ids("is <image> here?")
    assert [each == mark for each in ids].count(True) == 1
