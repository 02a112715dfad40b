"""How a tuned diffusion is judged: beside its base, by held-out pictures and their captions."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from models.data.picture_files import Pictures, shrunk
from models.evaluation import figures
from models.evaluation.caption_judge import fit_caption_judge
from models.evaluation.intervals import group_means, mean_interval
from models.evaluation.judged_rows import drawn_rows, known_bounds, observations
from models.evaluation.memorisation import memorisation
from models.evaluation.style import style_gain
from models.failures import NotFinite
from models.networks.tuned_denoiser import PromptedDenoiser, TunedDenoiser
from models.networks.tuned_denoiser_export import draw_pictures
from models.recipes.diffusion_tuning.parameters import Parameters
from models.recipes.diffusion_tuning.picture_rows import (
    AT_ONCE,
    Captioned,
    captioned,
    encode_captions,
    latents_of,
    pictures_of,
)
from models.training import seeds
from models.training.recipe_code import Evaluation
from models.training_data.row_groups import row_groups
from models.training_data.rows import CaptionedImage

_STREAM = 2**31 + 7
_LEVELS = 16
"""Steps of the noise at which held-out pictures are judged, evenly spaced."""
_COMPARED_SIDE = 32
"""Side of the pictures among which copies are looked for, pixels."""
_SHOWN, _SHOWN_SIDE = 10, 64


def others_of(rows: Sequence[CaptionedImage], seed: int) -> list[CaptionedImage]:
    """Return for each row one with another caption, by the seed; itself where there is none."""
    order = [rows[at] for at in np.random.default_rng(seed).permutation(len(rows))]
    return [
        next((other for other in (*order[at:], *order) if other.text != row.text), row)
        for at, row in enumerate(rows)
    ]


@torch.no_grad()
def denoising_errors(
    network: PromptedDenoiser, latents: torch.Tensor, tokens: torch.Tensor, seed: int
) -> NDArray[np.float64]:
    """Return the error of each picture, [n], a mean over steps; equal seeds give equal noise.

    Raises:
        NotFinite: the network says something that is not finite.
    """
    steps = len(network.loaded.chain.kept)
    stream = seeds.generator(seed, _STREAM)
    found = np.zeros(len(latents))
    for level in range(_LEVELS):
        step = int((level + 0.5) * steps / _LEVELS)
        noise = torch.randn(latents.shape, generator=stream)
        errors = [
            network.errors(image, some, torch.full((len(image),), step), given)
            for image, some, given in zip(
                *(each.split(AT_ONCE) for each in (latents, noise, tokens)), strict=True
            )
        ]
        found += torch.cat(errors).double().numpy() / _LEVELS
    if not np.isfinite(found).all():
        raise NotFinite(
            "The network's predictions are not finite; train again with a lower learning_rate or a "
            "clip_norm."
        )
    return found


def evaluate(network: torch.nn.Module, data: Captioned, parameters: Parameters) -> Evaluation:
    """Return what the tuned model gained on its base by held-out pictures, with intervals.

    `denoising_gain` is the difference of their errors as a share of the base's, on the same noise;
    `caption_gain` how much higher the error is by another picture's caption (A. Li et al.,
    Diffusion Classifier, https://arxiv.org/abs/2303.16203); `style_gain` that of models/evaluation/
    style.py, and `copied` that of memorisation.py. `captions_followed` is the share of drawn
    pictures that caption_judge.py tells from other captions, `captions_judged` that of held-out
    ones, and `caption_gap` how much less drawn ones follow.
    """
    assert isinstance(network, TunedDenoiser)
    data = captioned(data, parameters)
    rows = drawn_rows(data.test, parameters.judged_pictures, parameters.seed)
    base = network.plain()
    held_out = pictures_of(network, data, rows)
    latents, _ = latents_of(network, held_out)
    tokens, others = (
        encode_captions(network.prompts, rows, "test"),
        others_of(rows, parameters.seed),
    )
    own = denoising_errors(network, latents, tokens, parameters.seed)
    of_base = denoising_errors(
        base, latents, encode_captions(base.prompts, rows, "test"), parameters.seed
    )
    by_others = denoising_errors(
        network, latents, encode_captions(network.prompts, others, "test"), parameters.seed
    )
    drawn, by_base = _drawn(network, rows, parameters), _drawn(base, rows, parameters)
    count = len(rows)
    style = style_gain(held_out, drawn[:count], by_base[:count])
    trained = pictures_of(network, data, data.train)
    judge = fit_caption_judge(trained, [row.text for row in data.train])
    texts = [row.text for row in rows]
    judged, followed = (
        judge.right(each, texts, parameters.seed) for each in (held_out, drawn[:count])
    )
    copies = memorisation(*(shrunk(each, _COMPARED_SIDE) for each in (trained, held_out, drawn)))
    scores = {
        "denoising_gain": (of_base - own) / of_base.mean(),
        "caption_gain": (by_others - own) / own.mean(),
        "captions_followed": followed,
        "caption_gap": judged - followed,
    }
    groups = row_groups(rows)
    means = {name: group_means(each, groups) for name, each in scores.items()}
    numbers = {
        "denoising_loss": float(own.mean()),
        "base_denoising_loss": float(of_base.mean()),
        **style.numbers(groups),
        "captions_judged": float(judged.mean()),
        **copies.numbers(),
        "trainable_share": trainable_share(network),
    }
    for name, each in means.items():
        numbers |= mean_interval(each).numbers(name)
    pictures = {"samples": compared(rows, held_out, by_base, drawn)}
    known, unknown = known_bounds(numbers, *observations(groups))
    judged_by = {
        "denoising_gain": means["denoising_gain"],
        "style_gain": group_means(style.terms, groups),
    }
    return Evaluation(known, pictures, judged_by, unknown=unknown)


def _drawn(
    network: PromptedDenoiser, rows: Sequence[CaptionedImage], parameters: Parameters
) -> Pictures:
    """Return a picture of each caption, and further ones of other noise."""
    tokens = encode_captions(network.prompts, rows, "test")
    count = max(len(rows), parameters.drawn_pictures)
    return draw_pictures(network, tokens[torch.arange(count) % len(rows)], parameters)


def compared(
    rows: Sequence[CaptionedImage], held_out: Pictures, by_base: Pictures, drawn: Pictures
) -> figures.Pixels:
    """Return rows of held-out pictures, and of what the base and the tuned model draw of them."""
    firsts = {row.text: at for at, row in reversed([*enumerate(rows)])}
    chosen = sorted(firsts.values())[:_SHOWN]
    shown = [shrunk(each[chosen], _SHOWN_SIDE) for each in (held_out, by_base, drawn)]
    coloured = [np.repeat(each, 3, axis=3) if each.shape[3] == 1 else each for each in shown]
    titles = ("held-out pictures", "their captions drawn by the base", "drawn by the tuned model")
    return figures.titled_rows(titles, np.stack(coloured), max(1, _SHOWN_SIDE // shown[0].shape[1]))


def trainable_share(network: TunedDenoiser) -> float:
    """Return how much is learned as a share of the network's and the text encoder's weights."""
    counted = [each for part in (network.unet, network.text) for each in part.parameters()]
    learned = sum(each.numel() for each in counted if each.requires_grad)
    return float(learned / sum(each.numel() for each in counted))
