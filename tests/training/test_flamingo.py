"""Flamingo: gates that begin closed, who looks at which picture, and a server without torch."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from models.data import questions
from models.data.questions import Questions, QuestionSplit
from models.data.words import IMAGE, IS, NEXT, WholeWordTokenizer
from models.evaluation.intervals import above_chance
from models.failures import BadData
from models.jobs import runner
from models.networks.language import FrozenLanguageModel
from models.networks.picture_variants import PLAIN, RECOLOURED, SCATTERED
from models.networks.question_rows import (
    IGNORED,
    answer_associations,
    answer_rows,
    answer_tokens,
    cross_entropy,
    row_answer_labels,
)
from models.recipes.flamingo.network import Flamingo, draw_rows, foretold_answers
from models.recipes.flamingo.parameters import Parameters
from models.recipes.flamingo.recipe import answer_last, episodes, evaluate
from models.reference import losses
from models.training import artefacts, recipe
from models.training.artefacts import TrainedModel
from models.training.gates import missed_gates
from tests.training.conftest import PROJECT, Channel, Laid, Smoke, weights_of

SERVING = """
import json, sys
from pathlib import Path
import numpy as np, onnxruntime
from tokenizers import Tokenizer
folder = Path(sys.argv[1])
constants = json.loads((folder / "signature.json").read_text())["constants"]
words = Tokenizer.from_file(str(folder / "tokenizer.json"))
graphs = {name: onnxruntime.InferenceSession(str(folder / f"{name}.onnx"))
          for name in ("vision", "decoder")}
