"""The graphs, constants and files by which a tuned base answers questions about pictures."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import nn

from chalicelib.inference.image_text import DECODER_GRAPH, VISION_GRAPH
from chalicelib.inference.visual_questions import VECTORS_NAME
from models.data.text import TOKENIZER
from models.networks.vision_language import TunedVisionLanguage
from models.networks.vision_language_settings import VisionLanguageSettings
from models.training import seeds
from models.training.recipe_code import Constant, Graph

_STREAM = 2**31 + 7


class _Vision(nn.Module):
    def __init__(self, network: TunedVisionLanguage) -> None:
        super().__init__()
        self._network = network

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        return self._network.see(image)


class _Decoder(nn.Module):
    def __init__(self, network: TunedVisionLanguage) -> None:
        super().__init__()
        self._network = network

    def forward(self, features: torch.Tensor, tokens: torch.Tensor) -> torch.Tensor:
        return self._network.last(features, tokens)


@torch.no_grad()
def vision_language_graphs(
    network: nn.Module, settings: VisionLanguageSettings
) -> Mapping[str, Graph]:
    """Return both graphs, with adapters merged; the counts of pictures and tokens may vary."""
    assert isinstance(network, TunedVisionLanguage)
    whole = network.merged().eval()
    stream = seeds.generator(settings.seed, _STREAM)
    asked = whole.questions.question_ids("what is it?")

    def images(count: int) -> torch.Tensor:
        return torch.rand(count, 3, whole.side, whole.side, generator=stream) * 2 - 1

    def read(count: int, more: int) -> tuple[torch.Tensor, torch.Tensor]:
        # Prompts, as those of noise would have no mark of a picture.
        tokens = torch.tensor([[*asked, *asked[-1:] * more]]).expand(count, -1).contiguous()
        return whole.see(images(count)), tokens

    return {
        VISION_GRAPH: Graph(
            _Vision(whole),
            inputs=("image",),
            outputs=(VECTORS_NAME,),
            examples=(images(2),),
            trial=(images(5),),
            varying={"image": {0: "count"}},
            relative=True,
        ),
        DECODER_GRAPH: Graph(
            _Decoder(whole),
            inputs=(VECTORS_NAME, "tokens"),
            outputs=("logits",),
            examples=read(2, 1),
            trial=read(3, 4),
            varying={VECTORS_NAME: {0: "count"}, "tokens": {0: "count", 1: "length"}},
            relative=True,
        ),
    }


def vision_language_constants(network: nn.Module) -> Mapping[str, Constant]:
    """Return the constants that a server needs: sizes, pixels, the prompt and its end."""
    assert isinstance(network, TunedVisionLanguage)
    return {
        "side": network.side,
        "channels": 3,
        "lowest": -1.0,
        "highest": 1.0,
        "vectors": network.body.vectors,
        "vocabulary": network.vocabulary,
        "context": network.context,
        "end": network.end,
        "opening": network.questions.opening,
        "prompt": network.questions.prompt,
        "base": network.base.record.name,
        "way": network.settings.way,
    }


def vision_language_files(network: nn.Module) -> Mapping[str, bytes]:
    """Return the tokenizer."""
    assert isinstance(network, TunedVisionLanguage)
    return {TOKENIZER: network.tokenizer.file}
