"""A tuned decoder as a whole model of its own: the base with what was learned merged into it.

    python -m models.merged_model VERSION BASE INTO --name GROUP/NUMBER

    VERSION   the artefacts of a training of a recipe that tunes a decoder
    BASE      the base that it was tuned from
    INTO      left with the model in Hugging Face's layout, its record base.json, and a README.md;
              with --gguf, with model.gguf instead

The logits of what was written are compared with those of the base and its adapter. It prints a line
of JSON: the files and what was compared.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import redirect_stderr
from dataclasses import asdict, dataclass
from io import StringIO
from pathlib import Path
from typing import Any, Final, Literal

import torch
from peft import PeftModel
from transformers import PreTrainedModel

from models.bases.folder import (
    CHANNEL,
    CONFIG,
    RECORD,
    SHARDS,
    BaseModel,
    read_base,
    record_base,
)
from models.failures import BadData, OutOfParity, TrainingFailure
from models.files import write_atomically, write_json
from models.gguf_file import ENCODINGS, GgufEncoding, write_gguf
from models.gguf_probe import GGUF_FILE, PROBE_FILE, Probe, probe_texts, probed_places
from models.jobs.finish import restore_network
from models.networks.base_decoder import load_decoder, read_base_tokenizer
from models.networks.tuned_decoder import TunedDecoder
from models.training import artefacts
from models.training.artefacts import TrainedModel

Precision = Literal["fp32", "bf16", "fp16"]
PRECISIONS: Final[Mapping[Precision, torch.dtype]] = {
    "fp32": torch.float32,
    "bf16": torch.bfloat16,
    "fp16": torch.float16,
}
TOLERANCES: Final[dict[Precision, float]] = {"fp32": 1e-4, "bf16": 0.05, "fp16": 0.01}
"""By how much logits may differ, as a share of the largest one."""
TOKENIZER_CONFIG = "tokenizer_config.json"
_LATER_CLASS = "TokenizersBackend"
_OF_THIS_MACHINE = ("backend", "is_local", "local_files_only")
_CARD = "README.md"
_SHARD_BYTES = 5 * 1000**3
_PROBED_TOKENS = 64


@dataclass(frozen=True, slots=True)
class MergedModel:
    """A merged model that was written: the largest difference of logits, as a share of them."""

    name: str
    licence: str
    precision: Precision
    difference: float
    tolerance: float


def merge(
    version: Path, base_folder: Path, into: Path, *, name: str, precision: Precision = "fp32"
) -> MergedModel:
    """Write a version as a whole model, and compare its logits with the version's.

    Raises:
        BadData: the version tunes no decoder, or in a way that cannot be merged; or the base is not
            the one that it was tuned from.
        OutOfParity: the merged model says something else.
        DiskFull: there was no room.
    """
    base = read_base(base_folder)
    trained = artefacts.read_training(version, version)
    network, recipe = _tuned(trained, base, name), trained.training.recipe
    tokens = _probed_tokens(base)
    wanted = _logits(network.decoder, tokens)
    _write_weights(merged_decoder(network), into, precision)
    del network, trained  # what was written is loaded again, and two of them may not fit
    for file in base.record.files:
        if not file.endswith(".safetensors") and file not in (CONFIG, SHARDS):
            shutil.copyfile(base.folder / file, into / file)
    write_json(into / CONFIG, merged_config(base.config, precision))
    _write_tokenizer_config(into / TOKENIZER_CONFIG, read_base_tokenizer(base).template)
    made = record_base(
        into,
        name=name,
        source=f"{base.record.source or base.record.name}, tuned by {recipe} as {name}",
        revision=base.record.revision,
        licence=base.record.licence,
        notes=base.record.notes,
    )
    found = _logits(load_decoder(read_base(into)), tokens)
    difference = float((found - wanted).abs().max() / wanted.abs().max())
    tolerance = TOLERANCES[precision]
    if not difference <= tolerance:
        raise OutOfParity(
            f"The merged model's logits differ from those of {name} by {difference:.2g} of the "
            f"largest, and may by {tolerance:g}. Merge it with another --precision."
        )
    told = MergedModel(name, made.licence, precision, difference, tolerance)
    write_atomically(into / _CARD, _card(told, base, recipe).encode())
    return told


def merged_config(config: Mapping[str, Any], precision: Precision) -> dict[str, Any]:
    """Return the settings of a merged model, readable by transformers before version 5 as well.

    Bedrock reads imported models by an older one, which knows `rope_theta` and `torch_dtype`.
    https://docs.aws.amazon.com/bedrock/latest/userguide/model-customization-import-model.html
    """
    kept = {name: value for name, value in config.items() if not name.startswith("_")}
    dtype = str(PRECISIONS[precision]).removeprefix("torch.")
    rope = kept.get("rope_parameters")
    if isinstance(rope, dict) and "rope_theta" not in kept:
        kept["rope_theta"] = rope["rope_theta"]
        if rope.get("rope_type", "default") != "default":
            scaling = {key: value for key, value in rope.items() if key != "rope_theta"}
            kept["rope_scaling"] = scaling
    return {**kept, "dtype": dtype, "torch_dtype": dtype}


def _write_tokenizer_config(path: Path, template: str) -> None:
    """Write the settings of the tokenizer as transformers before version 5 reads them, too.

    They name the class by its earlier name, and have the chat template in them.
    """
    written = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    kept = {name: value for name, value in written.items() if name not in _OF_THIS_MACHINE}
    if kept.get("tokenizer_class", _LATER_CLASS) == _LATER_CLASS:
        kept["tokenizer_class"] = "PreTrainedTokenizerFast"
    if template:
        kept["chat_template"] = template
    write_json(path, kept)


def _tuned(trained: TrainedModel, base: BaseModel, name: str) -> TunedDecoder:
    training = trained.training
    wanted = training.bases.get(CHANNEL)
    if wanted is None:
        raise BadData(
            f"{name} was trained by {training.recipe}, which tunes no base model: nothing can be "
            "merged. `--as onnx` exports what serves it."
        )
    if wanted != base.sha256:
        raise BadData(
            f"{base.folder} is not the base of {name}: its sha256 is {base.sha256[:12]}… and has "
            f"to be {wanted[:12]}…"
        )
    way = str(training.settings.get("way", ""))
    if way in ("prompt_tuning", "prefix_tuning"):
        raise BadData(
            f"{name} was tuned by {way}: what it learned stands before every prompt, and cannot be "
            "merged into weights. Train it by lora, gradual or full, or export it by `--as onnx`."
        )
    network = restore_network(trained, None, base)[1]
    if not isinstance(network, TunedDecoder):
        raise BadData(
            f"{name} was trained by {training.recipe}, which tunes no decoder. `--as onnx` exports "
            "what serves it."
        )
    return network


def merged_decoder(network: TunedDecoder) -> PreTrainedModel:
    """Return a tuned decoder with its LoRA merged into the weights, which changes `network`."""
    if isinstance(network.inner, PeftModel):
        network.inner = network.inner.merge_and_unload()
    return network.decoder


def _probed_tokens(base: BaseModel) -> torch.Tensor:
    tokenizer = read_base_tokenizer(base).tokenizer
    ids = [token for text in probe_texts() for token in tokenizer.encode(text).ids]
    return torch.tensor([ids[:_PROBED_TOKENS]])


def _logits(network: PreTrainedModel, tokens: torch.Tensor) -> torch.Tensor:
    with torch.inference_mode():
        found: torch.Tensor = network.eval()(input_ids=tokens, use_cache=False).logits
    return found


def _write_weights(network: PreTrainedModel, into: Path, precision: Precision) -> None:
    into.mkdir(parents=True, exist_ok=True)
    with redirect_stderr(StringIO()):  # a bar of progress
        network.to(PRECISIONS[precision]).save_pretrained(into, max_shard_size=_SHARD_BYTES)


def _card(merged: MergedModel, base: BaseModel, recipe: str) -> str:
    return (
        f"---\nlicense: {merged.licence}\nlibrary_name: transformers\n---\n\n"
        f"# {merged.name}\n\n"
        f"{base.record.name}, tuned by `{recipe}`, merged into whole weights in {merged.precision}."
        f" It is under the licence of its base, {merged.licence}.\n\n"
        f"Its logits differ from those of the tuned version by {merged.difference:.2g} of the "
        f"largest; {merged.tolerance:g} was allowed.\n"
    )


def write_merged_gguf(folder: Path, into: Path, encoding: GgufEncoding) -> None:
    """Write a merged model as GGUF, and beside it what its check by llama.cpp compares.

    Raises:
        BadData: its architecture or its tokenizer is not one that is written.
    """
    base = read_base(folder)
    network = load_decoder(base)
    write_gguf(base, network.state_dict(), into / GGUF_FILE, encoding)
    tokenizer = read_base_tokenizer(base).tokenizer
    texts = probe_texts()
    tokens = [tokenizer.encode(text, add_special_tokens=False).ids for text in texts]
    losses = []
    for ids in tokens:
        scores = _logits(network, torch.tensor([ids]))[0].log_softmax(-1)
        losses.append([-float(scores[place - 1, ids[place]]) for place in probed_places(ids)])
    write_json(into / PROBE_FILE, asdict(Probe(encoding, texts, tokens, losses)))


def main(arguments: Sequence[str] | None = None) -> int:
    """Merge a version; print what was written, or what is wrong."""
    parser = argparse.ArgumentParser(prog="python -m models.merged_model", description=__doc__)
    parser.add_argument("version", type=Path)
    parser.add_argument("base", type=Path)
    parser.add_argument("into", type=Path)
    parser.add_argument("--name", required=True)
    parser.add_argument("--precision", choices=tuple(PRECISIONS), default="fp32")
    parser.add_argument("--gguf", choices=ENCODINGS)
    chosen = parser.parse_args(arguments)
    chosen.into.mkdir(parents=True, exist_ok=True)
    try:
        with tempfile.TemporaryDirectory(dir=chosen.into.parent) as scratch:
            whole = Path(scratch) if chosen.gguf else chosen.into
            merged = merge(
                chosen.version, chosen.base, whole, name=chosen.name, precision=chosen.precision
            )
            if chosen.gguf:
                write_merged_gguf(whole, chosen.into, chosen.gguf)
                for name in (_CARD, RECORD):
                    shutil.copyfile(whole / name, chosen.into / name)
    except TrainingFailure as error:
        sys.stderr.write(f"{error}\n")
        return 1
    sys.stdout.write(f"{json.dumps(asdict(merged))}\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
