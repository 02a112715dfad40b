"""Bases that begin anew: weights drawn at random, and a tokenizer learned from the rows of a data.

    folder = new_base("t5-mini", channel)     # models/cache/bases/new-t5-mini-VERSION

They are for tasks for which no pretrained model is at hand, or needed: spelling, transliteration,
dates, pronunciation. The tokenizer is of bytes and of what is merged of them, so that it reads and
writes any text. The same rows make the same base.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Iterator, Mapping
from contextlib import redirect_stderr
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING

from models import files
from models.bases.folder import record_base
from models.bases.image_files import AROUND_IMAGE_MARK, IMAGE_MARK, PREPROCESSOR
from models.failures import BadData
from models.pull.base_references import NEW, NoBase
from models.pull.shipped_bases import BASES, is_kept
from models.training_data.channel import read_channel, read_manifest
from models.training_data.rows import ROWS

if TYPE_CHECKING:
    from tokenizers import Tokenizer
    from transformers import PreTrainedModel

PAD, START, END = "<pad>", "<s>", "</s>"
LICENCE = "CC0-1.0"
_SEED = 0


@dataclass(frozen=True, slots=True)
class NewBase:
    """The sizes of a base that begins anew: `layers` are those of each half.

    One that sees cuts pictures of `side` pixels into patches of `patch`, and makes `vectors` of
    each picture.
    """

    model_type: str
    width: int
    layers: int
    heads: int
    vocabulary: int
    positions: int = 1024
    side: int = 0
    patch: int = 0
    vectors: int = 0

    @property
    def special(self) -> tuple[str, ...]:
        """Return the marks of its tokenizer."""
        pictures = (AROUND_IMAGE_MARK, IMAGE_MARK) if self.model_type == "idefics" else ()
        return (PAD, START, END, *pictures)


NEW_BASES: Mapping[str, NewBase] = {
    "t5-tiny": NewBase("t5", 64, 2, 4, 384),
    "t5-mini": NewBase("t5", 128, 3, 4, 512),
    "t5-small": NewBase("t5", 256, 4, 8, 4096),
    "bart-mini": NewBase("bart", 128, 3, 4, 512),
    "bart-small": NewBase("bart", 256, 4, 8, 4096),
    "blip2-tiny": NewBase("blip-2", 64, 2, 4, 384, 512, side=32, patch=8, vectors=8),
    "blip2-mini": NewBase("blip-2", 128, 4, 4, 1024, 1024, side=64, patch=8, vectors=8),
    "idefics-tiny": NewBase("idefics", 64, 2, 4, 384, 512, side=32, patch=8, vectors=8),
    "idefics-mini": NewBase("idefics", 128, 4, 4, 1024, 1024, side=64, patch=8, vectors=8),
}


def new_base(name: str, channel: Path, into: Path = BASES) -> Path:
    """Return the folder of a base that begins anew with the rows of a prepared channel.

    Raises:
        NoBase: there is none called `name`.
        BadData: the folder is no channel, or its rows have no texts.
        DiskFull: there was no room.
    """
    sizes = NEW_BASES.get(name)
    if sizes is None:
        raise NoBase(f"There is no {NEW}{name}; there are {NEW}{f', {NEW}'.join(NEW_BASES)}.")
    version = read_manifest(channel).version
    folder = into / f"new-{name}-{version[:16]}"
    with files.exclusive_lock(into):
        if not is_kept(folder):
            _make(name, sizes, channel, folder)
    return folder


def _make(name: str, sizes: NewBase, channel: Path, folder: Path) -> None:
    version = read_manifest(channel).version
    staging = folder.with_name(f".{folder.name}.staging")
    shutil.rmtree(staging, ignore_errors=True)
    staging.mkdir(parents=True)
    try:
        write_new_base(sizes, texts_of(channel), staging)
        record_base(
            staging,
            name=f"{NEW}{name}",
            source=f"{NEW}{name}",
            revision=version,
            licence=LICENCE,
            notes=f"it began anew: weights drawn at random, and a tokenizer of the rows of the "
            f"data {version[:12]}",
        )
        shutil.rmtree(folder, ignore_errors=True)
        staging.replace(folder)
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def texts_of(channel: Path) -> Iterator[str]:
    """Yield the texts of the training rows of a channel. Raises BadData if there are none."""
    found = read_channel(channel, ROWS[read_manifest(channel).kind])
    empty = True
    for row in found.train:
        for text in (*row.input_texts(), *row.answer_texts()):
            empty = False
            yield text
    if empty:
        raise BadData(f"{channel} has no texts, and a new base learns its tokenizer from them.")


def write_new_base(sizes: NewBase, texts: Iterable[str], folder: Path) -> None:
    """Write weights, config and tokenizer of a base that begins anew into a folder."""
    import torch

    tokenizer = byte_tokenizer(texts, sizes)
    tokenizer.save(str(folder / "tokenizer.json"))
    settings = {
        "pad_token": PAD,
        "bos_token": START,
        "eos_token": END,
        "tokenizer_class": "PreTrainedTokenizerFast",
    }
    files.write_json(folder / "tokenizer_config.json", settings)
    if sizes.side:
        files.write_json(folder / PREPROCESSOR, {"image_mean": [0.5] * 3, "image_std": [0.5] * 3})
    # A bar of progress is no line of a command's answer.
    with torch.random.fork_rng(devices=[]), redirect_stderr(StringIO()):
        torch.manual_seed(_SEED)
        _network(sizes, tokenizer).save_pretrained(folder)


def byte_tokenizer(texts: Iterable[str], sizes: NewBase) -> Tokenizer:
    """Return a tokenizer of bytes, merged by how often they stand side by side in texts.

    Digits stay apart, so that numbers are written digit by digit. T5's marks are put after a text,
    and BART's around it.
    """
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers

    made = Tokenizer(models.BPE())
    made.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Digits(individual_digits=True),
            pre_tokenizers.ByteLevel(add_prefix_space=False),
        ]
    )
    made.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=sizes.vocabulary,
        min_frequency=2,
        special_tokens=[*sizes.special],
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    made.train_from_iterator(texts, trainer)
    around = f"{START} $A {END}" if sizes.model_type == "bart" else f"$A {END}"
    marks = [(mark, made.token_to_id(mark)) for mark in (START, END)]
    made.post_processor = processors.TemplateProcessing(single=around, special_tokens=marks)
    return made


def _network(sizes: NewBase, tokenizer: Tokenizer) -> PreTrainedModel:
    if sizes.side:
        from models.pull.new_vision_language import new_vision_language

        return new_vision_language(sizes, tokenizer)
    from transformers import (
        BartConfig,
        BartForConditionalGeneration,
        T5Config,
        T5ForConditionalGeneration,
    )

    pad, start, end = (tokenizer.token_to_id(each) for each in (PAD, START, END))
    inner, vocabulary = 4 * sizes.width, tokenizer.get_vocab_size()
    if sizes.model_type == "t5":
        return T5ForConditionalGeneration(
            T5Config(
                vocab_size=vocabulary,
                d_model=sizes.width,
                d_kv=sizes.width // sizes.heads,
                d_ff=inner,
                num_layers=sizes.layers,
                num_heads=sizes.heads,
                dropout_rate=0.1,
                pad_token_id=pad,
                eos_token_id=end,
                decoder_start_token_id=pad,
            )
        )
    return BartForConditionalGeneration(
        BartConfig(
            vocab_size=vocabulary,
            d_model=sizes.width,
            encoder_layers=sizes.layers,
            decoder_layers=sizes.layers,
            encoder_attention_heads=sizes.heads,
            decoder_attention_heads=sizes.heads,
            encoder_ffn_dim=inner,
            decoder_ffn_dim=inner,
            max_position_embeddings=sizes.positions,
            dropout=0.1,
            pad_token_id=pad,
            bos_token_id=start,
            eos_token_id=end,
            decoder_start_token_id=end,
            forced_eos_token_id=None,
        )
    )
