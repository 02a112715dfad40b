"""Two towers that are tuned on pictures and captions of a user's own."""

from __future__ import annotations

import json
import random
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.datasets import load_sample_images
from transformers import CLIPModel, SiglipModel

from chalicelib.errors import InvalidInput
from chalicelib.inference.clip import open_model
from models.bases.folder import BaseModel, read_base, record_base
from models.evaluation.image_text import CaptionPairs, image_text_ranks
from models.evaluation.intervals import mean_interval
from models.export.graphs import export_graphs
from models.failures import BadData, BelowGate
from models.jobs import runner
from models.networks.image_text import (
    TunedTowers,
    seen_features,
    sentence_vectors,
    sigmoid_loss,
    softmax_loss,
    text_rows,
    vectors_of_features,
)
from models.networks.image_text_bases import PairedTowers, load_towers
from models.pull.base_references import NoBase
from models.pull.shipped_bases import shipped_base
from models.training import recipe
from models.training.devices import Device
from models.training.gates import missed_gates
from models.training.learned_weights import LearnedWeights
from models.training.process_group import ProcessGroup
from models.training.recipe_code import TaskSetup, recipe_code
from models.training_data.captioned_pictures import PictureReader
from models.training_data.channel import DataPart
from tests.exported_models import exported
from tests.exported_models import read as read_model
from tests.training.conftest import Laid
from tests.training.tiny_towers import (
    ARCHITECTURES,
    POSITIONS,
    SIDE,
    picture,
    tower_base,
    write_pictures,
)

NAME = "image_text_tuning"
SHARES: Mapping[DataPart, int] = {"train": 192, "validation": 20, "test": 60}
SETTINGS: Mapping[str, Any] = {
    "steps": 60,
    "batch": 32,
    "learning_rate": 0.003,
    "warmup": 0,
    "way": "full",
    "side": None,
    "text_tokens": 8,
    "dropout": 0.0,
    "checkpoint_every": 60,
}


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> BaseModel:
    return tower_base(tmp_path_factory.mktemp("towers"))


