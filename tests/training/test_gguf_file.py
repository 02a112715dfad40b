"""A tuned decoder as GGUF: what is copied of its base, and the order of rows in a head."""

from __future__ import annotations

from pathlib import Path

import gguf
import numpy as np
import pytest
import torch
from transformers import LlamaConfig, LlamaForCausalLM
from transformers.modeling_gguf_pytorch_utils import load_gguf_checkpoint

from models.failures import BadData
from models.gguf_file import write_gguf

CONFIG = LlamaConfig(
    vocab_size=32,
    hidden_size=16,
    intermediate_size=24,
    num_hidden_layers=2,
    num_attention_heads=4,
    num_key_value_heads=2,
    max_position_embeddings=64,
    tie_word_embeddings=True,
)


def decoder(seed: int) -> LlamaForCausalLM:
    torch.manual_seed(seed)
    return LlamaForCausalLM(CONFIG).eval()


@pytest.fixture
def base(tmp_path: Path) -> Path:
    """Return a GGUF with the sizes of the config and empty weights."""
    file = tmp_path / "base.gguf"
    writer = gguf.GGUFWriter(str(file), "llama")
    writer.add_block_count(CONFIG.num_hidden_layers)
    writer.add_head_count(CONFIG.num_attention_heads)
    writer.add_head_count_kv(CONFIG.num_key_value_heads)
    writer.add_embedding_length(CONFIG.hidden_size)
    writer.add_feed_forward_length(CONFIG.intermediate_size)
    writer.add_context_length(CONFIG.max_position_embeddings)
    writer.add_vocab_size(CONFIG.vocab_size)
    writer.add_chat_template("{{ messages }}")
    writer.add_array("tokenizer.ggml.tokens", [f"t{at}" for at in range(CONFIG.vocab_size)])
    names = gguf.get_tensor_name_map(gguf.MODEL_ARCH.LLAMA, CONFIG.num_hidden_layers)
    for name, weight in decoder(0).state_dict().items():
        known = names.get_name(name, try_suffixes=(".weight",))
        if known is not None and name != "lm_head.weight":
            writer.add_tensor(known, np.zeros(weight.shape, np.float16))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return file


def test_weights_come_back_as_they_were_and_the_template_is_the_bases(
    base: Path, tmp_path: Path
) -> None:
    tuned = decoder(1)
    written = tmp_path / "tuned.gguf"
    write_gguf(base, tuned.state_dict(), written)
    reader = gguf.GGUFReader(str(written))
    template = reader.get_field("tokenizer.chat_template")
    assert template is not None
    assert template.contents() == "{{ messages }}"
    # transformers undoes llama.cpp's order of rows by its own code.
    read = load_gguf_checkpoint(str(written), return_tensors=True, model_to_load=decoder(2))
    again = {name: torch.as_tensor(each) for name, each in read["tensors"].items()}
    wanted = tuned.state_dict()
    for name, each in again.items():
        assert torch.allclose(each.float(), wanted[name], atol=1e-3), name
    assert len(again) == len(wanted) - 1, "the head is tied to the embeddings"


def test_a_missing_weight_is_named(base: Path, tmp_path: Path) -> None:
    weights = dict(decoder(1).state_dict())
    del weights["model.layers.1.mlp.up_proj.weight"]
    with pytest.raises(BadData, match=r"blk\.1\.ffn_up"):
        write_gguf(base, weights, tmp_path / "tuned.gguf")
