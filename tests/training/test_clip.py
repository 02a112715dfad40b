"""Two towers: the loss, the captions, what is exported, and a server without torch."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from tokenizers import Tokenizer

from models.data import caption_tokens, captions
from models.data.captions import CaptionedImages
from models.datasets import shapes
from models.failures import BadData, BadRecipe
from models.jobs import runner
from models.networks import tower_training
from models.networks.settings import TowerSettings
from models.networks.towers import LEAST_TEMPERATURE, TwoTowers, contrastive_loss
from models.recipes.clip.recipe import CODE
from models.reference.losses import info_nce
from models.training import artefacts, recipe
from tests.training.conftest import PROJECT, Channel, Laid, Smoke, signature_of

SERVING = """
import json, sys
from pathlib import Path
import numpy as np, onnxruntime
from tokenizers import Tokenizer
folder = Path(sys.argv[1])
constants = json.loads((folder / "signature.json").read_text())["constants"]
reader = Tokenizer.from_file(str(folder / "tokenizer.json"))
def run(graph, **fed):
    session = onnxruntime.InferenceSession(str(folder / f"{graph}.onnx"))
    return session.run(["vector"], fed)[0]
def say(texts):
    read = reader.encode_batch(texts)
    ids, mask = ([getattr(each, part) for each in read] for part in ("ids", "attention_mask"))
    return run("text_tower", tokens=np.array(ids), mask=np.array(mask))
