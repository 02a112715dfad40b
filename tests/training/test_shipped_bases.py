"""Base models that are made here: their tokens, their weights, and what their records say."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import torch
from transformers import AutoModel, AutoTokenizer, BertConfig, BertModel

from models.bases.folder import read_base
from models.export.graphs import muted_exporter
from models.failures import OutOfParity
from models.pull.base_conversion import require_parity
from models.pull.base_references import NoBase
from models.pull.shipped_bases import SHIPPED, is_kept, shipped_base

SMOLLM, MINILM = "smollm2-135m-instruct", "minilm-l6-v2"
LLAMA_CPP = {
    "a  12 b\n\n12. item\n  3) x": "81 256 33 34 278 1116 33 34 30 5033 11181 35 25 1792",
    "return x+10\n\n\n100": "5406 1792 27 33 32 16506 33 32 32",
    "naïve café — 東京": "3546 46494 37366 1841 17097 247 126 16736 122",
}
"""Tokens that llama.cpp finds with the vocabulary of the same file."""


def _made(name: str) -> Path:
    try:
        return shipped_base(name)
    except NoBase as error:
        return pytest.skip(str(error))


def test_numbers_should_have_the_tokens_that_the_model_learned() -> None:
    tokenizer = AutoTokenizer.from_pretrained(_made(SMOLLM))
    for text, tokens in LLAMA_CPP.items():
        assert tokenizer(text)["input_ids"] == [int(each) for each in tokens.split()]
    turns = [{"role": "user", "content": "Hi"}]
    prompt = tokenizer.apply_chat_template(turns, tokenize=False, add_generation_prompt=True)
    assert prompt.endswith("<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n")


@pytest.mark.parametrize("name", [SMOLLM, MINILM])
def test_a_shipped_base_should_be_what_its_table_says(name: str) -> None:
    told, base = SHIPPED[name], read_base(_made(name))
    with (base.folder / "model.safetensors").open("rb") as file:
        header = json.loads(file.read(int.from_bytes(file.read(8), "little")))
    shapes = [each["shape"] for key, each in header.items() if key != "__metadata__"]
    assert sum(torch.Size(shape).numel() for shape in shapes) == told.parameters
    size = sum(each.bytes for each in base.record.files.values())
    assert size == pytest.approx(told.bytes, rel=0.01)
    assert (base.model_type, base.record.licence) == (told.architecture, told.licence)
    assert base.record.notes == told.notes
    assert ("dequantised from Q4_1" in told.notes) == (name == SMOLLM)


def test_a_conversion_should_fail_when_it_computes_something_else(tmp_path: Path) -> None:
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=1200,
        hidden_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=32,
        max_position_embeddings=32,
    )
    model = BertModel(config, add_pooling_layer=False).eval()
    ids = torch.ones(2, 5, dtype=torch.long)
    mask = torch.tensor([[1, 1, 1, 1, 1], [1, 1, 1, 0, 0]])
    named = {"input_ids": ids, "attention_mask": mask, "token_type_ids": ids * 0}
    axes = {0: torch.export.Dim("rows", max=8), 1: torch.export.Dim("tokens", max=30)}
    with muted_exporter():
        torch.onnx.export(
            model,
            kwargs=named,
            f=tmp_path / "model.onnx",
            dynamic_shapes=dict.fromkeys(named, axes),
            verbose=False,
        )
    require_parity(model, tmp_path / "model.onnx")
    with torch.no_grad():
        model.encoder.layer[0].intermediate.dense.weight *= 2
    with pytest.raises(OutOfParity, match=r"at most 0\.0001 is allowed"):
        require_parity(model, tmp_path / "model.onnx")


def test_minilm_should_put_texts_where_its_authors_do() -> None:
    folder = _made(MINILM)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModel.from_pretrained(folder, add_pooling_layer=False)
    texts = ["The weather is lovely today.", "It's so sunny outside!", "He drove to the stadium."]
    with torch.no_grad():
        given = tokenizer(texts, padding=True, return_tensors="pt")
        hidden, mask = model(**given).last_hidden_state, given["attention_mask"][..., None]
        vectors = torch.nn.functional.normalize((hidden * mask).sum(1) / mask.sum(1))
    cosines = (vectors @ vectors.T)[0, 1:].tolist()
    assert cosines == pytest.approx([0.6660, 0.1046], abs=5e-5)


def test_a_broken_folder_should_be_made_again(tmp_path: Path) -> None:
    folder = tmp_path / MINILM
    shutil.copytree(_made(MINILM), folder)
    assert is_kept(folder)
    (folder / "model.safetensors").write_bytes(b"half")
    assert not is_kept(folder)


def test_an_unknown_name_should_list_the_others_and_the_other_ways(tmp_path: Path) -> None:
    with pytest.raises(NoBase, match=r"'smol'.*smollm2-135m-instruct.*hf:OWNER/NAME@REVISION"):
        shipped_base("smol", tmp_path)
