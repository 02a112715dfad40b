"""The reward model: its pairs, its loss, where it reads a score, and a server without torch."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.contracts.model_manifest import Signature
from models.data import review_pairs as pairs
from models.datasets import preferences
from models.evaluation.calibration import calibration_error, temperature
from models.evaluation.intervals import wilson_lower_bound
from models.evaluation.sentiment import BAD, GOOD, judge_review
from models.failures import BadData
from models.jobs import runner
from models.networks.preference_losses import bradley_terry
from models.networks.rollouts import completion_rows
from models.recipes.reward_model.recipe import CODE
from models.reference import losses
from models.training import artefacts, recipe
from tests.training.conftest import PROJECT, Channel, Laid, Smoke, signature_of

SCORING = """
import json, sys
import numpy as np, onnxruntime
from tokenizers import Tokenizer
folder = sys.argv[1]
tokenizer = Tokenizer.from_file(f"{folder}/tokenizer.json")
rows = [tokenizer.encode(text).ids for text in sys.argv[2:]]
wide = max(map(len, rows))
tokens = np.array([row + [0] * (wide - len(row)) for row in rows], np.int64)
mask = np.array([[1] * len(row) + [0] * (wide - len(row)) for row in rows], np.int64)
session = onnxruntime.InferenceSession(f"{folder}/scorer.onnx")
scores = session.run(["score"], {"tokens": tokens, "mask": mask})[0]
print(json.dumps({"scores": scores.tolist(), "torch": "torch" in sys.modules}))
"""


def test_the_loss_should_be_the_cross_entropy_of_which_text_is_liked() -> None:
    chosen, rejected = np.array([2.0, -1.0, 0.5]), np.array([0.0, 1.5, 0.5])
    wanted = losses.cross_entropy(np.stack([chosen, rejected], axis=1), np.zeros(3, np.int64))
    told = bradley_terry(torch.from_numpy(chosen), torch.from_numpy(rejected))
    assert float(told) == pytest.approx(wanted)


def test_a_server_without_torch_should_score_as_the_network_does(
    smoke: Smoke, channel: Channel
) -> None:
    folder = smoke("reward_model") / "finish" / "model"
    prompt, said = "the food was", ["very warm .", "rude and the bed was not kind ."]
    texts = [*(f"{prompt} {each} <end>" for each in said), f"{prompt} very warm ."]
    done = subprocess.run(
        [sys.executable, "-c", SCORING, str(folder), *texts],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert not told["torch"]
    found = artefacts.read_training(folder, folder / "unused")
    settings = CODE.parameters.model_validate(found.training.settings)
    network = CODE.network(settings)
    network.load_state_dict(dict(found.weights))
    vocabulary = pairs.read(channel("preferences")).vocabulary
    rows = completion_rows(vocabulary, [(prompt, each) for each in said], settings.context)
    wanted = network(rows.ids, rows.mask).detach().numpy()
    assert np.abs(np.array(told["scores"][:2]) - wanted).max() <= 1e-4
    # The same words without their end are worth what is set for that, and nothing else.
    assert told["scores"][2] == settings.unended == signature_of(folder)["constants"]["unended"]
    assert set(Signature.model_validate(signature_of(folder)).files) == {"tokenizer.json"}


def test_what_follows_the_end_should_not_change_a_score(smoke: Smoke) -> None:
    found = artefacts.read_training(smoke("reward_model") / "train" / "model", Path("unused"))
    network = CODE.network(CODE.parameters.model_validate(found.training.settings))
    network.load_state_dict(dict(found.weights))
    tokens, mask = torch.tensor([[5, 6, 7, 1, 0, 0]]), torch.tensor([[1, 1, 1, 1, 0, 0]])
    other = torch.tensor([[5, 6, 7, 1, 9, 9]])
    with torch.no_grad():
        assert torch.equal(network(tokens, mask), network(other, mask))
        assert torch.allclose(network(tokens, mask), network(tokens[:, :4], mask[:, :4]), atol=1e-6)


def test_the_body_should_begin_as_the_policy_is(smoke: Smoke) -> None:
    policy = artefacts.read_training(smoke("policy") / "finish" / "model", Path("unused"))
    settings = recipe.resolve(recipe.load("reward_model"), "smoke")
    network = CODE.network(CODE.parameters.model_validate(settings.model_dump()))
    assert CODE.begin is not None
    CODE.begin(network, {"policy": policy})
    state = network.state_dict()
    for name, weights in policy.weights.items():
        if name.startswith("model."):
            assert torch.equal(state[f"body.{name.removeprefix('model.')}"], weights)


def test_a_policy_of_another_size_should_be_told(
    smoke: Smoke, channel: Channel, laid: Laid
) -> None:
    asked = {"recipe": "reward_model", "preset": "smoke", "width": 32}
    base = smoke("policy") / "finish" / "model"
    job = laid(asked, {"training": channel("preferences"), "policy": base})
    with pytest.raises(BadData, match="have to be those that the base was trained with"):
        runner.run_job(job, {}, lambda _: None)


@pytest.mark.parametrize(
    ("file", "row", "told"),
    [
        ("pairs-train.jsonl", {"prompt": "the bed was", "chosen": "good ."}, "line 2: rejected"),
        (
            "pairs-test.jsonl",
            {"prompt": "the bed was", "chosen": "good .", "rejected": "good ."},
            "chosen and rejected are the same",
        ),
        ("reviews-train.jsonl", {"prompt": "", "completion": "good ."}, "line 2: prompt"),
        ("reviews-test.jsonl", {"prompt": "a", "completion": "b", "stars": 5}, "line 2: stars"),
    ],
)
def test_a_broken_row_should_be_told(
    file: str, row: dict[str, str], told: str, channel: Channel, tmp_path: Path
) -> None:
    for path in channel("preferences").iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    first = (tmp_path / file).read_text().splitlines()[0]
    (tmp_path / file).write_text(f"{first}\n{json.dumps(row)}\n")
    with pytest.raises(BadData, match=told):
        pairs.read(tmp_path)


def test_a_channel_without_tokenizer_should_be_told(tmp_path: Path) -> None:
    with pytest.raises(BadData, match=r"tokenizer\.json"):
        pairs.read(tmp_path)


def test_a_word_without_token_and_a_row_that_is_too_long_should_be_told(channel: Channel) -> None:
    vocabulary = pairs.read(channel("preferences")).vocabulary
    with pytest.raises(BadData, match=r"Row 2, 'the food was' 'splendid \.': 'splendid' is not in"):
        pairs.token_rows(
            vocabulary, [("the food was", "good ."), ("the food was", "splendid .")], 24
        )
    with pytest.raises(BadData, match="Row 1 has 6 tokens and length is 5"):
        pairs.token_rows(vocabulary, [("the food was", "good .")], 5)


def test_rows_should_be_prompt_completion_and_end(channel: Channel) -> None:
    vocabulary = pairs.read(channel("preferences")).vocabulary
    found = pairs.token_rows(vocabulary, [("the food was", "good ."), ("our bed was", "")], 8)
    assert found.ids[0, 5:].tolist() == [1, 0, 0]
    assert found.sizes.tolist() == [6, 3]
    assert found.begun.tolist() == [3, 3]
    assert vocabulary.text(found.ids[0, :6].tolist()) == "the food was good ."


def test_the_data_should_be_the_same_bytes_and_keep_prompts_apart(
    channel: Channel, tmp_path: Path
) -> None:
    preferences.prepare(tmp_path)
    for path in channel("preferences").iterdir():
        assert (tmp_path / path.name).read_bytes() == path.read_bytes()
    data = pairs.read(tmp_path)
    trained = {each.prompt for each in data.train_pairs}
    held_out = {each.prompt for each in data.test_pairs}
    assert {each.prompt for each in data.train_reviews} == trained
    assert {each.prompt for each in data.test_reviews} == held_out
    assert len(trained) == 40
    assert len(held_out) == 10
    assert not trained & held_out
    known, new = (
        {text for each in part for text in (each.chosen, each.rejected)}
        for part in (data.train_pairs, data.test_pairs)
    )
    known |= {each.completion for each in data.train_reviews}
    new |= {each.completion for each in data.test_reviews}
    assert not known & new


def test_raters_should_like_what_the_judge_ranks_higher_but_for_their_errors(
    channel: Channel,
) -> None:
    data = pairs.read(channel("preferences"))
    ranks = []
    for each in data.test_pairs:
        chosen, rejected = judge_review(each.chosen, True), judge_review(each.rejected, True)
        higher = (chosen.formed, chosen.valence > 0, chosen.valence >= 0)
        ranks.append(higher > (rejected.formed, rejected.valence > 0, rejected.valence >= 0))
    assert 0.95 < np.mean(ranks) < 1


def test_the_judge_should_know_every_word_that_has_a_worth() -> None:
    assert set(preferences.GOOD) <= GOOD
    assert set(preferences.BAD) <= BAD
    assert not GOOD & BAD


@pytest.mark.parametrize(
    ("text", "valence", "formed"),
    [
        ("good .", 1, True),
        ("not very bad .", 1, False),
        ("not bad and the room was really warm .", 2, True),
        ("kind and the bed was dirty .", 0, True),
        ("good good good .", 3, False),
        ("warm and the bed was warm and the food was warm .", 3, False),
        ("kind and the", 1, False),
        ("the .", 0, False),
        ("", 0, False),
    ],
)
def test_the_judge_should_count_words_and_turn_them(text: str, valence: int, formed: bool) -> None:
    verdict = judge_review(text, ended=True)
    assert (verdict.valence, verdict.formed) == (valence, formed)
    assert verdict.positive == (valence > 0)
    assert not judge_review(text, ended=False).positive


@given(st.text(max_size=80))
def test_the_judge_should_take_any_text(text: str) -> None:
    assert abs(judge_review(text, ended=True).valence) <= len(text.split())


def test_wilsons_interval_should_be_the_published_one() -> None:
    # R. G. Newcombe, Statistics in Medicine 17, 1998, table I: 81 of 263.
    assert wilson_lower_bound(81, 263) == pytest.approx(0.2553, abs=5e-5)


def test_a_temperature_should_mend_confidence_that_was_multiplied() -> None:
    chance = np.random.default_rng(0)
    honest = chance.normal(size=(4000, 1)) * np.array([[2.0, 0.0]])
    right = (chance.random(4000) > losses.calibrated(honest, 1.0)[:, 0]).astype(np.int64)
    loud = honest * 3
    heat = temperature(loud, right)
    assert heat == pytest.approx(3, rel=0.1)
    assert calibration_error(loud, right) > 0.1
    assert calibration_error(loud / heat, right) < 0.03
