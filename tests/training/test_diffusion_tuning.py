"""The recipe `diffusion_tuning`: what it learns of own pictures, serves, and refuses."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from chalicelib.contracts.model_manifest import FILE, Signature
from chalicelib.inference.exported_model import ExportedModel
from chalicelib.inference.image_generator import ImageGenerator, ImageSampling, open_model
from models.bases.architectures import architecture_of
from models.bases.folder import BaseModel, read_base
from models.data.images import to_network
from models.data.picture_files import read_squares
from models.evaluation.caption_judge import fit_caption_judge
from models.evaluation.style import style_gain
from models.failures import BadData, BadRecipe, BelowGate, NotFinite
from models.jobs import runner
from models.networks.denoiser import schedule
from models.networks.diffusion_base import NoiseChain, load_diffusion_base, read_chain
from models.networks.tuned_denoiser import TunedDenoiser
from models.pull.base_folders import adopt_folder
from models.pull.base_references import BaseReference, NoBase
from models.pull.bases import fetch_base
from models.recipes.diffusion_tuning.judgement import evaluate
from models.recipes.diffusion_tuning.parameters import Parameters
from models.recipes.diffusion_tuning.picture_rows import check, pictures_of, read
from models.recipes.diffusion_tuning.recipe import build, task
from models.training import recipe
from models.training.devices import Device
from models.training.gates import require_gates
from models.training.process_group import ProcessGroup
from models.training.recipe_code import TaskSetup
from models.training_data.channel import DataPart, read_channel
from models.training_data.rows import CaptionedImage
from tests.training.conftest import Laid, Smoke
from tests.training.tiny_pipeline import (
    write_latent_pipeline,
    write_pictures,
    write_pixel_pipeline,
)

COUNTS: dict[DataPart, int] = {"train": 32, "test": 16}
SETTINGS: Mapping[str, Any] = {
    "steps": 60, "batch": 16, "learning_rate": 0.01, "adapted": "all", "checkpoint_every": 60,
    "drawn_pictures": 16,
}  # fmt: skip


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_pixel_pipeline(tmp_path_factory.mktemp("base"))


@pytest.fixture(scope="module")
def latent(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_latent_pipeline(tmp_path_factory.mktemp("latent"))


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_pictures(tmp_path_factory.mktemp("pictures"), COUNTS)


def settings(**changes: Any) -> Parameters:
    found = recipe.resolve(recipe.load("diffusion_tuning"), "tiny", {**SETTINGS, **changes})
    assert isinstance(found, Parameters)
    return found


def run(laid: Laid, base: Path, data: Path, then: str = "judge", **asked: Any) -> Path:
    """Train and judge or finish by jobs; return the model's folder."""
    wish = {"recipe": "diffusion_tuning", "preset": "tiny", "own_data": True, **SETTINGS, **asked}
    training = laid(wish, {"training": data, "base_model": base}, "train")
    runner.run_job(training, {}, lambda _: None)
    channels = {"training": data, "base_model": base, "model": training.model}
    done = laid({"task": then}, channels, then)
    runner.run_job(done, {}, lambda _: None)
    return done.model


def serve(model: Path) -> ImageGenerator:
    signature = Signature.model_validate_json((model / FILE).read_bytes())
    return open_model(ExportedModel(signature, lambda name: (model / name).read_bytes()))


def test_own_pictures_should_be_learned_and_reach_the_gates(
    laid: Laid, base: Path, pictures: Path
) -> None:
    model = run(laid, base, pictures)
    numbers = json.loads((model / "evaluation.json").read_text())
    assert numbers["denoising_gain_low"] > 0.3
    assert numbers["captions_judged"] == 1
    assert numbers["captions_followed"] >= 0.9
    assert json.loads((model / "vocabulary.json").read_text())["glowing"] == 4


def test_an_adapter_that_learned_nothing_should_be_refused(
    laid: Laid, base: Path, pictures: Path
) -> None:
    with pytest.raises(BelowGate, match=r"style_gain_low is .* has to be 1e-06 at least"):
        run(laid, base, pictures, steps=1, learning_rate=1e-9, checkpoint_every=1)


