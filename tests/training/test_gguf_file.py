"""A decoder as GGUF: what llama.cpp makes of it, and what is not written."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import gguf
import pytest
import torch
from tokenizers import Regex, Tokenizer, pre_tokenizers
from transformers.modeling_gguf_pytorch_utils import load_gguf_checkpoint

from models import gguf_file
from models.bases.folder import BaseModel, read_base, record_base
from models.failures import BadData
from models.gguf_file import GgufEncoding, write_gguf
from models.gguf_probe import GGUF_FILE, probe_texts
from models.merged_model import write_merged_gguf
from models.networks.base_decoder import load_decoder
from tests.training.conftest import PROJECT
from tests.training.tiny_bases import CHATML, write_tiny_base

LLAMA_CPP = PROJECT / ".venv" / "bin" / "python"
"""The environment of the local cloud has llama.cpp."""
LLAMA3 = {
    "rope_type": "llama3",
    "rope_theta": 10_000.0,
    "factor": 4.0,
    "low_freq_factor": 1.0,
    "high_freq_factor": 4.0,
    "original_max_position_embeddings": 64,
}
WORDS = {name: pattern for pattern, name in gguf_file._SPLITS.items()}
SPLITS: dict[str, Any] = {
    "gpt-2": pre_tokenizers.ByteLevel(add_prefix_space=False),
    "smollm": pre_tokenizers.Sequence(
        [
            pre_tokenizers.Digits(individual_digits=True),
            pre_tokenizers.ByteLevel(add_prefix_space=False),
        ]
    ),
    **{
        name: pre_tokenizers.Sequence(
            [
                pre_tokenizers.Split(Regex(pattern), "isolated"),
                pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
            ]
        )
        for name, pattern in WORDS.items()
    },
}


def base_of(folder: Path, written: str, splitting: str, **config: Any) -> BaseModel:
    write_tiny_base(folder, written, texts=[*probe_texts()] * 2)
    path = folder / "tokenizer.json"
    tokenizer = Tokenizer.from_file(str(path))
    tokenizer.pre_tokenizer = SPLITS[splitting]
    tokenizer.save(str(path))
    settings = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**settings, **config}))
    record_base(folder, name="tiny", source="tests", licence="Apache-2.0")
    return read_base(folder)


@pytest.mark.skipif(not LLAMA_CPP.exists(), reason="llama.cpp is in the local cloud's environment")
@pytest.mark.parametrize(
    ("model_type", "splitting", "config", "encoding"),
    [
        ("llama", "smollm", {}, "q8_0"),
        ("llama", "llama-bpe", {"rope_parameters": LLAMA3}, "f16"),
        ("qwen2", "qwen2", {}, "f16"),
        ("qwen3", "gpt-2", {}, "f16"),
    ],
)
def test_llama_cpp_should_read_the_same_tokens_as_likely(
    model_type: str, splitting: str, config: Any, encoding: GgufEncoding, tmp_path: Path
) -> None:
    base_of(tmp_path / "base", model_type, splitting, **config)
    write_merged_gguf(tmp_path / "base", tmp_path, encoding)
    command = [str(LLAMA_CPP), "-m", "models.gguf_check", str(tmp_path)]
    done = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-1000:]
    found = json.loads(done.stdout.splitlines()[-1])
    assert found["perplexity"] == pytest.approx(found["network_perplexity"], rel=0.02)
    # Positions that were not slowed, or words that were split otherwise, must not pass.
    reader = gguf.GGUFReader(str(tmp_path / GGUF_FILE))
    pre = reader.get_field("tokenizer.ggml.pre")
    assert pre is not None
    assert pre.contents() == splitting


def test_weights_and_template_should_come_back_as_they_were(tmp_path: Path) -> None:
    base = base_of(tmp_path / "base", "llama", "gpt-2")
    network = load_decoder(base)
    written = tmp_path / GGUF_FILE
    write_gguf(base, network.state_dict(), written)
    template = gguf.GGUFReader(str(written)).get_field("tokenizer.chat_template")
    assert template is not None
    assert template.contents() == CHATML
    # transformers undoes llama.cpp's order of rows by its own code.
    read = load_gguf_checkpoint(str(written), return_tensors=True, model_to_load=network)
    wanted = network.state_dict()
    for name, each in read["tensors"].items():
        assert torch.allclose(torch.as_tensor(each).float(), wanted[name], atol=1e-3), name
    assert len(read["tensors"]) == len(wanted) - 1, "the head is tied to the embeddings"
    del wanted["model.layers.1.mlp.up_proj.weight"]
    with pytest.raises(BadData, match=r"blk\.1\.ffn_up"):
        write_gguf(base, wanted, tmp_path / "other.gguf")


@pytest.mark.parametrize(
    ("config", "pre_tokenizer", "says"),
    [
        ({"model_type": "bert"}, None, "architecture bert, and GGUF is written of llama, qwen2"),
        ({"rope_parameters": {"rope_type": "yarn", "factor": 4.0}}, None, "positions by 'yarn'"),
        ({}, pre_tokenizers.Metaspace(), "Convert the safetensors by llama.cpp"),
        ({}, pre_tokenizers.Split(Regex(r"\w+"), "isolated"), "none that is written as GGUF"),
    ],
)
def test_what_is_not_written_should_be_said(
    config: Any, pre_tokenizer: Any, says: str, tmp_path: Path
) -> None:
    base = base_of(tmp_path / "base", "llama", "gpt-2", **config)
    if pre_tokenizer is not None:
        path = base.folder / "tokenizer.json"
        tokenizer = Tokenizer.from_file(str(path))
        tokenizer.pre_tokenizer = pre_tokenizer
        tokenizer.save(str(path))
    with pytest.raises(BadData, match=says):
        write_gguf(base, {}, tmp_path / GGUF_FILE)
