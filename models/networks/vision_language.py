"""A base that writes about pictures, such as BLIP-2 or Idefics, tuned to answer questions.

LoRA: E. Hu et al., https://arxiv.org/abs/2106.09685, by peft. Only tokens of answers are learned.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from peft.tuners.lora import LoraLayer
from torch import nn
from transformers import AutoModelForImageTextToText

from chalicelib.inference.visual_questions import QuestionPrompt
from models.bases.architectures import architecture_of
from models.bases.folder import BaseModel
from models.bases.image_files import IMAGE_MARK, PREPROCESSOR
from models.failures import BadData
from models.networks.base_decoder import BaseTokenizer, load_weights, read_base_tokenizer
from models.networks.image_text import scaled_pixels
from models.networks.lora import with_lora
from models.networks.sequence_tokens import marks_around
from models.networks.vision_language_bodies import BODIES, VisionLanguageBody
from models.networks.vision_language_settings import VisionLanguageSettings
from models.training_data.captioned_pictures import PictureReader

_MEAN, _STD = (0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)
"""CLIP's, by which the towers of BLIP-2 and Idefics were trained."""
_OPT = "opt"
BLIP2_LANGUAGES = (_OPT, "llama")
"""Language models of a BLIP-2, as transformers calls them; it takes the first unless told."""
_POSITIONS = 2048
"""Tokens that OPT and Idefics read unless their config says so."""
_AT_ONCE = 64
"""Rows that are judged together."""


