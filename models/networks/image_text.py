"""Two towers that are tuned from a base model: CLIP, SigLIP, or the shipped pair.

Which weights learn depends on the way: all; LoRA's (E. Hu et al., https://arxiv.org/abs/2106.09685);
all but those of the tower of pictures (LiT, X. Zhai et al., https://arxiv.org/abs/2111.07991); or
those of the heads alone.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from peft import PeftModel
from torch import nn
from torch.nn import functional

from models.bases.folder import BaseModel
from models.data.token_rows import TextEncoder, read_text_encoder
from models.failures import BadData
from models.networks.image_text_bases import PairedTowers, Towers, load_towers, text_limits
from models.networks.lora import with_lora
from models.networks.settings import ImageTextSettings
from models.training_data.captioned_pictures import PictureReader

MAX_SCALE = 100.0
"""Cosines are multiplied by this at most (Radford et al., 2.5)."""
_ROWS = 64


class TunedTowers(nn.Module):
    """Vectors of length 1 of pictures and of texts, and how similar they are."""

    def __init__(self, base: BaseModel, settings: ImageTextSettings) -> None:
        """Load a base and prepare it for the way of tuning.

        Raises:
            BadData: the base is none of pictures and texts, or cannot be loaded.
        """
        super().__init__()
        self.base, self.settings = base, settings
        plain = load_towers(base)
        takes_any = isinstance(plain, PairedTowers)
        self.side = settings.side if takes_any and settings.side else plain.side
        self.limits = text_limits(base)
        self.length = self.limits.fixed_length or settings.text_tokens
        self.body = _prepared(plain, settings)
        self.dropout = nn.Dropout(settings.dropout)

    @property
    def towers(self) -> Towers:
        """Return the towers, with peft's layers in them."""
        found = self.body.get_base_model() if isinstance(self.body, PeftModel) else self.body
        assert isinstance(found, Towers)
        return found

    @property
    def sees_once(self) -> bool:
        """Return whether what is seen in a picture never changes."""
        return self.settings.way in ("locked_image", "head")

    @property
    def reads_once(self) -> bool:
        """Return whether what is read in a text never changes."""
        return self.settings.way == "head"

    def image(self, pixels: torch.Tensor) -> torch.Tensor:
        """Return the vectors of pictures [n, 3, side, side] from -1 to 1."""
        return self.image_vectors(self.towers.image_features(pixels))

    def image_vectors(self, features: torch.Tensor) -> torch.Tensor:
        """Return the vectors of what is seen in pictures."""
        return functional.normalize(self.towers.image_head(self.dropout(features)), dim=1)

    def text(self, tokens: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """Return the vectors of texts [n, length]; `mask` is 0 for padding."""
        return self.text_vectors(self.towers.text_features(tokens, mask))

    def text_vectors(self, features: torch.Tensor) -> torch.Tensor:
        """Return the vectors of what is read in texts."""
        return functional.normalize(self.towers.text_head(self.dropout(features)), dim=1)

    def loss(self, images: torch.Tensor, texts: torch.Tensor, known: torch.Tensor) -> torch.Tensor:
        """Return the contrastive loss of n pairs of vectors, as the base has it.

        `known`, [n, n], says which picture and text of two pairs belong together as well, such as
        two pairs of one caption: they are no wrong answers, and left out.
        """
        towers = self.towers
        logits = towers.logit_scale.exp() * images @ texts.T
        if towers.logit_bias is None:
            return softmax_loss(logits, known)
        return sigmoid_loss(logits + towers.logit_bias, known)

    def bound_scale(self) -> None:
        """Keep the scale of a softmax at 100 or below, or its loss could grow steep without end."""
        if self.towers.logit_bias is None:
            with torch.no_grad():
                self.towers.logit_scale.clamp_(max=math.log(MAX_SCALE))

    @property
    def temperature(self) -> float:
        """Return what cosines are divided by."""
        return math.exp(-self.towers.logit_scale.item())

    def merged(self) -> TunedTowers:
        """Return a copy in evaluation mode, with the adapters merged into its layers."""
        found = copy.deepcopy(self)
        if isinstance(found.body, PeftModel):
            found.body = found.body.merge_and_unload()
        found.eval()
        return found


def softmax_loss(logits: torch.Tensor, known: torch.Tensor) -> torch.Tensor:
    """Return the symmetric InfoNCE of n pairs, in nats: the mean of that of rows and of columns.

    `logits` are [n, n], and pair i is right. What is `known`, [n, n], to be right as well is no
    wrong answer.
    """
    right = torch.arange(len(logits), device=logits.device)
    others = known & (right[:, None] != right[None])
    told = logits.masked_fill(others, -torch.inf)
    rows = functional.cross_entropy(told, right)
    return (rows + functional.cross_entropy(told.T, right)) / 2


def sigmoid_loss(logits: torch.Tensor, known: torch.Tensor) -> torch.Tensor:
    """Return SigLIP's loss of n pairs: every picture and text is told to belong together or not.

    X. Zhai et al., https://arxiv.org/abs/2303.15343, algorithm 1. What is `known` to be right
    beside pair i is left out. The sum is divided by n, as there.
    """
    pairs = torch.eye(len(logits), dtype=torch.bool, device=logits.device)
    signs = torch.where(pairs, 1.0, -1.0)
    each = -functional.logsigmoid(signs * logits)
    return each.masked_fill(known & ~pairs, 0).sum() / len(logits)


def text_reader(base: BaseModel, settings: ImageTextSettings) -> TextEncoder:
    """Return the tokenizer of a base, which cuts texts to what is set. Raises BadData."""
    limits = text_limits(base)
    if settings.text_tokens > limits.positions:
        raise BadData(
            f"text_tokens is {settings.text_tokens}, and the base reads {limits.positions} tokens "
            f"at most; set text_tokens to {limits.positions}."
        )
    length = limits.fixed_length or settings.text_tokens
    return read_text_encoder(base.folder, limits.vocabulary, limits.pad, length)


def text_rows(network: TunedTowers, texts: Sequence[str]) -> tuple[torch.Tensor, torch.Tensor]:
    """Return tokens and mask of texts, [n, length]: the longest's, if the base takes any."""
    rows = text_reader(network.base, network.settings).rows(texts)
    return rows.padded(range(len(rows)), network.limits.fixed_length or 0)


def scaled_pixels(pictures: PictureReader, rows: Sequence[int]) -> torch.Tensor:
    """Return the pictures of rows as towers see them, [n, 3, side, side] from -1 to 1."""
    found = torch.from_numpy(pictures.pixels(rows)).permute(0, 3, 1, 2)
    # As a server scales them: see chalicelib/inference/pixels.py.
    return found.float() * (2 / 255) - 1


@torch.no_grad()
def seen_features(network: TunedTowers, pictures: PictureReader, count: int) -> torch.Tensor:
    """Return what is seen in the first `count` pictures of a reader, on the CPU."""
    device = network.towers.logit_scale.device
    found = [
        network.towers.image_features(
            scaled_pixels(pictures, range(at, min(at + _ROWS, count))).to(device)
        )
        for at in range(0, count, _ROWS)
    ]
    return torch.cat(found).cpu()


@torch.no_grad()
def read_features(network: TunedTowers, texts: Sequence[str]) -> torch.Tensor:
    """Return what is read in texts, on the CPU."""
    device = network.towers.logit_scale.device
    tokens, mask = text_rows(network, texts)
    parts = zip(tokens.split(_ROWS), mask.split(_ROWS), strict=True)
    found = [network.towers.text_features(one.to(device), other.to(device)) for one, other in parts]
    return torch.cat(found).cpu()


@torch.no_grad()
def vectors_of_features(network: TunedTowers, features: torch.Tensor) -> NDArray[np.float32]:
    """Return the vectors of what is seen in pictures, as `seen_features` gives it."""
    return np.asarray(network.image_vectors(features).numpy(), np.float32)


@torch.no_grad()
def sentence_vectors(network: TunedTowers, texts: Sequence[str]) -> NDArray[np.float32]:
    """Return the vectors of texts."""
    return np.asarray(network.text_vectors(read_features(network, texts)).numpy(), np.float32)


def _prepared(towers: Towers, settings: ImageTextSettings) -> nn.Module:
    """Return towers of whose weights those require gradients that learn in the way."""
    seeing, reading = towers.bodies()
    if settings.way == "full":
        return towers
    if settings.way == "locked_image":
        seeing.requires_grad_(False)
        _freeze_classes(towers)
        return towers
    heads = _heads(towers)
    if settings.way == "head":
        _keep(towers, heads)
        return towers
    wide = [name for name, each in towers.named_modules() if _is_wide(each, seeing, reading)]
    found = with_lora(towers, settings, wide)
    for each in heads:
        each.requires_grad_(True)
    return found


def _heads(towers: Towers) -> list[nn.Parameter]:
    """Return the weights that belong to neither tower, the scale among them."""
    inside = {id(each) for body in towers.bodies() for each in body.parameters()}
    if isinstance(towers, PairedTowers):
        inside.add(id(towers.class_vectors))
    return [each for each in towers.parameters() if id(each) not in inside]


def _keep(towers: Towers, learned: Sequence[nn.Parameter]) -> None:
    towers.requires_grad_(False)
    for each in learned:
        each.requires_grad_(True)


def _freeze_classes(towers: Towers) -> None:
    if isinstance(towers, PairedTowers):
        towers.class_vectors.requires_grad_(False)


def _is_wide(module: nn.Module, *bodies: nn.Module) -> bool:
    """Return whether LoRA goes into a module: a matrix, or a convolution of single pixels."""
    point = isinstance(module, nn.Conv2d) and module.kernel_size == (1, 1) and module.groups == 1
    # Not a subclass of Linear: torch's own attention reads such weights, and would pass by LoRA's.
    if not (type(module) is nn.Linear or point):
        return False
    return any(module is each for body in bodies for each in body.modules())