names = json.loads(sys.argv[3])
classes = sum(say([text.format(name) for name in names]) for text in constants["templates"])
classes /= np.linalg.norm(classes, axis=1, keepdims=True)
pixels = np.load(sys.argv[2]).astype(np.float32).transpose(0, 3, 1, 2) / 255
pixels = constants["lowest"] + pixels * (constants["highest"] - constants["lowest"])
images = run("image_tower", image=pixels)
logits = images @ classes.T / constants["temperature"]
shares = np.exp(logits - logits.max(axis=1, keepdims=True))
shares /= shares.sum(axis=1, keepdims=True)
told = {"images": images.tolist(), "classes": classes.tolist(), "shares": shares.tolist()}
print(json.dumps({**told, "torch": "torch" in sys.modules}))
"""
TOKENS = """
import sys, hashlib
from models.data import caption_tokens
tokenizer = caption_tokens.learn_tokenizer(sys.argv[1].split("|"), 90, 12)
print(hashlib.sha256(caption_tokens.tokenizer_file(tokenizer)).hexdigest())
"""
TEXTS = ["a red star", "a large red circle", "the starfish, reddish", "star star star"]


@pytest.fixture(scope="module")
def data(channel: Channel) -> CaptionedImages:
    return captions.read(channel("shapes"))


def settings() -> TowerSettings:
    return CODE.parameters.model_validate(recipe.resolve(recipe.load("clip"), "smoke").model_dump())


@pytest.mark.parametrize("temperature", [0.01, 0.07, 1.0])
def test_the_loss_should_be_that_of_the_reference(temperature: float) -> None:
    chance = np.random.default_rng(1)
    some, others = (chance.standard_normal((7, 5)) for _ in range(2))
    ours, theirs = (
        torch.nn.functional.normalize(torch.from_numpy(each)) for each in (some, others)
    )
    told = contrastive_loss(ours, theirs, 1 / temperature)
    assert float(told) == pytest.approx(info_nce(some, others, temperature), rel=1e-10)


def test_the_loss_should_know_which_pairs_belong_together() -> None:
    units = torch.eye(4)
    together, apart = (float(contrastive_loss(units, units.roll(by, 0), 20.0)) for by in (0, 1))
    assert together < 1e-6
    assert apart == pytest.approx(20, abs=1e-6)


def test_the_temperature_should_be_learned_and_bounded() -> None:
    torch.manual_seed(0)
    towers = TwoTowers(settings())
    assert towers.temperature == pytest.approx(0.07)
    with torch.no_grad():
        towers.clip.logit_scale.fill_(9.0)
    towers.bound_temperature()
    assert towers.temperature == pytest.approx(LEAST_TEMPERATURE)
    assert towers.clip.logit_scale.requires_grad


def test_vectors_should_be_of_length_one_and_not_see_padding() -> None:
    torch.manual_seed(0)
    towers = TwoTowers(settings()).eval()
    read = caption_tokens.learn_tokenizer(TEXTS, 90, 16)
    few = torch.from_numpy(caption_tokens.encode_texts(read, TEXTS))
    spoiled = few.where(few != caption_tokens.PAD, 50)
    with torch.no_grad():
        clean, dirty = (
            towers.text(each, (few != caption_tokens.PAD).long()) for each in (few, spoiled)
        )
        seen = towers.image(torch.rand(3, 3, 32, 32))
    assert torch.equal(clean, dirty)
    assert torch.cat([clean, seen]).norm(dim=1) == pytest.approx(1, abs=1e-5)


def test_a_tokenizer_should_be_the_same_in_every_process() -> None:
    ours = hashlib.sha256(
        caption_tokens.tokenizer_file(caption_tokens.learn_tokenizer(TEXTS, 90, 12))
    ).hexdigest()
    for seed in ("1", "2"):
        done = subprocess.run(
            [sys.executable, "-c", TOKENS, "|".join(TEXTS)],
            cwd=PROJECT,
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        )
        assert done.stdout.strip() == ours


def test_a_tokenizer_should_fill_cut_and_spell() -> None:
    read = Tokenizer.from_str(
        caption_tokens.tokenizer_file(caption_tokens.learn_tokenizer(TEXTS, 90, 6)).decode()
    )
    short, long, unseen = caption_tokens.encode_texts(
        read, ["RED star", "a a a a a a a a a", "rats \u4e2d"]
    )
    assert short.tolist()[0] == caption_tokens.BEGIN
    assert short.tolist()[3:] == [caption_tokens.END, caption_tokens.PAD, caption_tokens.PAD]
    assert long.tolist()[5] == caption_tokens.END
    assert caption_tokens.UNKNOWN not in unseen[:4]


def test_each_caption_of_a_picture_should_have_its_turn(data: CaptionedImages) -> None:
    said = [("a red star", "red star", "star"), ("a blue cross",)]
    few = replace(data, captions={"train": said, "test": data.captions["test"]})
    reader = tower_training.tokenizer(few, settings())
    rows, counts = tower_training.captions(reader, few, "train")
    assert rows.shape == (2, 3, 16)
    assert counts.tolist() == [3, 1]
    assert rows[0].tolist() == caption_tokens.encode_texts(reader, said[0]).tolist()
    assert not rows[1, 1:].any()


def test_pictures_should_be_moved_within_their_frame() -> None:
    pixels = torch.arange(64.0).view(1, 1, 8, 8)
    assert tower_training.shift_pictures(pixels, 0) is pixels
    torch.manual_seed(3)
    corners = set()
    for _ in range(60):
        moved = tower_training.shift_pictures(pixels, 2)
        assert moved.shape == pixels.shape
        assert set(moved.flatten().tolist()) <= set(pixels.flatten().tolist())
        corners.add(float(moved[0, 0, 4, 4]))
    assert corners == {36.0 + 8 * down + across for down in range(-2, 3) for across in range(-2, 3)}


def test_a_share_of_pictures_should_lose_their_colours() -> None:
    pixels = torch.rand(400, 3, 4, 4)
    assert tower_training.grey_pictures(pixels, 0.0) is pixels
    torch.manual_seed(0)
    shown = tower_training.grey_pictures(pixels, 0.3)
    grey = (shown == shown[:, :1]).flatten(1).all(1)
    assert 0.2 < float(grey.float().mean()) < 0.4
    assert torch.equal(shown[~grey], pixels[~grey])
    assert torch.allclose(shown.mean(1), pixels.mean(1))


def test_held_out_pairs_should_never_be_trained_on(data: CaptionedImages) -> None:
    held = {shapes.NAMES.index(" ".join(pair)) for pair in shapes.HELD_OUT}
    assert not held & set(data.images.train.labels.tolist())
    tested = data.images.test.labels
    assert set(tested[: shapes.HELD].tolist()) == held
    assert not held & set(tested[shapes.HELD :].tolist())
    for label, (caption,) in zip(
        data.images.train.labels[:300], data.captions["train"], strict=False
    ):
        assert shapes.NAMES[label] in caption


@pytest.mark.parametrize("shape", shapes.SHAPES)
def test_a_picture_should_show_what_its_scene_says(shape: str) -> None:
    from random import Random

    for colour, background in zip(shapes.COLOURS, [*shapes.BACKGROUNDS] * 2, strict=True):
        large, small = (
            shapes.draw(shapes.Scene(shape, colour, size, background), Random(5))
            for size in ("large", "small")
        )
        areas = [(each == shapes.COLOURS[colour]).all(axis=2).sum() for each in (large, small)]
        assert areas[0] > 1.8 * areas[1] > 0
        assert (large == shapes.BACKGROUNDS[background]).all(axis=2).sum() > 100


def test_a_server_without_torch_should_say_what_the_network_says(
    smoke: Smoke, data: CaptionedImages, tmp_path: Path
) -> None:
    folder = smoke("clip") / "finish" / "model"
    pictures = data.images.test.images[:5]
    np.save(tmp_path / "pictures.npy", pictures)
    names = data.images.names[:4]
    done = subprocess.run(
        [sys.executable, "-c", SERVING, str(folder), tmp_path / "pictures.npy", json.dumps(names)],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert not told["torch"]
    found = artefacts.read_training(smoke("clip") / "train" / "model", tmp_path)
    towers = TwoTowers(CODE.parameters.model_validate(found.training.settings))
    towers.load_state_dict(dict(found.weights))
    wanted = tower_training.image_vectors(towers.eval(), data.images.test.scaled()[:5])
    assert np.array(told["images"]) == pytest.approx(wanted, abs=1e-5)
    shares = np.array(told["shares"])
    assert shares.sum(axis=1) == pytest.approx(1)
    near = wanted @ np.array(told["classes"]).T
    assert (shares.argmax(axis=1) == near.argmax(axis=1)).all()
    assert signature_of(folder)["constants"]["temperature"] == pytest.approx(towers.temperature)


def test_the_manifest_should_have_what_a_server_needs(smoke: Smoke) -> None:
    written = signature_of(smoke("clip") / "finish" / "model")
    assert set(written["graphs"]) == {"image_tower", "text_tower"}
    assert {each["name"] for each in written["graphs"]["text_tower"]["inputs"]} == {
        "tokens",
        "mask",
    }
    assert written["graphs"]["image_tower"]["outputs"][0]["shape"] == ["count", 32]
    assert set(written["files"]) == {"tokenizer.json"}
    wanted = {"side": 32, "channels": 3, "vector": 32, "prompt_tokens": 16}
    assert wanted.items() <= written["constants"].items()
    assert all("{}" in each for each in written["constants"]["templates"])


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("templates", ["a picture"], "templates.0"),
        ("templates", [], "templates"),
        ("side", 30, "multiple of 8"),
        ("heads", 5, "image_width is 32 and has to be a multiple of heads, 5"),
        ("first_temperature", 0.0, "first_temperature"),
    ],
)
def test_should_name_the_setting_that_cannot_be(name: str, value: object, told: str) -> None:
    with pytest.raises(BadRecipe, match=told):
        recipe.resolve(recipe.load("clip"), "smoke", {name: value})


def test_should_hold_pictures_to_the_recipe(laid: Laid, channel: Channel) -> None:
    asked = {"recipe": "clip", "preset": "smoke", "side": 40}
    with pytest.raises(BadData, match="32 x 32 x 3, and the recipe is set to side 40"):
        runner.run_job(laid(asked, {"training": channel("shapes")}), {}, lambda _: None)


def test_should_name_the_picture_without_a_caption(
    laid: Laid, channel: Channel, tmp_path: Path
) -> None:
    broken = tmp_path / "broken"
    broken.mkdir()
    whole = channel("shapes")
    (broken / "images.npz").symlink_to(whole / "images.npz")
    lines = (whole / "captions.jsonl").read_text().splitlines(keepends=True)
    (broken / "captions.jsonl").write_text("".join(lines[:7] + lines[8:]))
    job = laid({"recipe": "clip", "preset": "smoke"}, {"training": broken})
    with pytest.raises(
        BadData, match="train lacks captions of 1 of 8000 pictures; the first is row 7"
    ):
        runner.run_job(job, {}, lambda _: None)
