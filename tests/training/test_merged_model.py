"""Tuned decoders as whole models: merged weights, their record, and what cannot be merged."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from models.bases.folder import CHANNEL, BaseModel, read_base
from models.failures import BadData, OutOfParity
from models.merged_model import TOLERANCES, main, merge, merged_config
from models.networks.base_decoder import load_decoder
from models.networks.settings import TuningWay
from models.networks.tuned_decoder import TunedDecoder
from models.recipes.instruction_tuning.parameters import Parameters
from models.training import recipe
from models.training.artefacts import TrainingRecord, write_training
from models.training.learned_weights import LearnedWeights
from tests.training.tiny_bases import CHATML, write_tiny_base


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> BaseModel:
    return write_tiny_base(tmp_path_factory.mktemp("base"))


def version(folder: Path, base: BaseModel, way: TuningWay, size: float = 0.3, **more: bool) -> Path:
    """Write the artefacts of a training of the base, whose learned weights are drawn."""
    given = {"steps": 2, "batch": 4, "prefix": 3, "rank": 2, "way": way, **more}
    settings = recipe.resolve(recipe.load("instruction_tuning"), "smoke", given)
    assert isinstance(settings, Parameters)
    kept = LearnedWeights(TunedDecoder(base, settings)).state_dict()
    torch.manual_seed(1)
    weights = {name: each + size * torch.randn_like(each) for name, each in kept.items()}
    record = TrainingRecord(
        recipe="instruction_tuning",
        preset="smoke",
        settings=settings.model_dump(),
        data="0" * 64,
        code="0" * 64,
        bases={CHANNEL: base.sha256},
        torch=torch.__version__,
        device="cpu",
        measured={},
    )
    folder.mkdir()
    history = folder / "steps.jsonl"
    history.write_text("")
    write_training(folder, record, weights, history)
    return folder


@pytest.mark.parametrize(("way", "embeddings"), [("lora", True), ("full", False)])
def test_a_version_should_become_a_base_that_answers_as_it(
    way: TuningWay, embeddings: bool, base: BaseModel, tmp_path: Path
) -> None:
    tuned = version(tmp_path / "version", base, way, embeddings=embeddings)
    merged = merge(tuned, base.folder, tmp_path / "whole", name="group/1")
    assert merged.difference <= TOLERANCES["fp32"]
    whole = read_base(tmp_path / "whole")
    assert whole.record.name == "group/1"
    assert whole.record.source == "tests, tuned by instruction_tuning as group/1"
    assert whole.record.licence == base.record.licence
    tokenizer = json.loads((whole.folder / "tokenizer_config.json").read_text())
    assert tokenizer["tokenizer_class"] == "PreTrainedTokenizerFast"
    assert tokenizer["chat_template"] == CHATML
    assert "license: Apache-2.0" in (tmp_path / "whole" / "README.md").read_text()
    tokens = torch.arange(12)[None]
    before, after = (load_decoder(each)(input_ids=tokens).logits for each in (base, whole))
    assert not torch.allclose(before, after, atol=0.1), "nothing was merged"
    again = merge(tuned, base.folder, tmp_path / "again", name="group/1")
    assert again == merged
    assert read_base(tmp_path / "again").sha256 == whole.sha256


def test_sixteen_bits_should_be_written_and_held_to_their_tolerance(
    base: BaseModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tuned = version(tmp_path / "version", base, "lora", 0.03)
    merged = merge(tuned, base.folder, tmp_path / "whole", name="group/1", precision="bf16")
    assert 1e-5 < merged.difference <= TOLERANCES["bf16"]
    assert read_base(tmp_path / "whole").config["torch_dtype"] == "bfloat16"
    monkeypatch.setitem(TOLERANCES, "bf16", 1e-6)
    with pytest.raises(OutOfParity, match="another --precision"):
        merge(tuned, base.folder, tmp_path / "bad", name="group/1", precision="bf16")


@pytest.mark.parametrize("way", ["prompt_tuning", "prefix_tuning"])
def test_what_stands_before_a_prompt_cannot_be_merged(
    way: TuningWay, base: BaseModel, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tuned = version(tmp_path / "version", base, way)
    assert main([str(tuned), str(base.folder), str(tmp_path / "whole"), "--name", "group/1"]) == 1
    assert f"tuned by {way}" in capsys.readouterr().err


def test_another_base_should_be_refused(base: BaseModel, tmp_path: Path) -> None:
    tuned = version(tmp_path / "version", base, "lora")
    other = write_tiny_base(tmp_path / "other", seed=5)
    with pytest.raises(BadData, match="is not the base of group/1"):
        merge(tuned, other.folder, tmp_path / "whole", name="group/1")


@pytest.mark.parametrize(
    ("rope", "wanted"),
    [
        ({"rope_theta": 5.0, "rope_type": "default"}, {"rope_theta": 5.0}),
        (
            {"rope_theta": 5.0, "rope_type": "llama3", "factor": 8.0},
            {"rope_theta": 5.0, "rope_scaling": {"rope_type": "llama3", "factor": 8.0}},
        ),
    ],
)
def test_settings_should_be_readable_by_earlier_transformers(
    rope: dict[str, Any], wanted: dict[str, Any]
) -> None:
    found = merged_config({"_name_or_path": "x", "rope_parameters": rope}, "fp16")
    numbers = {"dtype": "float16", "torch_dtype": "float16"}
    assert found == {"rope_parameters": rope, **wanted, **numbers}
    assert json.dumps(found)
