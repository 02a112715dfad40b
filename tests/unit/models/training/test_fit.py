"""Memory and time of tuning a base: against counts, what was measured, and at the border."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from benchmarks.summary import is_measured, latest
from models.bases.folder import BaseFile, BaseRecord
from models.failures import BadRecipe
from models.sagemaker import fit as job_fit
from models.sagemaker.job_requests import JobSpec, _shape
from models.training import fit, recipe
from models.training.fit import GIB, BaseSizes, FitSettings
from models.training.instances import instances
from models.training.recipe import BaseUse
from models.training.settings import RecipeSettings

SMOLLM: dict[str, Any] = {
    "hidden_size": 576,
    "intermediate_size": 1536,
    "num_hidden_layers": 30,
    "num_attention_heads": 9,
    "num_key_value_heads": 3,
    "vocab_size": 49152,
    "dtype": "float32",
}
QWEN_7B: dict[str, Any] = {
    "hidden_size": 3584,
    "intermediate_size": 18944,
    "num_hidden_layers": 28,
    "num_attention_heads": 28,
    "num_key_value_heads": 4,
    "vocab_size": 152064,
    "torch_dtype": "bfloat16",
}
SMALL = BaseSizes.of(SMOLLM, 538_060_032, "decoder")
LARGE = BaseSizes.of(QWEN_7B, 15_231_233_024, "decoder")
LORA = FitSettings(batch=8, tokens=512, way="lora", rank=16, steps=90)


def test_sizes_should_be_counted_as_the_networks_have_them() -> None:
    assert SMALL.parameters == 134_515_008
    embedding = SMALL.vocabulary * SMALL.width
    norms = SMALL.width * (2 * SMALL.layers + 1)
    assert SMALL.layers * SMALL.matrices + embedding + norms == SMALL.parameters
    assert fit.learned_weights(SMALL, LORA) == 4_884_480  # as peft counts them
    assert fit.learned_weights(SMALL, replace(LORA, way="gradual")) == SMALL.parameters
    assert LARGE.parameters == 7_615_616_512
    with pytest.raises(BadRecipe, match=r"lacks a size: KeyError.'hidden_size'"):
        BaseSizes.of({"vocab_size": 9}, 4, "encoder")


@pytest.mark.parametrize(
    "config",
    [
        {"d_model": 512, "d_ff": 2048, "num_layers": 6, "num_heads": 8},
        {
            "d_model": 512,
            "encoder_ffn_dim": 2048,
            "encoder_attention_heads": 8,
            "encoder_layers": 6,
            "decoder_layers": 6,
        },
    ],
    ids=["t5", "bart"],
)
def test_both_halves_of_an_encoder_decoder_should_be_counted(config: dict[str, Any]) -> None:
    found = BaseSizes.of({**config, "vocab_size": 32_128}, 4 * 60_506_624, "encoder_decoder")
    assert (found.layers, found.inner, found.heads, found.writes) == (12, 2048, 8, True)
    assert found.parameters == 60_506_624


def test_memory_should_follow_the_way_and_the_rows() -> None:
    lora, full = fit.memory_of(SMALL, LORA), fit.memory_of(SMALL, replace(LORA, way="full"))
    assert full.gradients + full.moments == 12 * SMALL.parameters
    assert lora.gradients + lora.moments == 12 * 4_884_480
    halved = fit.memory_of(SMALL, replace(LORA, accumulate=2))
    assert halved.activations == lora.activations // 2
    pairs = recipe.resolve(recipe.load("preference_tuning"), "tiny", {"max_tokens": 512})
    asked = FitSettings.of(pairs)
    assert asked is not None
    single = replace(asked, answers=1)
    assert fit.memory_of(SMALL, asked).activations == 2 * fit.memory_of(SMALL, single).activations
    assert fit.seconds_on_cpu(SMALL, asked) == 2 * fit.seconds_on_cpu(SMALL, single)
    assert fit.memory_of(SMALL, LORA, processes=4).activations == lora.activations // 4
    kept = fit.memory_of(SMALL, replace(LORA, checkpointing=True))
    assert kept.activations < lora.activations / 10
    mixed = fit.memory_of(SMALL, replace(LORA, mixed=True))
    assert mixed.activations < lora.activations
    assert mixed.weights > lora.weights


def test_prompts_that_are_read_once_should_be_counted_once() -> None:
    rewarded = recipe.resolve(recipe.load("reinforcement_tuning"), "tiny", {"max_tokens": 512})
    asked = FitSettings.of(rewarded)
    assert asked is not None
    assert (asked.batch, asked.tokens_of_row) == (64, 512 // 8 + 6)
    alone = replace(asked, samples=1)
    memory = [fit.memory_of(SMALL, each).activations for each in (alone, asked)]
    assert memory[0] / memory[1] == pytest.approx((512 + 6) / (512 / 8 + 6), rel=0.01)
    # What is drawn is read as it is drawn, by the base, and to learn from it.
    silent = replace(asked, drawn=0, tokens=asked.tokens_of_row, samples=1)
    seconds = [fit.seconds_on_cpu(SMALL, each) for each in (asked, silent)]
    assert seconds[0] / seconds[1] > 1.9


def test_processes_that_share_a_network_should_need_a_part_and_what_is_gathered() -> None:
    full = FitSettings(batch=8, tokens=512, way="full", checkpointing=True, logits_at_once=1024)
    whole = fit.memory_of(LARGE, full, processes=8)
    shared = fit.memory_of(LARGE, replace(full, sharded=True), processes=8)
    parts = ("weights", "gradients", "moments")
    assert all(getattr(shared, part) * 8 == getattr(whole, part) for part in parts)
    assert 0 < shared.gathered < whole.weights
    alone = fit.memory_of(LARGE, full)
    assert fit.memory_of(LARGE, replace(full, sharded=True)) == alone
    assert alone.logits == 1024 * LARGE.vocabulary * 12
    with pytest.raises(BadRecipe, match=r"fit: full.* What would fit: .*--set sharded=true"):
        fit.require_fit("ml.p5.48xlarge", LARGE, full)
    fit.require_fit("ml.p5.48xlarge", LARGE, replace(full, sharded=True))
    table = LARGE.vocabulary * LARGE.width
    assert fit.learned_weights(LARGE, replace(LORA, embeddings=True)) == (
        fit.learned_weights(LARGE, LORA) + table
    )


def test_qlora_should_hold_the_layers_in_4_bits_on_a_gpu_alone() -> None:
    lora = replace(LORA, checkpointing=True, logits_at_once=1024)
    qlora = replace(lora, way="qlora")
    whole, small = (fit.memory_of(LARGE, each) for each in (lora, qlora))
    assert small.weights < whole.weights / 3
    assert (small.moments, small.activations) == (whole.moments, whole.activations)
    with pytest.raises(BadRecipe, match=r"fit: lora.* What would fit: .*--set way=qlora"):
        fit.require_fit("ml.g5.xlarge", LARGE, lora)
    fit.require_fit("ml.g5.xlarge", LARGE, qlora)
    # On a CPU the base is in memory before it is quantised.
    on_cpu = fit.fit_on("ml.m5.4xlarge", LARGE, qlora)
    assert on_cpu == fit.fit_on("ml.m5.4xlarge", LARGE, lora)


@pytest.mark.skipif(not is_measured("training_memory"), reason="training_memory was not measured")
def test_estimates_should_hold_what_was_measured_and_not_much_more() -> None:
    ratios = latest("training_memory")["ratios"]
    memory = {name: ratio for name, ratio in ratios.items() if "memory" in name}
    assert len(memory) >= 8
    assert all(0.9 <= ratio <= 1.25 for ratio in memory.values()), memory


def test_what_does_not_fit_should_be_refused_with_numbers_and_what_would_fit() -> None:
    fit.require_fit("ml.m5.xlarge", SMALL, LORA)
    with pytest.raises(BadRecipe) as refused:
        fit.require_fit("ml.g5.xlarge", LARGE, replace(LORA, way="full", mixed=True))
    said = str(refused.value)
    assert "fit: full, batch 8, 512 tokens needs some" in said
    assert "GiB on ml.g5.xlarge, where each accelerator has 24" in said
    assert "No instance that is known holds it" in said
    with pytest.raises(BadRecipe, match=r"the instance ml\.p4d\.24xlarge"):
        fit.require_fit("ml.g5.xlarge", LARGE, LORA)
    with pytest.raises(BadRecipe, match=r"--set batch=[0-9]+"):
        fit.require_fit("ml.m5.xlarge", SMALL, replace(LORA, batch=512))
    fit.require_fit("ml.of-nobody", LARGE, LORA)


def test_the_batch_that_fits_should_fit_and_twice_of_it_not() -> None:
    found = fit.fit_on("ml.m5.xlarge", SMALL, replace(LORA, batch=512))
    assert found is not None
    assert not found.fits
    assert 8 <= found.batch < 512
    for batch, fits in ((found.batch, True), (2 * found.batch, False)):
        at = fit.fit_on("ml.m5.xlarge", SMALL, replace(LORA, batch=batch))
        assert at is not None
        assert at.fits is fits
    assert found.usable == round(16 * GIB * fit.USABLE)


def test_time_should_follow_the_passes_over_the_weights() -> None:
    lora = fit.seconds_on_cpu(SMALL, LORA)
    assert fit.seconds_on_cpu(SMALL, replace(LORA, way="full")) == pytest.approx(1.5 * lora)
    assert fit.seconds_on_cpu(SMALL, replace(LORA, threads=2)) == pytest.approx(lora / 2)


def spec(**changed: Any) -> JobSpec:
    """Return a training of a recipe that tunes SmolLM, whose settings stand in for its own."""
    vae = recipe.load("vae")
    use = BaseUse(kind="decoder", default="smollm2-135m-instruct")
    return replace(
        JobSpec("job", vae.model_copy(update={"base_model": use}), "tiny", "cpu"), **changed
    )


def test_both_jobs_should_fit_before_anything_starts() -> None:
    weights = BaseFile(bytes=15_231_233_024, sha256="0" * 64)
    files = {"model.safetensors": weights, "tokenizer.json": BaseFile(bytes=9, sha256="0" * 64)}
    record = BaseRecord(name="large", source="test", licence="MIT", files=files)
    assert job_fit.sizes_of(spec(), record, QWEN_7B) == LARGE
    assert job_fit.sizes_of(spec(recipe=recipe.load("vae")), record, QWEN_7B) is None
    job_fit.require_fitting(spec(), SMALL, LORA)
    with pytest.raises(BadRecipe, match=r"ml\.m5\.xlarge, where the instance has 16"):
        job_fit.require_fitting(spec(), LARGE, LORA)
    middle = replace(LARGE, parameters=3_000_000_000)
    one = replace(LORA, batch=1)
    with pytest.raises(BadRecipe, match=r"second job.* at least 23 GiB, and ml\.m5\.xlarge has 16"):
        job_fit.require_fitting(spec(target="gpu"), middle, one)
    with pytest.raises(BadRecipe, match=r"100000 steps of 8 rows of 512 tokens take some"):
        job_fit.require_fitting(spec(), SMALL, replace(LORA, steps=100_000))
    for asked in (replace(LORA, way="qlora"), replace(LORA, sharded=True)):
        job_fit.require_fitting(spec(), SMALL, asked)
        with pytest.raises(BadRecipe, match="--target gpu, and trn1-xla has none"):
            job_fit.require_fitting(spec(target="trn1-xla"), SMALL, asked)
    told = {each.target: each for each in job_fit.target_fits(spec(), SMALL, LORA)}
    assert told["cpu"].fits
    assert told["cpu"].hours > told["gpu"].hours == 0


def test_only_recipes_that_tune_a_base_should_be_estimated() -> None:
    assert job_fit.asked_of(spec()) is None

    class Tuning(RecipeSettings):
        """Settings as those of a recipe that tunes a base."""

        max_tokens: int = 512
        way: str = "lora"
        rank: int = 16

    settings = Tuning(steps=90, batch=8, learning_rate=0.001, precision="bf16", threads=2)
    wanted = replace(LORA, mixed=True, threads=2)
    assert FitSettings.of(settings) == wanted


def test_every_instance_should_be_one_that_the_api_knows() -> None:
    known = _shape("CreateTrainingJob").members["ResourceConfig"].members["InstanceType"].enum
    trains = {name for name, each in instances().items() if each.device != "inference"}
    assert trains <= set(known)