class TunedVisionLanguage(nn.Module):
    """A base and what is tuned on it. What learns requires gradients from the start."""

    mean: torch.Tensor
    std: torch.Tensor

    def __init__(self, base: BaseModel, settings: VisionLanguageSettings) -> None:
        """Load the base and prepare what the way of tuning learns.

        Raises:
            BadData: the base cannot be loaded, is of another architecture, or reads fewer tokens
                than the settings ask for.
        """
        super().__init__()
        self.base, self.settings = base, settings
        self.tokenizer = read_base_tokenizer(base)
        self.questions = question_prompt(base, settings, self.tokenizer)
        require_fitting_base(base, settings)
        network = load_weights(base, AutoModelForImageTextToText)
        body = BODIES[
            architecture_of(base.config, base.record.name, "image_text_to_text").model_type
        ]
        self.body: VisionLanguageBody = body(
            network, self.tokenizer.tokenizer.token_to_id(IMAGE_MARK)
        )
        mean, std = pixel_range(base)
        self.register_buffer("mean", torch.tensor(mean).view(1, 3, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(std).view(1, 3, 1, 1), persistent=False)
        network.requires_grad_(settings.way == "full")
        if settings.way == "lora":
            with_lora(network, settings, self._language_layers(network))
            for part in self.body.connectors:
                part.requires_grad_(True)
        self.network = network

    def _language_layers(self, network: nn.Module) -> list[str]:
        head = self.body.head
        return [
            name
            for name, module in network.named_modules()
            if isinstance(module, nn.Linear)
            and module is not head
            and name.startswith(self.body.language)
        ]

    @property
    def side(self) -> int:
        """Return height and width of a picture that is seen, pixels."""
        return picture_side(self.base)

    @property
    def end(self) -> int:
        """Return the token that ends an answer."""
        return self.tokenizer.end

    @property
    def vocabulary(self) -> int:
        """Return how many tokens the head tells apart."""
        config = self.base.config.get("text_config") or self.base.config
        return int(config["vocab_size"]) + int(config.get("additional_vocab_size", 0))

    @property
    def context(self) -> int:
        """Return the most tokens of a prompt and its answer."""
        return self.settings.max_tokens + self.settings.max_answer_tokens

    def see(self, pixels: torch.Tensor) -> torch.Tensor:
        """Return the vectors of pictures [n, 3, side, side] from -1 to 1."""
        return self.body.see(((pixels + 1) / 2 - self.mean) / self.std)

    def last(self, features: torch.Tensor, tokens: torch.Tensor) -> torch.Tensor:
        """Return logits of the token after the last of `tokens`, [n, vocabulary]."""
        found: torch.Tensor = self.body.head(self.body.hidden(features, tokens)[:, -1])
        return found

    def forward(
        self, features: torch.Tensor, tokens: torch.Tensor, places: torch.Tensor
    ) -> torch.Tensor:
        """Return -log p of the token after each place, in nats, [n, k]."""
        found = self.body.hidden(features, tokens)
        chosen = found.gather(1, places[:, :, None].expand(-1, -1, found.shape[2])).flatten(0, 1)
        wanted = tokens.gather(1, (places + 1).clamp(max=tokens.shape[1] - 1)).flatten()
        logits = self.body.head(chosen).float()
        losses = nn.functional.cross_entropy(logits, wanted, reduction="none")
        return losses.view_as(places)

    def train(self, mode: bool = True) -> TunedVisionLanguage:
        """Set the mode of all but a tower that does not learn, which stays as it serves."""
        super().train(mode)
        if self.settings.way != "full":
            self.body.tower.eval()
        return self

    def untuned(self) -> TunedVisionLanguage:
        """Return the base itself, without what was tuned."""
        found = TunedVisionLanguage(self.base, self.settings)
        found.eval()
        return found

    def merged(self) -> TunedVisionLanguage:
        """Return a copy whose adapters are in the weights."""
        found = copy.deepcopy(self)
        merge_adapters(found.network)
        return found


def merge_adapters(network: nn.Module) -> None:
    """Put LoRA's matrices into the layers beside which they are, and take them out."""
    for name, layer in list(network.named_modules()):
        if isinstance(layer, LoraLayer):
            layer.merge()
            parent, _, last = name.rpartition(".")
            setattr(network.get_submodule(parent), last, layer.get_base_layer())


def question_prompt(
    base: BaseModel, settings: VisionLanguageSettings, tokenizer: BaseTokenizer
) -> QuestionPrompt:
    """Return the prompt of a base: its own marks before a text, those of a picture, the question.

    Raises:
        BadData: the base is of another architecture.
    """
    found = architecture_of(base.config, base.record.name, "image_text_to_text")
    before, _ = marks_around(tokenizer.tokenizer)
    marks = "".join(str(tokenizer.tokenizer.id_to_token(each)) for each in before)
    return QuestionPrompt(
        tokenizer.tokenizer, marks + BODIES[found.model_type].opening, settings.prompt
    )


def picture_side(base: BaseModel) -> int:
    """Return height and width of the pictures of a base, pixels. Raises BadData."""
    side = base.config.get("vision_config", {}).get("image_size")
    if not isinstance(side, int):
        raise BadData(f"config.json of {base.record.name} lacks vision_config.image_size.")
    return side


def pixel_range(base: BaseModel) -> tuple[Sequence[float], Sequence[float]]:
    """Return mean and deviation of a base's pixels, 0 to 1, for each colour. Raises BadData."""
    path = base.folder / PREPROCESSOR
    try:
        told: Mapping[str, Any] = json.loads(path.read_text()) if path.is_file() else {}
        mean = [float(each) for each in told.get("image_mean", _MEAN)]
        std = [float(each) for each in told.get("image_std", _STD)]
    except (ValueError, TypeError, AttributeError) as error:
        raise BadData(f"{path} is no JSON of a preprocessor: {error}") from error
    if len(mean) != 3 or len(std) != 3 or min(std) <= 0:
        raise BadData(f"{path} needs image_mean and image_std of three colours each.")
    return mean, std


def require_fitting_base(base: BaseModel, settings: VisionLanguageSettings) -> None:
    """Raise BadData for a base that can't be tuned, by its config.json and the settings.

    Its language model is none of those that are tried, or reads fewer tokens than a prompt and its
    answer may have.
    """
    config = base.config.get("text_config") or base.config
    language = str(config.get("model_type") or _OPT)
    if base.model_type == "blip-2" and language not in BLIP2_LANGUAGES:
        raise BadData(
            f"{base.record.name} writes by {language!r}, and a BLIP-2 that is tuned here writes by "
            f"one of {', '.join(BLIP2_LANGUAGES)}; take one of those."
        )
    vectors = int(base.config.get("num_query_tokens", 0))
    most = int(config.get("max_position_embeddings", _POSITIONS)) - vectors
    asked = settings.max_tokens + settings.max_answer_tokens
    if asked > most:
        raise BadData(
            f"{base.record.name} reads {most} tokens beside a picture, and max_tokens and "
            f"max_answer_tokens together are {asked}; set less."
        )


@torch.no_grad()
def picture_features(
    network: TunedVisionLanguage, pictures: PictureReader, count: int
) -> torch.Tensor:
    """Return the vectors of the first `count` pictures of a reader."""
    device = network.mean.device
    parts = [
        network.see(scaled_pixels(pictures, range(at, min(at + _AT_ONCE, count))).to(device))
        for at in range(0, count, _AT_ONCE)
    ]
    return torch.cat(parts)


@torch.no_grad()
def write_answers(
    network: TunedVisionLanguage,
    features: torch.Tensor,
    prompts: Sequence[Sequence[int]],
    most: int,
) -> list[str]:
    """Return the likeliest answer to each prompt, of `most` tokens at most, by its features."""
    by_length: dict[int, list[int]] = {}
    for row, prompt in enumerate(prompts):
        by_length.setdefault(len(prompt), []).append(row)
    found = [""] * len(prompts)
    for rows in by_length.values():
        for first in range(0, len(rows), _AT_ONCE):
            chosen = rows[first : first + _AT_ONCE]
            told = _write(network, features[chosen], [prompts[row] for row in chosen], most)
            for row, text in zip(chosen, told, strict=True):
                found[row] = text
    return found


def _write(
    network: TunedVisionLanguage,
    features: torch.Tensor,
    prompts: Sequence[Sequence[int]],
    most: int,
) -> list[str]:
    tokens = torch.tensor(prompts, device=features.device)
    read, ended = tokens.shape[1], torch.zeros(len(tokens), dtype=torch.bool)
    for _ in range(most):
        drawn = network.last(features, tokens).argmax(1)
        chosen = torch.where(ended.to(drawn.device), network.end, drawn)
        tokens = torch.cat([tokens, chosen[:, None]], dim=1)
        ended = ended | (chosen == network.end).cpu()
        if bool(ended.all()):
            break
    answers = []
    for row in tokens[:, read:].tolist():
        cut = row.index(network.end) if network.end in row else len(row)
        answers.append(network.questions.text(row[:cut]))
    return answers


def picture_numbers(paths: Sequence[Path]) -> torch.Tensor:
    """Return the number of each row's picture, [n], in the order in which they first come."""
    known = {path: number for number, path in enumerate(dict.fromkeys(paths))}
    return torch.tensor([known[path] for path in paths])
