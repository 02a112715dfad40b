"""The losses of BLIP-2's two stages, and the task that runs both.

J. Li et al., BLIP-2, 2023, https://arxiv.org/abs/2301.12597, sections 3.2 and 3.3.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch.nn import functional

from models.networks.picture_variants import PLAIN, draw_variants
from models.networks.question_rows import (
    CAPTION,
    IGNORED,
    answer_labels,
    cross_entropy,
    decoding_prompts,
    draw_questions,
)
from models.recipes.blip2.network import Blip2Captioner
from models.training.checkpoints import Stateful
from models.training.supervised_task import Batch, Loss, LossTask


@dataclass(frozen=True, slots=True)
class LostWords:
    """Words that variants of pictures have lost, which are read, and not asked for.

    `unasked`, [variants, vocabulary], is true for them; `recoloured` and `scattered` are shares of
    the pictures.
    """

    unasked: torch.Tensor
    recoloured: float
    scattered: float

    def drawn(
        self, features: torch.Tensor, rows: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Draw a variant of each picture; return its features, and which tokens of rows it lost.

        Args:
            features: [n, variants, patches, width].
            rows: tokens, [n, length].
        """
        variant = draw_variants(len(rows), self.recoloured, self.scattered).to(rows.device)
        seen = features[torch.arange(len(rows), device=rows.device), variant]
        return seen, self.unasked.to(rows.device)[variant].gather(1, rows)


def representation_loss(lost: LostWords) -> Loss:
    """Return the loss of the first stage, ITC + ITM + ITG, in nats.

    Captions are compared with pictures as they are, and written of the variants as well.
    """

    def loss(network: torch.nn.Module, batch: Batch, number: int) -> Mapping[str, torch.Tensor]:
        assert isinstance(network, Blip2Captioner)
        variants, captions = batch[0], batch[1][:, CAPTION]
        features = variants[:, PLAIN]
        same = (captions[:, None] == captions[None]).all(2)
        similar = network.qformer.similarities(network.qformer.see(features), captions)
        contrast = contrastive_loss(similar, same)
        match = matching_loss(network, features, captions, similar.detach(), same)
        shown, unasked = lost.drawn(variants, captions)
        following = network.qformer.write(shown, decoding_prompts(captions))
        write = cross_entropy(following, answer_labels(captions).masked_fill(unasked, IGNORED))
        return {
            "loss": contrast + match + write,
            "contrast": contrast,
            "match": match,
            "write": write,
        }

    return loss


def generation_loss(lost: LostWords) -> Loss:
    """Return the loss of the second stage: -log p of a token of an answer, in nats.

    The frozen language model reads the projected queries of a variant of the picture, and then the
    question.
    """

    def loss(network: torch.nn.Module, batch: Batch, number: int) -> Mapping[str, torch.Tensor]:
        assert isinstance(network, Blip2Captioner)
        features, questions = batch
        rows = draw_questions(questions)
        seen, unasked = lost.drawn(features, rows)
        following = network.language.after(network.project(seen), rows)
        labels = answer_labels(rows).masked_fill(unasked, IGNORED)
        return {"loss": cross_entropy(following, labels)}

    return loss


def contrastive_loss(similar: torch.Tensor, same: torch.Tensor) -> torch.Tensor:
    """Return the symmetric contrastive loss of similarities [n pictures, n captions] (ITC).

    `same`, [n, n], tells which captions are alike: those share what is right, as none is wrong.
    """
    share = same.float() / same.sum(1, keepdim=True)
    rows = -(share * functional.log_softmax(similar, dim=1)).sum(1).mean()
    columns = -(share * functional.log_softmax(similar.T, dim=1)).sum(1).mean()
    return (rows + columns) / 2


def matching_loss(
    network: Blip2Captioner,
    features: torch.Tensor,
    captions: torch.Tensor,
    similar: torch.Tensor,
    same: torch.Tensor,
) -> torch.Tensor:
    """Return the cross-entropy of telling pairs from hard negatives of the same batch (ITM).

    Each picture gets a caption of another, and each caption another's picture, the likelier
    the more alike they are taken to be.
    """
    everyone = torch.arange(len(captions), device=captions.device)
    caption, picture = hard_negatives(similar, same), hard_negatives(similar.T, same)
    told = network.qformer.match(
        torch.cat([features, features, features[picture]]),
        torch.cat([captions, captions[caption], captions]),
    )
    right = torch.cat([same[everyone, everyone], same[everyone, caption], same[picture, everyone]])
    return functional.cross_entropy(told, right.long())


def hard_negatives(similar: torch.Tensor, same: torch.Tensor) -> torch.Tensor:
    """Return another row of the batch for each row, [n], drawn by softmax of similarity.

    A row that has the same as all others gets one of these: it is no negative, and not taken for
    one. Chance comes from torch's global stream.
    """
    shares = functional.softmax(similar.masked_fill(same, torch.finfo(similar.dtype).min), dim=1)
    return torch.multinomial(shares.cpu(), 1).squeeze(1).to(similar.device)


@dataclass(frozen=True, slots=True)
class TwoStageTask:
    """Runs `first` for `first_steps` steps and then `second`, whose steps count from 1.

    The second stage begins with the weights of the first and a new optimiser.
    """

    first: LossTask
    second: LossTask
    first_steps: int

    def parts(self) -> Mapping[str, Stateful]:
        """Return the network, which both have, and the optimiser of each."""
        return {**self.first.parts(), "second_optimiser": self.second.parts()["optimiser"]}

    def step(self, number: int) -> Mapping[str, torch.Tensor | float]:
        """Do a step of the stage that it belongs to."""
        if number <= self.first_steps:
            return self.first.step(number)
        return self.second.step(number - self.first_steps)
