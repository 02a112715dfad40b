"""Base models of pictures and texts as two towers: what they see and read, and the heads on top.

A tower gives features, and its head turns these into the space that both share. The heads of CLIP
are its projections, and of SigLIP that of texts alone. The shipped base joins two models that never
met: EfficientNet-lite0's classes are put into MiniLM's space by their names, ConSE (M. Norouzi et
al., https://arxiv.org/abs/1312.5650), and its heads begin as nought and are added to that.
"""

from __future__ import annotations

import json
import math
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import nn
from transformers import AutoConfig, AutoModel, BertConfig, BertModel

from models.bases.architectures import PAIRED_TOWERS, architecture_of
from models.bases.folder import WEIGHTS, BaseModel
from models.failures import BadData
from models.networks.efficientnet import BlockKind, EfficientNetLite
from models.networks.encoder import pooled, quiet_transformers

PREPROCESSING = "preprocessor_config.json"
FIRST_TEMPERATURE = 0.07
_HEAD_GAIN = 20.0
"""How much faster the new heads of the shipped base learn than what was trained before."""


class Towers(nn.Module, ABC):
    """The two towers of a base; pixels are from -1 to 1, and vectors of any length.

    `logit_scale` is the logarithm of what cosines are multiplied by; with a `logit_bias` the loss
    is SigLIP's, of each pair by itself.
    """

    side: int
    width: int
    pad: int

    @property
    @abstractmethod
    def logit_scale(self) -> nn.Parameter:
        """Return the logarithm of the scale."""

    @property
    def logit_bias(self) -> nn.Parameter | None:
        """Return what is added to scaled cosines, where the loss is SigLIP's."""
        return None

    @abstractmethod
    def image_features(self, pixels: torch.Tensor) -> torch.Tensor:
        """Return what is seen in pictures [n, 3, side, side], [n, features]."""

    @abstractmethod
    def image_head(self, features: torch.Tensor) -> torch.Tensor:
        """Return the vectors of pictures, [n, width]."""

    @abstractmethod
    def text_features(self, tokens: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """Return what is read in texts of tokens and a mask, [n, length], [n, features]."""

    @abstractmethod
    def text_head(self, features: torch.Tensor) -> torch.Tensor:
        """Return the vectors of texts, [n, width]."""

    @abstractmethod
    def bodies(self) -> Sequence[nn.Module]:
        """Return the towers without their heads: that of pictures, then that of texts."""


class PairedTowers(Towers):
    """EfficientNet-lite and a BERT, with heads that are added to classes and to sentences."""

    def __init__(self, config: Mapping[str, Any]) -> None:
        """Make the towers of a config; the heads begin as nought."""
        super().__init__()
        seen, read = config["vision_config"], BertConfig(**config["text_config"])
        kinds = [BlockKind(**each) for each in seen["blocks"]]
        self.side = int(seen["image_size"])
        self.width, self.pad = int(read.hidden_size), int(read.pad_token_id or 0)
        self.image = EfficientNetLite(kinds, seen["stem"], seen["features"])
        self.classes = nn.Linear(seen["features"], seen["classes"])
        self.class_vectors = nn.Parameter(torch.zeros(seen["classes"], self.width))
        self.text = BertModel(read, add_pooling_layer=False)
        self.added_image = _zero_linear(seen["features"], self.width)
        self.added_text = _zero_linear(self.width, self.width)
        self.log_scale = nn.Parameter(torch.tensor(-math.log(FIRST_TEMPERATURE)))

    @property
    def logit_scale(self) -> nn.Parameter:
        """Return the logarithm of the scale, which begins at that of CLIP's first temperature."""
        return self.log_scale

    def image_features(self, pixels: torch.Tensor) -> torch.Tensor:
        """Return the means of the last convolution; it was trained on (0 to 255 - 127) / 128."""
        found: torch.Tensor = self.image((pixels * 127.5 + 0.5) / 128)
        return found

    def image_head(self, features: torch.Tensor) -> torch.Tensor:
        """Return the mean of the classes' vectors by their shares, and what is added to it."""
        shares = self.classes(features).softmax(1)
        found: torch.Tensor = shares @ self.class_vectors
        return found + self.added_image(features) * _HEAD_GAIN

    def text_features(self, tokens: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """Return the mean of the vectors of a text's tokens, of length 1."""
        given = tokens.where(mask == 1, self.pad)
        read = self.text(input_ids=given, attention_mask=mask).last_hidden_state
        return nn.functional.normalize(pooled(read, mask, "mean"), dim=1)

    def text_head(self, features: torch.Tensor) -> torch.Tensor:
        """Return the features and what is added to them."""
        found: torch.Tensor = features + self.added_text(features) * _HEAD_GAIN
        return found

    def bodies(self) -> Sequence[nn.Module]:
        """Return both networks; the classes of pictures are a part of what is known before."""
        return (nn.ModuleList([self.image, self.classes]), self.text)


class ClipTowers(Towers):
    """CLIP: A. Radford et al., https://arxiv.org/abs/2103.00020."""

    def __init__(self, model: nn.Module, scale: _PixelRange) -> None:
        """Take a CLIPModel apart."""
        super().__init__()
        config: Any = model.config
        self.model, self.range = model, scale
        self.side, self.width = int(config.vision_config.image_size), int(config.projection_dim)
        self.pad = int(config.text_config.pad_token_id or 0)

    @property
    def logit_scale(self) -> nn.Parameter:
        """Return the logarithm of the scale."""
        found: nn.Parameter = self.model.logit_scale
        return found

    def image_features(self, pixels: torch.Tensor) -> torch.Tensor:
        """Return what the token of the whole picture became."""
        seen: torch.Tensor = self.model.vision_model(pixel_values=self.range(pixels)).pooler_output
        return seen

    def image_head(self, features: torch.Tensor) -> torch.Tensor:
        """Return the projections."""
        found: torch.Tensor = self.model.visual_projection(features)
        return found

    def text_features(self, tokens: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """Return what the token of the text's end became; none looks at what comes after it."""
        given = tokens.where(mask == 1, self.pad)
        read: torch.Tensor = self.model.text_model(given, attention_mask=mask).pooler_output
        return read

    def text_head(self, features: torch.Tensor) -> torch.Tensor:
        """Return the projections."""
        found: torch.Tensor = self.model.text_projection(features)
        return found

    def bodies(self) -> Sequence[nn.Module]:
        """Return both transformers."""
        return (self.model.vision_model, self.model.text_model)


class SiglipTowers(Towers):
    """SigLIP: X. Zhai et al., https://arxiv.org/abs/2303.15343. Padding is read as any token."""

    def __init__(self, model: nn.Module, scale: _PixelRange) -> None:
        """Take a SiglipModel apart."""
        super().__init__()
        config: Any = model.config
        self.model, self.range = model, scale
        self.side = int(config.vision_config.image_size)
        self.width = int(config.vision_config.hidden_size)
        self.pad = int(config.text_config.pad_token_id or 0)

    @property
    def logit_scale(self) -> nn.Parameter:
        """Return the logarithm of the scale."""
        found: nn.Parameter = self.model.logit_scale
        return found

    @property
    def logit_bias(self) -> nn.Parameter | None:
        """Return the bias of the sigmoid."""
        found: nn.Parameter = self.model.logit_bias
        return found

    def image_features(self, pixels: torch.Tensor) -> torch.Tensor:
        """Return what the pooling by attention sees."""
        seen: torch.Tensor = self.model.vision_model(pixel_values=self.range(pixels)).pooler_output
        return seen

    def image_head(self, features: torch.Tensor) -> torch.Tensor:
        """Return the features: pictures have no projection."""
        return features

    def text_features(self, tokens: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """Return what the last token became."""
        given = tokens.where(mask == 1, self.pad)
        read: torch.Tensor = self.model.text_model(given).last_hidden_state[:, -1]
        return read

    def text_head(self, features: torch.Tensor) -> torch.Tensor:
        """Return the projections."""
        found: torch.Tensor = self.model.text_model.head(features)
        return found

    def bodies(self) -> Sequence[nn.Module]:
        """Return the transformer of pictures, and that of texts without its head."""
        text: Any = self.model.text_model
        return (
            self.model.vision_model,
            nn.ModuleList([text.embeddings, text.encoder, text.final_layer_norm]),
        )


class _PixelRange(nn.Module):
    """Turns pixels from -1 to 1 into those that a base was trained on."""

    def __init__(self, mean: Sequence[float], spread: Sequence[float]) -> None:
        super().__init__()
        self.register_buffer("mean", torch.tensor(mean)[:, None, None], persistent=False)
        self.register_buffer("spread", torch.tensor(spread)[:, None, None], persistent=False)

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        found: torch.Tensor = ((pixels + 1) / 2 - self.mean) / self.spread
        return found


def load_towers(base: BaseModel) -> Towers:
    """Return the towers of a base, fp32.

    Raises:
        BadData: the base is no model of pictures and texts, or its weights do not fit its config.
    """
    found = architecture_of(base.config, base.record.name, "image_text")
    if found.model_type == PAIRED_TOWERS:
        return _paired_towers(base)
    try:
        with quiet_transformers():
            model, told = AutoModel.from_pretrained(
                base.folder,
                dtype=torch.float32,
                local_files_only=True,
                trust_remote_code=False,
                use_safetensors=True,
                output_loading_info=True,
            )
    except (OSError, ValueError, RuntimeError) as error:
        raise BadData(f"The base {base.record.name} cannot be loaded: {error}") from error
    if missing := sorted(told["missing_keys"]):
        raise _misfit(base, missing)
    kind = ClipTowers if found.model_type == "clip" else SiglipTowers
    return kind(model, _PixelRange(*pixel_statistics(base.folder)))


def _paired_towers(base: BaseModel) -> Towers:
    try:
        towers = PairedTowers(base.config)
        told = towers.load_state_dict(load_file(base.folder / WEIGHTS), strict=False)
    except (KeyError, TypeError, ValueError, RuntimeError, OSError, SafetensorError) as error:
        raise BadData(f"The base {base.record.name} cannot be loaded: {error!r}") from error
    new = ("added_image.", "added_text.", "log_scale")
    if missing := [name for name in told.missing_keys if not name.startswith(new)]:
        raise _misfit(base, missing)
    return towers


def _misfit(base: BaseModel, missing: Sequence[str]) -> BadData:
    return BadData(
        f"The base {base.record.name} has no weights {missing[0]}, and {len(missing) - 1} more are "
        "missing: they are not those of its config.json. Fetch the base again."
    )


def pixel_statistics(folder: Path) -> tuple[Sequence[float], Sequence[float]]:
    """Return the mean and the deviation of each colour, 0 to 1, of the pictures of a base.

    Raises:
        BadData: the base does not say them.
    """
    path = folder / PREPROCESSING
    try:
        written = json.loads(path.read_text(encoding="utf-8"))
        mean = [float(each) for each in written["image_mean"]]
        spread = [float(each) for each in written["image_std"]]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BadData(
            f"{path} does not say image_mean and image_std, by which pictures are scaled: "
            f"{error!r}. Fetch the base again, with this file."
        ) from error
    if len(mean) != 3 or len(spread) != 3 or min(spread) <= 0:
        raise BadData(f"{path}: image_mean and image_std have three numbers each, above 0.")
    return mean, spread


@dataclass(frozen=True, slots=True)
class TextLimits:
    """What a base reads: tokens that there are, positions, the token that fills up.

    `fixed_length` is the length of all texts, if the base reads no other.
    """

    vocabulary: int
    positions: int
    pad: int
    fixed_length: int | None = None


def text_limits(base: BaseModel) -> TextLimits:
    """Return what a base reads, by its config alone. Raises BadData."""
    found = architecture_of(base.config, base.record.name, "image_text")
    try:
        if found.model_type == PAIRED_TOWERS:
            config: Any = BertConfig(**base.config["text_config"])
        else:
            config = AutoConfig.from_pretrained(base.folder, local_files_only=True).text_config
        positions = int(config.max_position_embeddings)
        fixed = positions if found.model_type == "siglip" else None
        return TextLimits(int(config.vocab_size), positions, int(config.pad_token_id or 0), fixed)
    except (OSError, KeyError, TypeError, ValueError, AttributeError) as error:
        raise BadData(f"config.json of {base.record.name} lacks a size: {error!r}") from error


def _zero_linear(given: int, wanted: int) -> nn.Linear:
    made = nn.Linear(given, wanted)
    nn.init.zeros_(made.weight)
    nn.init.zeros_(made.bias)
    return made