@pytest.fixture(scope="module")
def rows(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_pictures(tmp_path_factory.mktemp("pictures"), SHARES)


def run(laid: Laid, base: BaseModel, data: Path, task: str, **settings: Any) -> tuple[Path, Any]:
    """Train on own rows and judge or finish; return the model's folder and its numbers."""
    asked = {"recipe": NAME, "preset": "tiny", "own_data": True, **SETTINGS, **settings}
    asked["side"] = SIDE
    training = laid(asked, {"training": data, "base_model": base.folder}, "train")
    runner.run_job(training, {}, lambda _: None)
    channels = {"training": data, "base_model": base.folder, "model": training.model}
    done = laid({"task": task}, channels, task)
    runner.run_job(done, {}, lambda _: None)
    return done.model, json.loads((done.model / "evaluation.json").read_text())


def test_own_pictures_should_be_learned_and_reach_the_gates(
    laid: Laid, base: BaseModel, rows: Path
) -> None:
    folder, numbers = run(laid, base, rows, "judge", steps=90)
    assert numbers["gain_over_base_low"] > 0.2
    assert numbers["recall_1_by_picture"] > 0.4 > 2 * numbers["base_recall_1_by_picture"]
    assert numbers["chance_recall_5_by_text"] == pytest.approx(5 / 60, abs=0.05)
    weights = (folder / "training.json").read_text()
    assert json.loads(weights)["bases"]["base_model"] == base.sha256


def test_captions_of_other_pictures_should_be_refused(
    laid: Laid, base: BaseModel, tmp_path: Path
) -> None:
    data = write_pictures(tmp_path / "shuffled", SHARES, shuffled=True)
    with pytest.raises(BelowGate, match="gain_over_chance_low is"):
        run(laid, base, data, "judge", steps=120)


def built(base: BaseModel, data: Path, **settings: Any) -> tuple[TunedTowers, Any, Any]:
    code = recipe_code(NAME)
    parameters = recipe.resolve(recipe.load(NAME), "tiny", {**SETTINGS, **settings})
    read = code.load(data)
    assert code.build is not None
    network = code.build(parameters, read, base)
    assert isinstance(network, TunedTowers)
    return network, read, parameters


def test_too_few_pictures_should_tell_no_interval(base: BaseModel, tmp_path: Path) -> None:
    data = write_pictures(tmp_path / "few", {**SHARES, "train": 32, "test": 5})
    network, read, parameters = built(base, data, side=SIDE)
    told = recipe_code(NAME).evaluate(network.eval(), read, parameters)
    missed = missed_gates(recipe.load(NAME).own_gates, told.numbers, told.unknown)
    assert len(missed) == len(recipe.load(NAME).own_gates)
    assert "gain_over_base_low cannot be told: 5 pictures" in missed[0]


LEARNED = {
    ("efficientnet_lite_bert", "locked_image"): {"text", "added_image", "added_text"},
    ("efficientnet_lite_bert", "head"): {"added_image", "added_text"},
    ("clip", "locked_image"): {"text_model", "visual_projection", "text_projection"},
    ("clip", "head"): {"visual_projection", "text_projection"},
    ("siglip", "locked_image"): {"text_model"},
    ("siglip", "head"): {"text_model"},
}


@pytest.mark.parametrize("architecture", ARCHITECTURES)
@pytest.mark.parametrize("way", ["full", "lora", "locked_image", "head"])
def test_each_way_of_each_architecture_should_learn_what_it_says(
    architecture: str, way: str, rows: Path, tmp_path: Path
) -> None:
    base = tower_base(tmp_path, architecture)
    network, read, parameters = built(base, rows, way=way, learning_rate=0.02, steps=6)
    before = {name: each.clone() for name, each in network.state_dict().items()}
    setup = TaskSetup(network, read, parameters, Device(torch.device("cpu")), ProcessGroup())
    task = recipe_code(NAME).task(setup)
    losses = [float(task.step(number)["loss"]) for number in range(1, 7)]
    assert losses[-1] < losses[0]
    learned = set(LearnedWeights(network).state_dict())
    moved = {
        name for name, each in network.state_dict().items() if not torch.equal(each, before[name])
    }
    assert moved <= learned
    parts = {name.removeprefix("body.").removeprefix("model.").split(".")[0] for name in learned}
    parts -= {"logit_scale", "logit_bias", "log_scale"}
    if (architecture, way) in LEARNED:
        assert parts == LEARNED[architecture, way]
    if way == "lora":
        assert any("lora" in name for name in learned)
    if way == "full":
        assert len(learned) == sum(1 for _ in network.parameters())
    if architecture == "siglip" and way == "head":
        assert all(".head." in name or "logit" in name for name in learned)


def adapted(base: BaseModel, rows: Path) -> tuple[TunedTowers, Any, Any]:
    """Return a network whose adapters change what it says."""
    network, read, parameters = built(base, rows, way="lora")
    for name, each in network.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(each, std=0.05)
    return network.eval(), read, parameters


def test_the_exported_graphs_should_serve_as_a_clip(
    base: BaseModel, rows: Path, tmp_path: Path
) -> None:
    network, read, parameters = adapted(base, rows)
    code = recipe_code(NAME)
    specs = export_graphs(code.graphs(network, parameters), tmp_path)
    graphs = {
        name: (tuple(each.name for each in spec.inputs), (tmp_path / spec.file).read_bytes())
        for name, spec in specs.items()
    }
    constants = {**code.constants(parameters), **code.learned(network)}
    files = exported(graphs, constants, code.network_files(network), NAME)
    served = open_model(read_model(files))
    texts = ["red over blue", "lime"]
    for text, vector in zip(texts, sentence_vectors(network, texts), strict=True):
        assert np.allclose(served.embed_text(text, "text")[0], vector, atol=1e-4)
    pictures = PictureReader(read.test.paths, network.side)
    (wanted,) = vectors_of_features(network, seen_features(network, pictures, 1))
    seen = served.embed_image(read.test.paths[0].read_bytes(), "image")
    assert np.allclose(seen, wanted, atol=1e-4)
    with pytest.raises(InvalidInput, match="has nothing to embed"):
        served.embed_text(" ", "text")


@pytest.mark.parametrize(("architecture", "tower"), [("siglip", "image"), ("clip", "text")])
def test_towers_of_transformers_should_be_exported_as_they_are(
    architecture: str, tower: str, rows: Path, tmp_path: Path
) -> None:
    # export_graphs holds a graph to its network, with adapters merged, on rows of other sizes.
    network, _, parameters = adapted(tower_base(tmp_path / "base", architecture), rows)
    graphs = recipe_code(NAME).graphs(network, parameters)
    name = f"{tower}_tower"
    assert export_graphs({name: graphs[name]}, tmp_path)[name].parity < 1e-4


def test_losses_should_be_those_of_transformers_and_leave_out_what_is_right_as_well(
    tmp_path: Path,
) -> None:
    pixels = torch.randn(4, 3, 16, 16, generator=torch.Generator().manual_seed(1))
    none = torch.zeros(4, 4, dtype=torch.bool)
    for architecture, kind, loss in (
        ("clip", CLIPModel, softmax_loss),
        ("siglip", SiglipModel, sigmoid_loss),
    ):
        base = tower_base(tmp_path / architecture, architecture)
        model = kind.from_pretrained(base.folder).eval()
        ids = torch.randint(4, 20, (4, POSITIONS), generator=torch.Generator().manual_seed(2))
        with torch.no_grad():
            told = model(input_ids=ids, pixel_values=pixels, return_loss=True)
        logits = told.logits_per_image
        assert float(loss(logits, none)) == pytest.approx(float(told.loss), abs=1e-5)
        known = none.clone()
        known[0, 1] = known[1, 0] = True
        raised = logits.clone()
        raised[0, 1] = raised[1, 0] = 50.0
        assert float(loss(raised, known)) < float(loss(logits, none)) < float(loss(raised, none))


def test_towers_should_see_and_read_as_the_genuine_model_does(tmp_path: Path) -> None:
    shown = torch.rand(2, 3, 16, 16, generator=torch.Generator().manual_seed(4))
    scaled = (shown - torch.tensor([0.4, 0.5, 0.6])[:, None, None]) / torch.tensor(
        [0.2, 0.3, 0.25]
    )[:, None, None]
    for architecture, kind in (("clip", CLIPModel), ("siglip", SiglipModel)):
        base = tower_base(tmp_path / architecture, architecture)
        model = kind.from_pretrained(base.folder).eval()
        towers = load_towers(base).eval()
        ids = torch.tensor([[2, 7, 9, 3] + [1] * 8] * 2)
        mask = torch.tensor([[1] * 4 + [0] * 8] * 2)
        with torch.no_grad():
            given = {} if architecture == "siglip" else {"attention_mask": mask}
            told = model(input_ids=ids, pixel_values=scaled, **given)
            seen = towers.image_head(towers.image_features(shown * 2 - 1))
            # Padding comes as zeros from a server, whatever the base's own is.
            read = towers.text_head(towers.text_features(ids * mask, mask))
        for one, other in ((seen, told.image_embeds), (read, told.text_embeds)):
            cosines = torch.nn.functional.cosine_similarity(one, other)
            assert torch.allclose(cosines, torch.ones(2), atol=1e-5)


def numbers_of(pictures: np.ndarray, texts: np.ndarray) -> dict[str, float]:
    """Return the gain over chance of forty pairs by their vectors."""
    names = [str(at) for at in range(len(pictures))]
    ranks = image_text_ranks(CaptionPairs.of(names, names), pictures, texts)
    gain = mean_interval(ranks.scores - ranks.scores_by_chance)
    return {**ranks.numbers(), "low": gain.low}


def test_a_memoriser_chance_and_what_is_not_finite_should_find_nothing() -> None:
    drawn = np.random.default_rng(0).normal(size=(2, 40, 16)).astype(np.float32)
    pictures, texts = drawn / np.linalg.norm(drawn, axis=2, keepdims=True)
    right = numbers_of(pictures, pictures)
    assert right["recall_1_by_text"] == right["recall_1_by_picture"] == 1
    assert right["low"] > 0.8
    # By heart: what was trained on is found, and of others each has a vector of its own by chance.
    assert numbers_of(pictures, texts)["low"] < 0
    for spoilt in (np.full_like(texts, np.nan), np.full_like(texts, 0.25)):
        found = numbers_of(pictures, spoilt)
        assert found["recall_5_by_picture"] == 0
        assert found["median_rank_by_picture"] == 40
        assert found["low"] < 0
    assert numbers_of(pictures, np.full_like(texts, np.nan))["recall_5_by_text"] == 0


def test_rows_of_one_caption_or_picture_should_be_no_mistakes_of_each_other() -> None:
    # Pictures 0 and 1 are both "a"; picture 2 has two captions.
    pairs = CaptionPairs.of(["p0", "p1", "p2", "p2"], ["a", "a", "b", "c"])
    pictures = np.eye(3, dtype=np.float32)[[0, 0, 1]]
    texts = np.eye(3, dtype=np.float32)[[0, 1, 1]]
    ranks = image_text_ranks(pairs, pictures, texts)
    assert ranks.by_text.ranks.tolist() == [0, 0, 0, 0]
    assert ranks.by_picture.ranks.tolist() == [0, 0, 0, 0]
    assert ranks.by_text.wrong.tolist() == [1, 1, 2, 2]
    assert ranks.by_picture.wrong.tolist() == [2, 2, 1, 1]
    assert ranks.by_text.chance(1) == pytest.approx((1 / 2 + 1 / 2 + 1 / 3 + 1 / 3) / 4)
    assert ranks.by_text.reciprocal_by_chance[0] == pytest.approx((1 + 1 / 2) / 2)


def test_classes_should_become_captions_and_be_told_by_their_names(
    base: BaseModel, tmp_path: Path
) -> None:
    data = write_pictures(tmp_path / "classed", {"train": 96, "test": 30}, classed=True)
    network, read, parameters = built(base, data, steps=150, templates=["{}", "a photo of a {}"])
    assert set(read.captions(read.train, parameters.templates[0])) == {
        str(label) for label in read.labels
    }
    setup = TaskSetup(network, read, parameters, Device(torch.device("cpu")), ProcessGroup())
    task = recipe_code(NAME).task(setup)
    for number in range(1, 151):
        task.step(number)
    numbers = recipe_code(NAME).evaluate(network, read, parameters).numbers
    assert numbers["zero_shot_low"] > numbers["chance_zero_shot"] == pytest.approx(1 / 6)
    assert numbers["zero_shot_gain_low"] > 0


def test_what_does_not_fit_should_be_told(base: BaseModel, rows: Path, tmp_path: Path) -> None:
    check = recipe_code(NAME).check
    _, read, parameters = built(base, rows)
    assert check(parameters, read, base) == []
    short = parameters.model_copy(update={"text_tokens": 4})
    assert "have more than 4 tokens" in check(short, read, base)[0]
    with pytest.raises(BadData, match="text_tokens is 99, and the base reads 12"):
        check(parameters.model_copy(update={"text_tokens": 99}), read, base)
    clip = tower_base(tmp_path / "clip", "clip")
    assert built(clip, rows, side=32)[0].side == SIDE
    assert built(base, rows, side=32)[0].side == 32
    (clip.folder / "preprocessor_config.json").unlink()
    record_base(clip.folder, name="bare", source="made in a test", licence="CC0-1.0")
    with pytest.raises(BadData, match="does not say image_mean"):
        built(read_base(clip.folder), rows)
    one = write_pictures(tmp_path / "one", {"train": 4, "test": 1})
    with pytest.raises(BadData, match="has one caption only"):
        recipe_code(NAME).load(one)
    broken = shutil.copytree(rows, tmp_path / "broken")
    for path in (broken / "files").iterdir():
        path.write_bytes(picture_of_nothing())
    network, read, parameters = built(base, broken)
    setup = TaskSetup(network, read, parameters, Device(torch.device("cpu")), ProcessGroup())
    with pytest.raises(BadData, match="cannot be opened"):
        recipe_code(NAME).task(setup).step(1)


def picture_of_nothing() -> bytes:
    """Return a picture that is cut off."""
    return picture(random.Random(1), "red", "red")[:60]


def test_the_shipped_base_should_tell_photographs_by_texts_before_it_is_tuned(
    tmp_path: Path,
) -> None:
    try:
        found = read_base(shipped_base("efficientnet-lite0-minilm-l6-v2"))
    except NoBase as error:
        pytest.skip(str(error))
    parameters = recipe.resolve(recipe.load(NAME), "tiny", {"way": "head"})
    network = TunedTowers(found, parameters).eval()  # type: ignore[arg-type]
    assert isinstance(network.towers, PairedTowers)
    photographs = load_sample_images().images  # a temple, and a flower
    side = network.side
    cut = [torch.from_numpy(np.array(each))[:427, 100:527] for each in photographs]
    pixels = torch.stack(cut).permute(0, 3, 1, 2).float()
    shown = torch.nn.functional.interpolate(pixels, side, mode="area") / 127.5 - 1
    with torch.no_grad():
        tokens, mask = text_rows(network, ["a temple", "a flower"])
        near = network.image(shown) @ network.text(tokens, mask).T
    assert near.argmax(1).tolist() == [0, 1]