pixels = np.load(sys.argv[2]).astype(np.float32).transpose(0, 3, 1, 2) / 255
image = constants["lowest"] + pixels * (constants["highest"] - constants["lowest"])
[latents] = graphs["vision"].run(["latents"], {"image": image})
text = " ".join(f"<image> is {shown} ;" for shown in sys.argv[3:]) + " <image> is"
fed = {"latents": latents[None], "tokens": np.array([words.encode(text).ids])}
[logits] = graphs["decoder"].run(["logits"], fed)
told = {"logits": logits[0].tolist(), "torch": "torch" in sys.modules}
print(json.dumps(told))
"""


@pytest.fixture(scope="module")
def data(channel: Channel) -> Questions:
    return questions.read(channel("shape_questions"))


def settings(**changed: int) -> Parameters:
    found = recipe.resolve(recipe.load("flamingo"), "smoke", changed)
    return Parameters.model_validate(found.model_dump())


@pytest.fixture(scope="module")
def bases(smoke: Smoke) -> dict[str, TrainedModel]:
    found = recipe.load("flamingo").bases
    folders = {key: smoke(name) / "finish" / "model" for key, name in found.items()}
    return {key: artefacts.read_training(at, at / "unused") for key, at in folders.items()}


@pytest.fixture(scope="module")
def trained(smoke: Smoke) -> Flamingo:
    network = Flamingo(settings())
    held = weights_of(smoke("flamingo") / "train" / "model" / "weights.safetensors")
    network.load_state_dict({name: torch.from_numpy(each) for name, each in held.items()})
    network.eval()
    return network


def opened(network: Flamingo, by: float) -> None:
    with torch.no_grad():
        for look in network.looks:
            look.alpha_cross_attn.fill_(by)
            look.alpha_dense.fill_(by)


def interleaved(count: int = 3, pictures: int = 3) -> tuple[torch.Tensor, torch.Tensor]:
    told = torch.randint(NEXT + 1, 30, (count, pictures))
    shape = (count, pictures, settings().latents, settings().image_width)
    return torch.randn(shape), answer_rows(told)


@torch.no_grad()
def test_closed_gates_should_leave_the_language_model_as_it_is(
    bases: dict[str, TrainedModel],
) -> None:
    network = Flamingo(settings())
    network.begin(bases)
    language = FrozenLanguageModel(settings())
    language.load_state_dict(dict(bases["language"].weights))
    latents, tokens = interleaved()
    alone = language.decoder(input_ids=tokens, use_cache=False).logits
    assert network.gate == 0
    assert torch.equal(network.eval()(latents, tokens), alone)
    opened(network, 0.5)
    assert (network(latents, tokens) - alone).abs().max() > 1e-3


@torch.no_grad()
def test_a_token_should_look_at_no_picture_that_comes_later(bases: dict[str, TrainedModel]) -> None:
    network = Flamingo(settings()).eval()
    network.begin(bases)
    opened(network, 0.5)
    latents, tokens = interleaved()
    other = latents.clone()
    other[:, 1] = torch.randn_like(other[:, 1])
    one, two = network(latents, tokens), network(other, tokens)
    second = tokens[0].tolist().index(IMAGE, 1)
    assert torch.allclose(one[:, :second], two[:, :second], atol=1e-6)
    assert (one[:, second] - two[:, second]).abs().max() > 1e-3


@torch.no_grad()
def test_a_token_should_look_at_the_last_picture_alone(bases: dict[str, TrainedModel]) -> None:
    network = Flamingo(settings()).eval()
    network.begin(bases)
    opened(network, 0.5)
    look = network.looks[0]
    taken: list[torch.Tensor] = []
    look.register_forward_hook(lambda _module, _given, made: taken.append(made))
    latents, tokens = interleaved()
    other = latents.clone()
    other[:, 0] = torch.randn_like(other[:, 0])
    network(latents, tokens)
    network(other, tokens)
    second = tokens[0].tolist().index(IMAGE, 1)
    assert (taken[0][:, :second] - taken[1][:, :second]).abs().max() > 1e-3
    assert torch.allclose(taken[0][:, second:], taken[1][:, second:], atol=1e-6)


@torch.no_grad()
def test_a_text_before_any_picture_should_be_the_language_models(
    bases: dict[str, TrainedModel],
) -> None:
    network = Flamingo(settings()).eval()
    network.begin(bases)
    language = FrozenLanguageModel(settings())
    language.load_state_dict(dict(bases["language"].weights))
    for look in network.looks:
        look.alpha_cross_attn.fill_(0.5)
    tokens = torch.tensor([[9, 10, 11, IMAGE, IS]])
    latents = torch.randn(1, 1, settings().latents, settings().image_width)
    told = network(latents, tokens)
    alone = language.decoder(input_ids=tokens, use_cache=False).logits
    assert torch.allclose(told[:, :3], alone[:, :3], atol=1e-6)
    assert (told[:, 3:] - alone[:, 3:]).abs().max() > 1e-3


def test_what_other_answers_foretell_should_be_left_out_of_what_is_learned() -> None:
    pairs = [(first, second) for first in (10, 11, 12) for second in (20, 21, 22)]
    told = torch.tensor([pair for pair in pairs if pair != (10, 20)] * 50)
    found = answer_associations(told, 30)
    assert torch.equal(found, found.T)
    assert found[10, 20] == pytest.approx(-math.log(100 * 100 / 400 + 1))
    assert found[10, 21] == pytest.approx(math.log(51 / (100 * 150 / 400 + 1)))
    assert not found[10, [10, 11, 12, 5]].any()
    plain, recoloured, scattered = foretold_answers(
        torch.tensor([[10, 21]] * 3), torch.tensor([PLAIN, RECOLOURED, SCATTERED]), found
    )
    # With equal logits for all, the answers to `second` of 10 have the shares that they come with.
    assert plain[20:23].softmax(0).tolist() == pytest.approx([0.014, 0.493, 0.493], abs=0.001)
    assert torch.equal(recoloured, plain)
    assert not scattered.any()


def test_training_should_open_gates_and_leave_the_bases_as_they_are(
    trained: Flamingo, bases: dict[str, TrainedModel]
) -> None:
    assert trained.gate > 0
    held = trained.state_dict()
    for name, each in bases["vision"].weights.items():
        assert not name.startswith("vision.") or torch.equal(held[name], each), name
    for name, each in bases["language"].weights.items():
        kept = f"speaker.{name.removeprefix('decoder.')}" if name != "words" else name
        assert torch.equal(held[kept], each), name


@given(st.integers(2, 9), st.integers(1, 4), st.integers(1, 5))
def test_rows_should_be_of_one_attribute_and_end_with_their_own_picture(
    size: int, attributes: int, count: int
) -> None:
    told = torch.arange(size * attributes).reshape(size, attributes)
    variant = torch.arange(size) % 2
    askable = torch.ones(2, attributes)
    askable[1, 1:] = 0
    rows = draw_rows(told, count, variant, askable)
    pictures, given_answers = rows.pictures, rows.answers
    assert pictures.shape == given_answers.shape == (size, count)
    assert pictures[:, -1].tolist() == list(range(size))
    assert (given_answers // attributes == pictures).all()
    assert (given_answers % attributes == rows.attribute).all()
    assert (variant[pictures] == variant[:, None]).all()
    assert (rows.attribute[1::2] == 0).all()


def test_a_model_at_chance_in_one_attribute_should_miss_its_gate() -> None:
    gates = recipe.load("flamingo").gates
    wanted = np.repeat(np.arange(6), 67)
    sound = above_chance(np.ones(len(wanted)), wanted)
    guessing = above_chance((wanted == 0).astype(np.float64), wanted)
    assert guessing.accuracy == pytest.approx(1 / 6)
    assert guessing.low < 0
    names = ("background", "colour", "shape", "size")
    numbers = {"gain": 0.5, "gain_low": 0.5, "accuracy_2_shot": 0.8, "worst_known_accuracy": 1.0}
    for name in names:
        numbers |= sound.numbers(name)
    assert missed_gates(gates, numbers) == []
    for name in names:
        (missed,) = missed_gates(gates, numbers | guessing.numbers(name))
        assert missed.startswith(f"{name}_above_chance_low is -")
    # It answers what never came with the rest: every new pair, and no other.
    (missed,) = missed_gates(gates, numbers | {"worst_known_accuracy": 0.2})
    assert missed.startswith("worst_known_accuracy is 0.2")


def test_the_loss_should_be_the_references_over_answers_alone() -> None:
    told = torch.tensor([[9, 10], [11, 12]])
    tokens = answer_rows(told)
    assert tokens[0].tolist() == [IMAGE, IS, 9, NEXT, IMAGE, IS, 10, NEXT]
    labels = row_answer_labels(tokens)
    assert labels[labels != IGNORED].tolist() == [9, 10, 11, 12]
    logits = torch.randn(2, 8, 16, dtype=torch.float64)
    wanted = losses.cross_entropy(logits[:, [1, 5]].reshape(4, 16).numpy(), told.flatten().numpy())
    assert float(cross_entropy(logits, labels)) == pytest.approx(wanted, rel=1e-9)


def test_an_answer_should_be_asked_for_without_being_told(trained: Flamingo) -> None:
    told = torch.randint(NEXT + 1, 30, (6, 2))
    latents = torch.randn(6, settings().latents, settings().image_width)
    pictures = episodes(6, 2, seed=1)
    other = told.clone()
    other[3] = (other[3] - NEXT) % 20 + NEXT + 1
    with torch.no_grad():
        one, two = (answer_last(trained, latents, each, pictures[3:4]) for each in (told, other))
    assert 3 not in pictures[3, :-1].tolist()
    assert torch.equal(one, two)


def test_the_evaluation_should_be_of_every_count_of_shots(
    trained: Flamingo, data: Questions
) -> None:
    some = QuestionSplit(data.test.pictures[:20], data.test.described[:20])
    found = evaluate(trained, replace(data, train=some, test=some), settings())
    kinds = [found.numbers[f"{name}_accuracy"] for name in data.attributes]
    assert found.numbers["worst_known_accuracy"] == pytest.approx(min(kinds))
    shots = [found.numbers[f"accuracy_{count}_shot"] for count in range(3)]
    assert found.numbers["gain"] == pytest.approx(shots[2] - shots[0])
    assert shots[2] == pytest.approx(np.mean(kinds)) == found.scores["accuracy_2_shot"].mean()
    assert 0 < found.numbers["trainable_share"] < 1
    assert found.pictures["samples"].shape[2] == 3


def test_a_server_without_torch_should_answer_as_the_network_does(
    smoke: Smoke, trained: Flamingo, data: Questions, tmp_path: Path
) -> None:
    part = QuestionSplit(data.test.pictures[:3], data.test.described[:3])
    np.save(tmp_path / "pictures.npy", part.pictures)
    shown = [each.answers["colour"] for each in part.described]
    folder = smoke("flamingo") / "finish" / "model"
    done = subprocess.run(
        [sys.executable, "-c", SERVING, str(folder), str(tmp_path / "pictures.npy"), *shown[:2]],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    told: dict[str, Any] = json.loads(done.stdout)
    assert not told["torch"]
    colour = data.attributes.index("colour")
    given_answers = answer_tokens(WholeWordTokenizer.of(data, 48), part, data.attributes)[
        None, :, colour
    ]
    with torch.no_grad():
        latents = trained.see(torch.from_numpy(part.scaled()))[None]
        wanted = trained(latents, answer_rows(given_answers)[:, :-2])[0, -1].numpy()
    assert np.abs(np.array(told["logits"]) - wanted).max() <= 1e-4


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"layers": 2}, "language model lacks .*layers.1.* layers has to be what it was trained"),
        ({"width": 64}, "settings have to be those that the base was trained with"),
        ({"context": 8}, "longest row has 12 tokens and context is 8"),
        ({"vocabulary": 64}, "settings have to be those that the base was trained with"),
    ],
)
def test_settings_that_its_bases_do_not_have_should_be_refused(
    smoke: Smoke, laid: Laid, channel: Channel, changed: dict[str, int], told: str
) -> None:
    found = recipe.load("flamingo").bases
    channels = {key: smoke(name) / "finish" / "model" for key, name in found.items()}
    asked = {"recipe": "flamingo", "preset": "smoke", **changed}
    job = laid(asked, {"training": channel("shape_questions"), **channels})
    with pytest.raises(BadData, match=told):
        runner.run_job(job, {}, lambda _: None)
    assert not job.model.exists()