class MemorisingDenoiser(TunedDenoiser):
    """The best denoiser of the training pictures alone, which draws them and nothing else."""

    known: torch.Tensor

    def forward(
        self, image: torch.Tensor, step: torch.Tensor, tokens: torch.Tensor
    ) -> torch.Tensor:
        """Return the velocity towards the mean of the pictures, by how likely each is."""
        kept = self.kept[step][:, None]
        seen, known = image.flatten(1), self.known.flatten(1)
        apart = (seen[:, None] - kept.sqrt()[:, None] * known[None]).square().sum(2)
        clean = torch.softmax(-apart / (2 * (1 - kept)), 1) @ known
        noise = (seen - kept.sqrt() * clean) / (1 - kept).sqrt()
        return schedule.velocity(clean.view_as(image), noise.view_as(image), self.kept[step])


def test_a_model_that_draws_what_it_was_trained_on_should_be_refused(
    base: Path, pictures: Path
) -> None:
    data, parameters = read(pictures), settings()
    network = MemorisingDenoiser(read_base(base), parameters, [row.text for row in data.train])
    network.known = torch.from_numpy(to_network(pictures_of(network, data, data.train)))
    pairs = [row.model_copy(update={"group": f"{at // 2}"}) for at, row in enumerate(data.test)]
    found = evaluate(network.eval(), replace(data, test=tuple(pairs)), parameters)
    assert {len(each) for each in found.scores.values()} == {len(pairs) // 2}
    assert found.numbers["copied"] > 0.5
    with pytest.raises(BelowGate, match=r"copied_high is .* and may be 0.15 at most"):
        require_gates(recipe.load("diffusion_tuning").own_gates, found.numbers)


def test_a_network_that_is_not_finite_should_be_refused(
    laid: Laid, base: Path, pictures: Path
) -> None:
    with pytest.raises(NotFinite, match="not finite"):
        run(laid, base, pictures, steps=2, learning_rate=10, clip_norm=1e30, scale=1024)


def test_a_pipeline_of_diffusers_should_be_tuned_and_served(
    laid: Laid, latent: Path, tmp_path: Path
) -> None:
    adopted = adopt_folder(latent, tmp_path / "bases", frozenset({"unknown"}))
    data = write_pictures(tmp_path / "pictures", {"train": 4, "test": 4}, colour=True)
    model = run(
        laid, adopted, data, "finish", preset="smoke", steps=2, batch=2, checkpoint_every=2,
        sampling_steps=2, drawn_pictures=4, adapted="attention", guidance=2.0,
    )  # fmt: skip
    served = serve(model)
    drawn = served.generate_images(
        ImageSampling(count=2, seed=3, prompt="left", negative_prompt="right")
    )
    assert drawn.shape == (2, 16, 16, 3)
    record = json.loads((model / "training.json").read_text())
    assert record["bases"]["base_model"] == read_base(adopted).sha256


def test_lora_and_full_should_begin_as_the_base_and_the_merged_network_should_be_the_same(
    base: Path,
) -> None:
    loaded = read_base(base)
    image, step = torch.randn(2, 1, 8, 8), torch.tensor([3, 90])
    for way in ("lora", "full"):
        network = TunedDenoiser(loaded, settings(way=way), ["a blue left"]).eval()
        tokens = network.encode(["a left", "right"])
        with torch.no_grad():
            plain = network.plain()(image, step, tokens)
            assert network(image, step, tokens).equal(plain)
            for each in network.parameters():
                if each.requires_grad:
                    each.add_(0.01)
            tuned, merged = (each(image, step, tokens) for each in (network, network.merged()))
        assert tuned.allclose(merged, atol=1e-5)
        assert not tuned.allclose(plain, atol=1e-3)
        assert network.plain()(image, step, tokens).equal(plain)


def test_prior_pictures_should_be_those_of_the_base_without_the_new_words(
    base: Path, pictures: Path
) -> None:
    data, parameters = read(pictures), settings(prior_weight=1.0, sampling_steps=2)
    network = build(parameters, data, read_base(base))
    begun = task(TaskSetup(network, data, parameters, Device(torch.device("cpu")),
                               ProcessGroup()))  # fmt: skip
    assert begun.step(1)["prior_loss"] > 0
    known = settings(prior_weight=1.0, prior_prompt="a glowing left")
    with pytest.raises(BadData, match=r"prior_weight: 16 captions have no word that is new"):
        task(TaskSetup(TunedDenoiser(read_base(base), known, []), data, known,
                            Device(torch.device("cpu")), ProcessGroup()))  # fmt: skip


def tokenised(base: Path, data: Path, **changes: Any) -> list[str]:
    return check(settings(**changes), read(data), read_base(base))


def test_words_that_are_new_should_be_told_before_a_training(base: Path, pictures: Path) -> None:
    assert tokenised(base, pictures) == ["New to the base, and learned: glowing."]
    with pytest.raises(BadData, match=r"have 1 words that the base does not know, such as 'glow"):
        tokenised(base, pictures, new_words=0)


def change(folder: Path, into: Path, old: str, new: str) -> Path:
    """Return a channel whose captions have other words."""
    into.mkdir()
    (into / "files").symlink_to(folder / "files")
    for name in ("data.json", "train.jsonl", "validation.jsonl", "test.jsonl"):
        (into / name).write_text((folder / name).read_text().replace(old, new))
    return into


def test_captions_that_are_too_long_or_all_alike_should_be_refused(
    base: Path, pictures: Path, tmp_path: Path
) -> None:
    long = change(pictures, tmp_path / "long", "glowing right", "very very glowing right")
    with pytest.raises(BadData, match=r"train.jsonl, line 2: the caption has 5 words, and .* 4"):
        tokenised(base, long)
    alike = change(pictures, tmp_path / "alike", "right", "left")
    with pytest.raises(BadData, match=r"train.jsonl: every caption is 'a glowing left'"):
        read(alike)


def test_pictures_that_are_broken_or_too_small_should_be_named(
    base: Path, pictures: Path, tmp_path: Path
) -> None:
    data = change(pictures, tmp_path / "data", "x", "x")
    (data / "files").unlink()
    (data / "files").mkdir()
    rows = read_channel(pictures, CaptionedImage).train
    for at, row in enumerate(rows):
        content = (pictures / "files" / row.file).read_bytes()
        (data / "files" / row.file).write_bytes(content[:40] if at == 1 else content)
    for row in read_channel(pictures, CaptionedImage).test:
        (data / "files" / row.file).write_bytes((pictures / "files" / row.file).read_bytes())
    with pytest.raises(BadData, match=rf"{rows[1].file} is no whole picture: .* leave its row out"):
        tokenised(base, data)
    with pytest.raises(BadData, match=r"has 16 x 16 pixels, and the base draws 32 x 32"):
        read_squares([pictures / "files" / rows[0].file], 32, 1)


@pytest.mark.parametrize(
    ("part", "found", "told"),
    [
        ("unet", ["diffusers", "UNet2DModel"], "unet of the class 'UNet2DModel', which"),
        ("vae", None, "vae of the class 'nothing'"),
        ("text_encoder_2", ["transformers", "CLIPTextModelWithProjection"], "has text_encoder_2"),
        ("scheduler", ["custom", "MyScheduler"], "scheduler of the class 'MyScheduler'"),
        ("_class_name", "FluxPipeline", "the architecture 'FluxPipeline', which is not offered"),
    ],
)
def test_a_pipeline_of_other_classes_should_be_refused_by_name(
    latent: Path, part: str, found: object, told: str
) -> None:
    index = json.loads((latent / "model_index.json").read_text())
    with pytest.raises(BadData, match=told):
        architecture_of({**index, part: found}, "theirs", "diffusion")


def test_pickled_weights_of_a_pipeline_should_not_be_read(latent: Path, tmp_path: Path) -> None:
    names = {path.relative_to(latent).as_posix() for path in latent.rglob("*") if path.is_file()}
    copied = tmp_path / "theirs"
    for name in names:
        (copied / name).parent.mkdir(parents=True, exist_ok=True)
        (copied / name.replace(".safetensors", ".bin")).write_bytes((latent / name).read_bytes())
    with pytest.raises(NoBase, match=r"It has unet/diffusion_pytorch_model.bin, a pickle"):
        adopt_folder(copied, tmp_path / "bases")


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"prediction_type": "sample"}, "prediction_type is 'sample'"),
        ({"beta_schedule": "sigmoid"}, "beta_schedule 'sigmoid' is not offered"),
        ({"rescale_betas_zero_snr": True}, "leaves nothing of the picture"),
    ],
)
def test_a_noise_that_is_not_offered_should_be_refused(
    changes: Mapping[str, object], told: str
) -> None:
    with pytest.raises(BadData, match=told):
        read_chain({"num_train_timesteps": 10, **changes}, "theirs")


