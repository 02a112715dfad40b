"""Classifiers of products by picture, by title, and by both with late fusion.

Late fusion: each modality has an encoder of its own, and their vectors are joined just before the
classes (T. Baltrušaitis, C. Ahuja and L.-P. Morency, 2017, 4.1, https://arxiv.org/abs/1705.09406).
The three share no weights, so that each is the best it can be and their comparison is fair.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import nn
from torch.nn import functional

from models.data.caption_tokens import PAD
from models.networks.towers import Stem
from models.recipes.late_fusion.parameters import Parameters
from models.training.supervised_task import Batch

_STRIDE = 8


class ImageEncoder(nn.Module):
    """Convolutions of a picture, [n, channels, side, side] from -1 to 1 to [n, vector]."""

    def __init__(self, parameters: Parameters) -> None:
        """Make the layers; weights are drawn from torch's global stream."""
        super().__init__()
        p = parameters
        cells = (-(-p.side // _STRIDE)) ** 2
        self.layers = nn.Sequential(
            Stem(p.channels, p.width),
            nn.Flatten(),
            nn.Linear(cells * p.width, p.vector),
            nn.GELU(),
            nn.Dropout(p.dropout),
        )

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        """Return vectors."""
        found: torch.Tensor = self.layers(image)
        return found


class TitleEncoder(nn.Module):
    """The mean of a title's tokens and a layer, [n, prompt_tokens] to [n, vector].

    A. Joulin et al., Bag of Tricks for Efficient Text Classification, arXiv:1607.01759.
    """

    def __init__(self, parameters: Parameters) -> None:
        """Make the layers; weights are drawn from torch's global stream."""
        super().__init__()
        p = parameters
        self.table = nn.Embedding(p.vocabulary, p.vector, padding_idx=PAD)
        self.layers = nn.Sequential(nn.Linear(p.vector, p.vector), nn.GELU(), nn.Dropout(p.dropout))

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        """Return vectors."""
        there = (tokens != PAD).unsqueeze(2).to(self.table.weight.dtype)
        mean = (self.table(tokens) * there).sum(1) / there.sum(1).clamp(min=1)
        found: torch.Tensor = self.layers(mean)
        return found


class ByImage(nn.Module):
    """Classes by picture alone."""

    def __init__(self, parameters: Parameters, classes: int) -> None:
        """Make encoder and classes."""
        super().__init__()
        self.encoder = ImageEncoder(parameters)
        self.classes = nn.Linear(parameters.vector, classes)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        """Return logits [n, classes]."""
        found: torch.Tensor = self.classes(self.encoder(image))
        return found


class ByTitle(nn.Module):
    """Classes by title alone."""

    def __init__(self, parameters: Parameters, classes: int) -> None:
        """Make encoder and classes."""
        super().__init__()
        self.encoder = TitleEncoder(parameters)
        self.classes = nn.Linear(parameters.vector, classes)

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        """Return logits [n, classes]."""
        found: torch.Tensor = self.classes(self.encoder(tokens))
        return found


class ByBoth(nn.Module):
    """Classes by picture and title: both vectors side by side, a layer, and the classes."""

    def __init__(self, parameters: Parameters, classes: int) -> None:
        """Make both encoders and what joins them."""
        super().__init__()
        p = parameters
        self.image, self.title = ImageEncoder(p), TitleEncoder(p)
        self.classes = nn.Sequential(
            nn.Linear(2 * p.vector, p.vector), nn.GELU(), nn.Linear(p.vector, classes)
        )

    def forward(self, image: torch.Tensor, tokens: torch.Tensor) -> torch.Tensor:
        """Return logits [n, classes]."""
        joined = torch.cat([self.image(image), self.title(tokens)], dim=1)
        found: torch.Tensor = self.classes(joined)
        return found


class Classifiers(nn.Module):
    """The classifiers by image, by title and by both, of the classes `labels`."""

    def __init__(self, parameters: Parameters, labels: tuple[str, ...]) -> None:
        """Make them; weights are drawn from torch's global stream."""
        super().__init__()
        self.labels = labels
        count = len(labels)
        self.by_image, self.by_title = ByImage(parameters, count), ByTitle(parameters, count)
        self.by_both = ByBoth(parameters, count)

    def forward(self, image: torch.Tensor, tokens: torch.Tensor) -> dict[str, torch.Tensor]:
        """Return the logits of each, [n, classes]."""
        return {
            "image": self.by_image(image),
            "title": self.by_title(tokens),
            "both": self.by_both(image, tokens),
        }


def loss(network: torch.nn.Module, batch: Batch, _: int) -> Mapping[str, torch.Tensor]:
    """Return the cross-entropies of the three classifiers and their sum, in nats."""
    assert isinstance(network, Classifiers)
    image, tokens, labels = batch
    parts = {
        name: functional.cross_entropy(logits, labels)
        for name, logits in network(image, tokens).items()
    }
    return {"loss": torch.stack(list(parts.values())).sum(), **parts}
