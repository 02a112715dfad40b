"""Base models of a hub, against a hub of this process."""

from __future__ import annotations

import json
import os
import struct
from collections.abc import Iterator
from pathlib import Path

import pytest

from models.bases.folder import read_base
from models.failures import DiskFull
from models.pull.base_references import NoBase, parse_reference
from models.pull.cache import WrongHash
from models.pull.hub_bases import HubAccess, hub_base
from tests.unit.models.bases.hub import TOKEN, Hub, Repository, serve

CONFIG = json.dumps({"model_type": "llama", "vocab_size": 8}).encode()
HEADER = b'{"w":{"dtype":"U8","shape":[4000],"data_offsets":[0,4000]}}'
WEIGHTS = struct.pack("<Q", len(HEADER)) + HEADER + os.urandom(4000)
LARGE = bytes(24 << 20)
CHUNK = 10 << 20
"""What the library writes at a time, and so what is left of a download that broke off."""
FILES = {
    "README.md": b"---\nlicense: apache-2.0\n---\n",
    "config.json": CONFIG,
    "tokenizer.json": b"{}",
    "chat_template.jinja": b"{{ messages }}",
    "model.safetensors": WEIGHTS,
    "pytorch_model.bin": b"a pickle",
    "modeling_own.py": b"print('never run')",
    "onnx/model.onnx": b"another form",
}
KEPT = {"config.json", "tokenizer.json", "chat_template.jinja", "model.safetensors"}
PIPELINE = {
    "model_index.json": json.dumps(
        {
            "_class_name": "StableDiffusionPipeline",
            "unet": ["diffusers", "UNet2DConditionModel"],
            "vae": ["diffusers", "AutoencoderKL"],
            "text_encoder": ["transformers", "CLIPTextModel"],
            "tokenizer": ["transformers", "CLIPTokenizer"],
            "scheduler": ["diffusers", "PNDMScheduler"],
            "safety_checker": ["stable_diffusion", "StableDiffusionSafetyChecker"],
        }
    ).encode(),
    "unet/diffusion_pytorch_model.safetensors": WEIGHTS,
    "vae/diffusion_pytorch_model.safetensors": WEIGHTS,
    "text_encoder/model.safetensors": WEIGHTS,
    "tokenizer/merges.txt": b"",
    "scheduler/scheduler_config.json": b"{}",
}
BESIDE = {
    "sd-v1.ckpt": b"a pickle",
    "unet/diffusion_pytorch_model.bin": b"a pickle",
    "unet/diffusion_pytorch_model.fp16.safetensors": WEIGHTS,
    "safety_checker/model.safetensors": WEIGHTS,
}
"""What lies beside a pipeline in repositories, and is no part of a base."""


def shards(*names: str) -> dict[str, bytes]:
    """Return the files of a repository whose weights are in two shards, with those in `names`."""
    parts = ["model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"]
    index = json.dumps({"weight_map": {"a": parts[0], "b": parts[1]}}).encode()
    there = {name: WEIGHTS for name in parts if name in names}
    return {"config.json": CONFIG, "model.safetensors.index.json": index, **there}


@pytest.fixture
def hub() -> Iterator[Hub]:
    without = {name: content for name, content in FILES.items() if "safetensors" not in name}
    gemma = {"license": "gemma"}
    repositories = {
        "own/er": Repository(FILES),
        "own/large": Repository({**FILES, "model.safetensors": LARGE}),
        "gated/llama": Repository(FILES, gated=True),
        "huge/model": Repository(FILES, sizes={"model.safetensors": 10**15}),
        "no/weights": Repository(without),
        "an/adapter": Repository({"adapter_config.json": b"{}", "adapter_model.safetensors": b""}),
        "a/pipeline": Repository({**PIPELINE, **BESIDE}),
        "of/pickles": Repository(
            {name: content for name, content in PIPELINE.items() if "unet/" not in name}
        ),
        "of/flux": Repository({**PIPELINE, "model_index.json": b'{"_class_name": "FluxPipeline"}'}),
        "of/mamba": Repository({**FILES, "config.json": b'{"model_type": "mamba"}'}),
        "some/gemma": Repository(FILES, card=gemma),
        "no/licence": Repository(FILES, card={}),
        "two/shards": Repository(shards("model-00001-of-00002.safetensors"), lfs=()),
    }
    with serve(repositories) as served:
        yield served


def pull(hub: Hub, text: str, into: Path, token: str = "", *accepted: str) -> Path:
    access = HubAccess(hub.endpoint, token)
    return hub_base(parse_reference(text), into, access=access, accepted=frozenset(accepted))


def test_a_base_should_be_pinned_to_its_commit_and_hold_no_code(hub: Hub, tmp_path: Path) -> None:
    folder = pull(hub, "hf:own/er@main", tmp_path, TOKEN)
    base = read_base(folder)
    assert set(base.record.files) == KEPT
    assert {path.name for path in folder.iterdir()} == {*KEPT, "base.json"}
    assert (base.record.source, base.record.revision) == ("hf:own/er", "c0ffee" + "0" * 34)
    assert base.record.licence == "apache-2.0"
    assert (folder / "model.safetensors").read_bytes() == WEIGHTS
    assert hub.tokens == [""], "the token went to the host of large files"
    before = len(hub.sent())
    assert pull(hub, "hf:own/er", tmp_path) == folder
    assert len(hub.sent()) == before + 1, "more than the description was asked for"
    assert pull(hub, f"hf:own/er@{base.record.revision}", tmp_path) == folder
    assert len(hub.sent()) == before + 1, "a kept commit was asked for again"


