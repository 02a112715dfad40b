"""BLIP-2: its three losses, who sees whom, what stays frozen, and a server without torch."""

from __future__ import annotations

import json
import subprocess
import sys
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from models.data import questions
from models.data.questions import PictureDescription, Questions, QuestionSplit
from models.data.words import BEGIN, END, PAD, WholeWordTokenizer
from models.failures import BadData, BadRecipe
from models.jobs import runner
from models.networks.picture_variants import PLAIN, RECOLOURED, SCATTERED
from models.networks.question_rows import (
    answer_labels,
    answer_tokens,
    cross_entropy,
    decoding_prompts,
    draw_questions,
    question_rows,
)
from models.recipes.blip2.loss import (
    LostWords,
    contrastive_loss,
    generation_loss,
    hard_negatives,
)
from models.recipes.blip2.network import Blip2Captioner
from models.recipes.blip2.parameters import Parameters
from models.recipes.blip2.recipe import names_both, unasked_words, write_texts
from models.reference import losses
from models.training import recipe
from models.training.job import TrainingJob
from tests.training.conftest import PROJECT, Channel, Laid, Smoke, weights_of

ASKED = {"recipe": "blip2", "preset": "smoke"}
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
[queries] = graphs["vision"].run(["queries"], {"image": image})
def say(read, question):
    tokens = [*words.encode(question).ids, constants["begin"]]
    begun = len(tokens)
    while len(tokens) < int(sys.argv[3]) + begun:
        fed = {"queries": read[None], "tokens": np.array([tokens])}
        [logits] = graphs["decoder"].run(["logits"], fed)
        tokens.append(int(logits[0].argmax()))
        if tokens[-1] == constants["end"]:
            break
    return tokens[begun:]