def test_both_predictions_should_stand_for_the_noise() -> None:
    kept, image, noise = torch.tensor([0.3, 0.9]), torch.randn(2, 1, 4, 4), torch.randn(2, 1, 4, 4)
    seen = schedule.add_noise(image, noise, kept)
    for prediction in ("epsilon", "v_prediction"):
        chain = NoiseChain(kept, prediction)
        assert chain.noise(seen, chain.wanted(image, noise, kept), kept).allclose(noise, atol=1e-5)


def test_a_model_of_the_recipe_diffusion_should_be_a_base_as_it_is(
    smoke: Smoke, tmp_path: Path
) -> None:
    model, other = (smoke(name) / "finish" / "model" for name in ("diffusion", "vae"))
    base: BaseModel = read_base(fetch_base(BaseReference("folder", str(model)), tmp_path))
    loaded = load_diffusion_base(base)
    constants = json.loads((model / "signature.json").read_text())["constants"]
    assert loaded.chain.kept.tolist() == pytest.approx(constants["alphas_cumprod"], rel=1e-5)
    assert (loaded.side, loaded.channels, loaded.sampling_steps) == (8, 1, 2)
    with pytest.raises(NoBase, match=r"is a model of the recipe vae, and bases that draw"):
        fetch_base(BaseReference("folder", str(other)), tmp_path)