def test_a_pipeline_should_be_pulled_with_the_folders_of_its_models(
    hub: Hub, tmp_path: Path
) -> None:
    folder = pull(hub, "hf:a/pipeline", tmp_path)
    found = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    assert found == {*PIPELINE, "base.json"}
    assert read_base(folder).model_type == "StableDiffusionPipeline"


def test_a_download_that_breaks_should_go_on_by_itself(hub: Hub, tmp_path: Path) -> None:
    hub.breaks.append("half")
    folder = pull(hub, "hf:own/large", tmp_path)
    assert (folder / "model.safetensors").read_bytes() == LARGE
    assert hub.ranges() == ["", f"bytes={CHUNK}-"]


def test_what_was_fetched_should_be_kept_for_the_next_pull(hub: Hub, tmp_path: Path) -> None:
    hub.breaks += ["half", "refuse"]
    with pytest.raises(NoBase, match="answered 503 for hf:own/large; try later"):
        pull(hub, "hf:own/large", tmp_path)
    hub.asked.clear()
    folder = pull(hub, "hf:own/large", tmp_path)
    assert (folder / "model.safetensors").read_bytes() == LARGE
    assert hub.ranges() == [f"bytes={CHUNK}-"]


def test_other_bytes_should_not_be_kept(hub: Hub, tmp_path: Path) -> None:
    hub.breaks.append("change")
    with pytest.raises(WrongHash, match=r"model\.safetensors of own/er .* hash differs"):
        pull(hub, "hf:own/er", tmp_path)
    assert pull(hub, "hf:own/er", tmp_path).is_dir()


@pytest.mark.parametrize(
    ("name", "token", "said"),
    [
        ("hf:gated/llama", "", "gated, and HF_TOKEN is not set. Accept its licence at http"),
        ("hf:gated/llama", "hf_other", "gated, and the token in HF_TOKEN has no access"),
        ("hf:own/er@v9", "", "own/er has no revision 'v9'"),
        ("hf:un/known", "", "un/known is not there, or is private: check OWNER/NAME"),
        ("hf:no/weights", "", r"no weights as safetensors. It has pytorch_model.bin. Pickles"),
        ("hf:an/adapter", "", "holds adapters alone"),
        ("hf:of/pickles", "", "unet has no weights as one file of safetensors"),
        ("hf:of/flux", "", "architecture 'FluxPipeline', which is not offered"),
        ("hf:of/mamba", "", "architecture 'mamba', which is not offered. There are decoder: llama"),
        ("hf:some/gemma", "", "licence 'gemma'.*ai.google.dev.*--accept-licence gemma"),
        ("hf:no/licence", "", "names no licence.*--accept-licence unknown"),
        ("hf:two/shards", "", "lacks model-00002-of-00002.safetensors"),
    ],
)
def test_what_cannot_be_had_should_say_what_to_do(
    hub: Hub, tmp_path: Path, name: str, token: str, said: str
) -> None:
    with pytest.raises(NoBase, match=f"(?s){said}"):
        pull(hub, name, tmp_path, token)
    if "shards" not in name:
        assert hub.ranges() == [], "weights were fetched"


def test_a_licence_that_was_accepted_should_stand_in_the_record(hub: Hub, tmp_path: Path) -> None:
    folder = pull(hub, "hf:some/gemma", tmp_path, "", "Gemma")
    assert read_base(folder).record.notes == "its licence, gemma, was accepted by who fetched it"
    assert pull(hub, "hf:gated/llama", tmp_path, TOKEN).is_dir()


def test_a_busy_hub_should_be_asked_again_once(hub: Hub, tmp_path: Path) -> None:
    hub.busy = 1
    assert pull(hub, "hf:own/er", tmp_path).is_dir()
    hub.busy = 2
    with pytest.raises(NoBase, match="answered 503 for hf:own/large; try later"):
        pull(hub, "hf:own/large", tmp_path)


def test_a_disk_without_room_should_fail_before_weights_are_fetched(
    hub: Hub, tmp_path: Path
) -> None:
    with pytest.raises(DiskFull, match=r"1,000,000,000,[\d,]+ bytes are missing"):
        pull(hub, "hf:huge/model", tmp_path)
    assert len(hub.sent()) == 1


def test_no_network_should_name_what_helps(hub: Hub, tmp_path: Path) -> None:
    with pytest.raises(NoBase, match=r"cannot be reached: .* set HF_ENDPOINT to a mirror"):
        hub_base(parse_reference("hf:own/er"), tmp_path, access=HubAccess("http://127.0.0.1:9"))


def test_the_endpoint_and_the_token_should_come_from_the_environment() -> None:
    mirror = {"HF_ENDPOINT": "https://mirror.example/", "HF_TOKEN": " hf_1 "}
    assert HubAccess.of(mirror) == HubAccess("https://mirror.example", "hf_1")
    assert HubAccess.of({}).endpoint.startswith("https://")