told = {text: [say(read, text) for read in queries] for text in ("", "which colour ?")}
print(json.dumps({"told": told, "torch": "torch" in sys.modules}))
"""


@pytest.fixture(scope="module")
def data(channel: Channel) -> Questions:
    return questions.read(channel("shape_questions"))


def settings() -> Parameters:
    return Parameters.model_validate(recipe.resolve(recipe.load("blip2"), "smoke").model_dump())


@pytest.fixture(scope="module")
def trained(smoke: Smoke) -> Blip2Captioner:
    network = Blip2Captioner(settings())
    held = weights_of(smoke("blip2") / "train" / "model" / "weights.safetensors")
    network.load_state_dict({name: torch.from_numpy(each) for name, each in held.items()})
    network.eval()
    return network


def test_the_contrast_should_be_that_of_the_reference_where_all_captions_differ() -> None:
    chance = np.random.default_rng(1)
    some, others = (chance.standard_normal((6, 5)) for _ in range(2))
    ours, theirs = (
        torch.nn.functional.normalize(torch.from_numpy(each)) for each in (some, others)
    )
    told = contrastive_loss(ours @ theirs.T / 0.07, torch.eye(6, dtype=torch.bool))
    assert float(told) == pytest.approx(losses.info_nce(some, others, 0.07), rel=1e-9)


def test_captions_that_are_alike_should_share_what_is_right() -> None:
    same = torch.tensor([[1, 1, 0], [1, 1, 0], [0, 0, 1]], dtype=torch.bool)
    sure = torch.where(same, 50.0, 0.0)
    assert float(contrastive_loss(sure, same)) == pytest.approx(2 / 3 * np.log(2), rel=1e-6)


@given(st.lists(st.integers(0, 3), min_size=2, max_size=12))
def test_a_hard_negative_should_be_of_another_caption(captions: list[int]) -> None:
    told = torch.tensor(captions)
    same = told[:, None] == told[None]
    similar = 20 * torch.rand(same.shape)
    found = hard_negatives(similar, same)
    assert ((told[found] != told) | same.all(1)).all()


def test_the_likeliest_negative_should_be_taken_most_often() -> None:
    similar = torch.zeros(4, 4)
    similar[:, 2] = 6.0
    drawn = torch.stack(
        [hard_negatives(similar, torch.eye(4, dtype=torch.bool)) for _ in range(50)]
    )
    assert (drawn[:, [0, 1, 3]] == 2).float().mean() > 0.9


def test_the_loss_of_words_should_be_the_references_over_answers_alone() -> None:
    tokens = torch.tensor([[9, BEGIN, 12, END], [BEGIN, 11, END, PAD]])
    logits = torch.randn(2, 4, 16, dtype=torch.float64)
    at = [(0, 1, 12), (0, 2, END), (1, 0, 11), (1, 1, END)]
    wanted = losses.cross_entropy(
        np.stack([logits[row, place].numpy() for row, place, _ in at]),
        np.array([token for *_, token in at]),
    )
    assert float(cross_entropy(logits, answer_labels(tokens))) == pytest.approx(wanted, rel=1e-9)


@pytest.mark.parametrize("variant", [PLAIN, RECOLOURED, SCATTERED])
def test_a_variant_of_a_picture_should_be_asked_for_all_but_what_it_lost(
    trained: Blip2Captioner, data: Questions, variant: int
) -> None:
    words = WholeWordTokenizer.of(data, settings().vocabulary)
    names = {PLAIN: (), RECOLOURED: ("colour",), SCATTERED: ("shape", "size")}[variant]
    lost = [words.ids(value)[0] for name in names for value in data.values(name)]
    unasked = unasked_words(settings(), data, words)
    assert unasked[variant].nonzero().flatten().tolist() == sorted(lost)
    told = question_rows(words, data.train, data.attributes)[:16]
    right = torch.randn(16, settings().image_tokens, settings().image_width)
    shown = torch.full((16, 3, *right.shape[1:]), torch.nan)
    shown[:, variant] = right
    shares = float(variant == RECOLOURED), float(variant == SCATTERED)
    with torch.no_grad():
        torch.manual_seed(4)
        found = generation_loss(LostWords(unasked, *shares))(trained, [shown, told], 1)["loss"]
        torch.manual_seed(4)
        rows = draw_questions(told)
        logits = trained.language.after(trained.project(right), rows).double().numpy()
    begun = (rows == BEGIN).int().argmax(1).tolist()
    at = [
        (row, place, int(rows[row, place]))
        for row, start in enumerate(begun)
        for place in range(start + 1, rows.shape[1])
        if rows[row, place] != PAD
    ]
    asks = [each for each in at if each[2] not in lost]
    assert (len(asks) < len(at)) == bool(names)
    wanted = losses.cross_entropy(
        np.stack([logits[row, place - 1] for row, place, _ in asks]),
        np.array([token for *_, token in asks]),
    )
    assert float(found) == pytest.approx(wanted, rel=1e-5)


def test_a_word_should_see_the_picture_and_the_words_before_it_alone(data: Questions) -> None:
    network = Blip2Captioner(settings()).eval()
    captions = decoding_prompts(
        question_rows(WholeWordTokenizer.of(data, 48), data.train, data.attributes)[:3, 0]
    )
    features = torch.randn(3, settings().image_tokens, settings().image_width)
    other = captions.clone()
    other[:, 4] = 20
    with torch.no_grad():
        one, two = (network.qformer.write(features, each) for each in (captions, other))
        elsewhere = network.qformer.write(features.flip(0), captions)
    assert torch.allclose(one[:, :4], two[:, :4], atol=1e-6)
    assert (one[:, 4:] - two[:, 4:]).abs().max() > 1e-4
    assert (one[0] - elsewhere[0]).abs().max() > 1e-5


def test_a_caption_should_be_compared_without_a_look_at_the_picture(data: Questions) -> None:
    network = Blip2Captioner(settings()).eval()
    captions = question_rows(WholeWordTokenizer.of(data, 48), data.train, data.attributes)[:3, 0]
    features = torch.randn(2, settings().image_tokens, settings().image_width)
    with torch.no_grad():
        alone = network.qformer.similarities(network.qformer.see(features[:1]), captions)
        both = network.qformer.similarities(network.qformer.see(features), captions)
    assert alone.shape == (1, 3)
    assert both.shape == (2, 3)
    assert torch.allclose(alone[0], both[0], atol=1e-5)


def test_frozen_networks_should_stay_what_they_were(smoke: Smoke) -> None:
    held = weights_of(smoke("blip2") / "train" / "model" / "weights.safetensors")
    for base, prefix, theirs in (
        ("shape_vision", "", "vision."),
        ("shape_language", "language.", ""),
    ):
        weights = weights_of(smoke(base) / "train" / "model" / "weights.safetensors")
        kept = {name: each for name, each in weights.items() if name.startswith(theirs)}
        assert kept
        for name, each in kept.items():
            assert (held[f"{prefix}{name}"] == each).all(), name


def test_a_server_without_torch_should_say_what_the_network_says(
    smoke: Smoke, trained: Blip2Captioner, data: Questions, tmp_path: Path
) -> None:
    pictures = data.test.pictures[:4]
    np.save(tmp_path / "pictures.npy", pictures)
    folder = smoke("blip2") / "finish" / "model"
    done = subprocess.run(
        [sys.executable, "-c", SERVING, str(folder), str(tmp_path / "pictures.npy"), "11"],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    told: dict[str, Any] = json.loads(done.stdout)
    assert not told["torch"]
    words = WholeWordTokenizer.of(data, 48)
    with torch.no_grad():
        seen = trained.see(
            torch.from_numpy(QuestionSplit(pictures, data.test.described[:4]).scaled())
        )
        for question, written in told["told"].items():
            wanted = write_texts(trained, words, seen, question, 11)
            assert [words.text(each) for each in written] == wanted


def test_a_caption_should_name_the_right_answers_and_no_other(data: Questions) -> None:
    wanted = PictureDescription(
        caption="a large red star on a white background",
        answers={"colour": "red", "shape": "star", "size": "large", "background": "white"},
    )
    captions = ["a small red star", "a red blue star", "a red", "a blue star", "star red"]
    told = names_both(captions, [wanted] * 5, data, ("colour", "shape"))
    assert told == [True, False, False, False, True]


def test_held_out_pairs_should_not_be_trained_on(data: Questions) -> None:
    pairs = [
        {(each.answers["colour"], each.answers["shape"]) for each in part.described}
        for part in (data.train, data.test)
    ]
    assert [len(each) for each in pairs] == [30, 6]
    assert not pairs[0] & pairs[1]


def test_a_language_model_of_other_words_should_be_refused(
    smoke: Smoke, laid: Laid, data: Questions, tmp_path: Path
) -> None:
    other = [
        PictureDescription(caption=f"{each.caption} again", answers=each.answers)
        for each in data.train.described[:40]
    ]
    few = QuestionSplit(data.train.pictures[:40], other)
    questions.write(tmp_path / "other", few, few)
    with pytest.raises(BadData, match="other words than the channel has"):
        runner.run_job(_job(smoke, laid, tmp_path / "other"), {}, lambda _: None)


def test_a_tower_of_another_width_should_be_refused(
    smoke: Smoke, laid: Laid, channel: Channel
) -> None:
    job = _job(smoke, laid, channel("shape_questions"), image_width=64)
    with pytest.raises(BadData, match="settings have to be those that the base was trained with"):
        runner.run_job(job, {}, lambda _: None)


def _job(smoke: Smoke, laid: Laid, training: Path, **asked: Any) -> TrainingJob:
    bases = recipe.load("blip2").bases
    channels = {key: smoke(name) / "finish" / "model" for key, name in bases.items()}
    return laid({**ASKED, **asked}, {"training": training, **channels})


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"first_stage": 40}, "first_stage is 40 and has to be below steps, 40"),
        ({"query_width": 30}, "query_width is 30 and has to be a multiple of query_heads"),
        ({"image_width": 24, "image_heads": 7}, "image_width is 24"),
    ],
)
def test_settings_that_do_not_hold_together_should_be_refused(
    changed: dict[str, int], told: str
) -> None:
    with pytest.raises(BadRecipe, match=told):
        recipe.resolve(recipe.load("blip2"), "smoke", changed)


def test_questions_should_end_where_their_answers_do(data: Questions) -> None:
    words = WholeWordTokenizer.of(data, 48)
    rows, told = (
        make(words, data.train, data.attributes) for make in (question_rows, answer_tokens)
    )
    assert rows.shape[1] == 1 + told.shape[1]
    for kind, name in enumerate(data.attributes, 1):
        row = rows[5, kind].tolist()
        begun = row.index(BEGIN)
        assert words.text(row[:begun]) == f"which {name} ?"
        assert row[begun + 1 : begun + 3] == [told[5, kind - 1], END]
    assert words.text(rows[5, 0].tolist()) == data.train.described[5].caption
    assert all(
        later == PAD for token, later in pairwise(rows[5, 1].tolist()) if token in (PAD, END)
    )