def test_one_picture_should_be_too_few_to_judge_a_style() -> None:
    with pytest.raises(BadRecipe, match="judged_pictures"):
        recipe.resolve(recipe.load("diffusion_tuning"), "tiny", {"judged_pictures": 1})


def test_a_style_should_be_as_far_as_it_looks_and_a_gain_of_chance_be_none() -> None:
    rng = np.random.default_rng(0)
    dark, light = (rng.integers(low, low + 80, (60, 8, 8, 1), np.uint8) for low in (0, 170))
    again = rng.integers(170, 250, (60, 8, 8, 1), np.uint8)
    found = style_gain(light, again, dark).numbers(np.arange(60))
    assert abs(found["style_distance"]) < 0.01 < found["style_gain_low"]
    other = rng.integers(170, 250, (60, 8, 8, 1), np.uint8)
    assert style_gain(light, again, other).numbers(np.arange(60))["style_gain_low"] < 0


def test_captions_of_others_should_be_told_and_a_judge_without_words_be_at_chance() -> None:
    rng = np.random.default_rng(0)
    captions = ["a dark one", "a light one"] * 20
    tones = [40 if "dark" in text else 200 for text in captions]
    drawn = np.stack([rng.integers(tone, tone + 30, (8, 8, 1)) for tone in tones]).astype(np.uint8)
    judge = fit_caption_judge(drawn, captions)
    assert judge.right(drawn, captions, 0).mean() == 1
    assert judge.right(drawn[1:], captions[:-1], 0).mean() == 0
    alike = [f"a dark {at}" if "dark" in text else text for at, text in enumerate(captions)]
    assert judge.right(drawn, alike, 0)[0] == pytest.approx(1 / 9, abs=0.03)
    blind = fit_caption_judge(drawn, ["one"] * 40)
    assert blind.right(drawn, captions, 0).mean() == 0.5
