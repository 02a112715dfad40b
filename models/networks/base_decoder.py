"""A decoder of a base model: its network, its tokenizer, and the template of its conversations."""

from __future__ import annotations

import json
import warnings
from collections.abc import Mapping
from contextlib import redirect_stderr
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer
from transformers import (
    AutoModelForCausalLM,
    AutoModelForImageTextToText,
    AutoModelForSeq2SeqLM,
    PreTrainedModel,
)

from chalicelib.contracts.model_manifest import TEMPLATE_FILE
from chalicelib.inference.chat_template import ChatTemplate, ChatTokenizer
from models.bases.architectures import architecture_of
from models.bases.folder import BaseModel
from models.data.text import TOKENIZER
from models.failures import BadData

_CONFIG = "tokenizer_config.json"
_MARKS = ("bos_token", "eos_token", "unk_token", "pad_token")

AutoModels = (
    type[AutoModelForCausalLM] | type[AutoModelForSeq2SeqLM] | type[AutoModelForImageTextToText]
)


@dataclass(frozen=True, slots=True)
class BaseTokenizer:
    """The tokenizer of a base, with its template.

    `template` is empty if the base has none. `marks` are special tokens by what templates call
    them, and `end` ends a text.
    """

    file: bytes
    tokenizer: Tokenizer
    template: str
    marks: Mapping[str, str]
    end: int

    def chat(self) -> ChatTokenizer:
        """Return the tokenizer of conversations. Raises BadData for a base without a template."""
        return ChatTokenizer(self.tokenizer, self.chat_template())

    def chat_template(self) -> ChatTemplate:
        """Return the template of conversations. Raises BadData for a base without one."""
        if not self.template:
            raise BadData(
                f"The base has no chat template: neither {TEMPLATE_FILE} nor chat_template in "
                f"{_CONFIG}. Take its variant that was tuned for chats, or put one beside it."
            )
        return ChatTemplate(self.template, self.marks)


def read_base_tokenizer(base: BaseModel) -> BaseTokenizer:
    """Read the tokenizer of a base.

    A base of several models has the sizes of texts in its `text_config`.

    Raises:
        BadData: there is none, it has more tokens than the base knows, or no token that ends a
            text.
    """
    path = base.folder / TOKENIZER
    try:
        content = path.read_bytes()
        tokenizer = Tokenizer.from_str(content.decode())
    except Exception as error:  # the library raises plain Exception for a bad file
        raise BadData(f"{path} is no tokenizer: {error}") from error
    config = base.config.get("text_config") or base.config
    known = int(config.get("vocab_size", 0)) + int(config.get("additional_vocab_size", 0))
    size = 1 + max(tokenizer.get_vocab(with_added_tokens=True).values(), default=0)
    if size > known:
        raise BadData(
            f"{path} has {size} tokens, and the base knows {known}: it is not the tokenizer of "
            "this base. Fetch the base again."
        )
    settings = _read_json(base.folder / _CONFIG)
    marks = {name: mark for name in _MARKS if (mark := _mark(settings.get(name)))}
    return BaseTokenizer(
        content, tokenizer, _template(base.folder, settings), marks, _end(base, tokenizer, marks)
    )


def _template(folder: Path, settings: Mapping[str, Any]) -> str:
    path = folder / TEMPLATE_FILE
    if path.is_file():
        return path.read_text(encoding="utf-8")
    written = settings.get("chat_template", "")
    if isinstance(written, list):  # several, by name
        named = {each["name"]: each["template"] for each in written}
        return str(named.get("default", ""))
    return str(written or "")


def _end(base: BaseModel, tokenizer: Tokenizer, marks: Mapping[str, str]) -> int:
    end: Any = tokenizer.token_to_id(marks["eos_token"]) if "eos_token" in marks else None
    if end is None:
        config = base.config.get("text_config") or base.config
        written = config.get("eos_token_id")
        end = written[0] if isinstance(written, list) and written else written
    if not isinstance(end, int):
        raise BadData(
            f"{base.record.name} names no token that ends a text: give eos_token in {_CONFIG}."
        )
    return end


def _mark(written: object) -> str:
    """Return the text of a mark, which is a string, or an object with one."""
    return str(written.get("content", "")) if isinstance(written, dict) else str(written or "")


def _read_json(path: Path) -> Mapping[str, Any]:
    if not path.is_file():
        return {}
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise BadData(f"{path} is no JSON: {error}") from error
    return found if isinstance(found, dict) else {}


@dataclass(frozen=True, slots=True)
class DecoderSizes:
    """The sizes of a decoder that its cache of keys and values depends on."""

    vocabulary: int
    context: int
    layers: int
    heads: int
    head_size: int
    width: int

    @classmethod
    def of(cls, base: BaseModel) -> DecoderSizes:
        """Read the sizes of a base. Raises BadData if it can't be tuned."""
        architecture_of(base.config, base.record.name, "decoder")
        config = base.config
        try:
            width, heads = int(config["hidden_size"]), int(config["num_attention_heads"])
            return cls(
                vocabulary=int(config["vocab_size"]),
                context=_context(config),
                layers=int(config["num_hidden_layers"]),
                heads=int(config.get("num_key_value_heads") or heads),
                head_size=int(config.get("head_dim") or width // heads),
                width=width,
            )
        except (KeyError, TypeError, ValueError, ZeroDivisionError) as error:
            raise BadData(
                f"config.json of {base.record.name} lacks a size: {error!r}. Fetch the base again."
            ) from error


def _context(config: Mapping[str, Any]) -> int:
    """Return the tokens that a decoder sees; beyond a sliding window it would forget."""
    context = int(config["max_position_embeddings"])
    window = config.get("sliding_window") if config.get("use_sliding_window") else None
    return min(context, int(window)) if window else context


def load_decoder(base: BaseModel) -> PreTrainedModel:
    """Return the network of a base with its weights, as fp32.

    Raises:
        BadData: its architecture is not tuned here, or its weights are not those of its config.
    """
    DecoderSizes.of(base)
    return load_weights(base, AutoModelForCausalLM)


def load_weights(base: BaseModel, loader: AutoModels) -> PreTrainedModel:
    """Return the network that a class of transformers makes of a base, with weights in fp32.

    Raises:
        BadData: its weights cannot be read, or are not those of its config.
    """
    try:
        # A bar of progress is no line of a job's log.
        with redirect_stderr(StringIO()), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            network, report = loader.from_pretrained(
                base.folder,
                dtype=torch.float32,
                attn_implementation="sdpa",
                local_files_only=True,
                trust_remote_code=False,
                use_safetensors=True,
                output_loading_info=True,
            )
    except (OSError, ValueError, RuntimeError) as error:
        raise BadData(f"{base.record.name} cannot be loaded: {error}") from error
    if missing := sorted(report["missing_keys"]):
        raise BadData(
            f"{base.record.name} lacks the weights {', '.join(missing[:3])}; fetch it again."
        )
    found: PreTrainedModel = network
    return found
