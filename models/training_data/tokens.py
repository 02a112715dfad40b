"""How a base model's tokenizer fits data: lengths in tokens, unknown tokens, special tokens."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from models.training.recipe import DataKind
from models.training_data.problems import ProblemLog

MAX_UNKNOWN = 0.01
"""The share of unknown tokens above which a tokenizer does not fit."""
_LARGEST_CONTEXT = 10_000_000
"""Transformers writes a number beyond it where a tokenizer has no limit."""
_GENERATED: frozenset[DataKind] = frozenset(("chat", "preference", "text"))


class TokenCounter:
    """Counts tokens of rows by a tokenizer in Hugging Face's layout."""

    def __init__(self, folder: Path, kind: DataKind | None, log: ProblemLog) -> None:
        """Read a folder, or a tokenizer.json; what is missing is noted."""
        from tokenizers import Tokenizer

        file = folder if folder.is_file() else folder / "tokenizer.json"
        self._log, self._tokenizer, self.context = log, None, 0
        self._tokens = self._unknown = 0
        try:
            self._tokenizer = Tokenizer.from_str(file.read_text(encoding="utf-8"))
        except Exception as error:  # noqa: BLE001 - the library raises Exception itself
            log.add("no_tokenizer", file.name, str(error))
            return
        self._tokenizer.no_truncation()
        self._tokenizer.no_padding()
        settings = _read_json(file.parent / "tokenizer_config.json")
        self.context = _context(settings, _read_json(file.parent / "config.json"))
        self._unknown_id = self._id(_token(settings, "unk_token") or _model_unknown(file))
        self._look_at(settings, file.parent, kind)

    def count(self, texts: Sequence[str]) -> int:
        """Return the tokens of texts together, without special ones."""
        if self._tokenizer is None:
            return 0
        total = 0
        for text in texts:
            ids = self._tokenizer.encode(text, add_special_tokens=False).ids
            total += len(ids)
            if self._unknown_id is not None:
                self._unknown += ids.count(self._unknown_id)
        self._tokens += total
        return total

    def finish(self) -> None:
        """Note that too many tokens were unknown, if they were."""
        if self._tokens and self._unknown > MAX_UNKNOWN * self._tokens:
            share = self._unknown / self._tokens
            self._log.add("unknown_tokens", "", f"{share:.1%} of {self._tokens:,} tokens")

    def _id(self, token: str) -> int | None:
        if self._tokenizer is None or not token:
            return None
        found: int | None = self._tokenizer.token_to_id(token)
        return found

    def _look_at(self, settings: dict[str, Any], folder: Path, kind: DataKind | None) -> None:
        if kind is not None and kind not in _GENERATED:
            return
        if self._id(_token(settings, "eos_token")) is None:
            self._log.add("no_end_token", "tokenizer_config.json", "eos_token")
        if self._id(_token(settings, "pad_token")) is None:
            self._log.add("no_pad_token", "tokenizer_config.json", "pad_token")
        has_template = settings.get("chat_template") or (folder / "chat_template.jinja").is_file()
        if kind in ("chat", "preference") and not has_template:
            self._log.add("no_chat_template", "tokenizer_config.json", "chat_template")


def _read_json(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _token(settings: dict[str, Any], name: str) -> str:
    """Return a special token, which is a text or an object with `content`."""
    found = settings.get(name)
    content = found.get("content") if isinstance(found, dict) else found
    return content if isinstance(content, str) else ""


def _model_unknown(file: Path) -> str:
    model = _read_json(file).get("model")
    found = model.get("unk_token") if isinstance(model, dict) else None
    return found if isinstance(found, str) else ""


def _context(settings: dict[str, Any], config: dict[str, Any]) -> int:
    """Return the most tokens of a row by the model's own files, 0 if they do not say."""
    sizes = (settings.get("model_max_length"), config.get("max_position_embeddings"))
    known = [int(each) for each in sizes if isinstance(each, int | float)]
    return min((each for each in known if 0 < each < _LARGEST_CONTEXT), default=0)
