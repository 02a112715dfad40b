"""The recipe `diffusion_tuning`: a diffusion base in the style of a user's captioned pictures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from chalicelib.inference.vocabulary import shortened_list
from models.bases.folder import BaseModel
from models.data.images import to_network
from models.data.picture_files import Pictures, read_squares, shrunk
from models.evaluation import figures
from models.evaluation.caption_judge import fit_caption_judge
from models.evaluation.intervals import mean_interval
from models.evaluation.memorisation import memorisation
from models.evaluation.style import style_gain
from models.failures import BadData, NotFinite
from models.networks import tuned_denoiser_export as export
from models.networks.diffusion_base import (
    PromptReader,
    WordPrompts,
    picture_size,
    read_prompts,
)
from models.networks.tuned_denoiser import PromptedDenoiser, TunedDenoiser
from models.recipes.diffusion_tuning.parameters import Parameters
from models.training import seeds
from models.training.learned_weights import LearnedWeights
from models.training.loop import TrainingTask
from models.training.recipe_code import Constant, Evaluation, Graph, RecipeCode, TaskSetup
from models.training.supervised_task import Batch, Loss, loss_task
from models.training_data.channel import PARTS, DataChannel, DataPart, read_channel
from models.training_data.rows import CaptionedImage

LEAST_JUDGED = 6
"""Fewer held-out pictures tell no interval: that of a few lucky ones lies above 0."""

Captioned = DataChannel[CaptionedImage]

_STREAM = 2**31 + 7
_LEVELS = 16
"""Steps of the noise at which held-out pictures are judged, evenly spaced."""
_AT_ONCE = 32
_COMPARED_SIDE = 32
"""Side of the pictures among which copies are looked for, pixels."""
_SHOWN, _SHOWN_SIDE = 10, 64


def read(folder: Path) -> Captioned:
    """Read a channel of captioned pictures.

    Raises:
        BadData: it is none, or all captions are alike, so that no caption could be judged.
    """
    data = read_channel(folder, CaptionedImage)
    parts: tuple[DataPart, ...] = ("train", "test")
    for part in parts:
        captions = {row.text for row in data.part(part)}
        if len(captions) == 1:
            raise BadData(
                f"{part}.jsonl: every caption is {captions.pop()!r}. Say in each what its picture "
                "shows beside the style: else the model draws one thing, and no held-out caption "
                "can judge it."
            )
    return data


def captioned(data: Captioned, parameters: Parameters) -> Captioned:
    """Return a channel whose captions have the form of the settings."""
    form = parameters.caption

    def rows(part: DataPart) -> tuple[CaptionedImage, ...]:
        return tuple(
            row.model_copy(update={"text": form.format(row.text)}) for row in data.part(part)
        )

    return replace(data, train=rows("train"), validation=rows("validation"), test=rows("test"))


def build(parameters: Parameters, data: Captioned, base: BaseModel) -> TunedDenoiser:
    """Return the base with what is tuned on it. Raises BadData."""
    captions = [row.text for row in captioned(data, parameters).train]
    return TunedDenoiser(base, parameters, captions)


def pictures_of(
    network: PromptedDenoiser, data: Captioned, rows: Sequence[CaptionedImage]
) -> Pictures:
    """Return the pictures of rows as the base sees them. Raises BadData."""
    paths = (data.file(row.file) for row in rows)
    return read_squares(paths, network.loaded.side, network.loaded.channels)


def encode_captions(
    prompts: PromptReader, rows: Sequence[CaptionedImage], part: DataPart
) -> torch.Tensor:
    """Return the tokens of captions. Raises BadData, with the line, for one that is too long."""
    found = []
    for number, row in enumerate(rows, 1):
        try:
            found.append(prompts.tokens(row.text))
        except BadData as error:
            raise BadData(f"{part}.jsonl, line {number}: {error}") from error
    return torch.tensor(found, dtype=torch.long)


def check(parameters: Parameters, data: Captioned, base: BaseModel) -> list[str]:
    """Return which words are new to the base.

    Raises:
        BadData: a caption is too long, a picture too small or broken, or too many words are new.
    """
    data = captioned(data, parameters)
    prompts, (side, channels) = read_prompts(base), picture_size(base)
    for part in PARTS:
        rows = data.part(part)
        encode_captions(prompts, rows, part)
        for row in rows:
            read_squares([data.file(row.file)], side, channels)
    if not isinstance(prompts, WordPrompts):
        return []
    told = []
    if new := prompts.learned_words([row.text for row in data.train], parameters.new_words):
        told.append(f"New to the base, and learned: {shortened_list(new)}.")
    left = prompts.with_words(new).unknown([row.text for row in data.test])
    if left:
        told.append(f"In no training caption, and so not read: {shortened_list(left)}.")
    return told


def latents_of(network: PromptedDenoiser, pictures: Pictures) -> tuple[torch.Tensor, torch.Tensor]:
    """Return mean and deviation of the latents of pictures, on the CPU."""
    device, seen = network.kept.device, torch.from_numpy(to_network(pictures))
    found = [network.latents(each.to(device)) for each in seen.split(_AT_ONCE)]
    means, deviations = zip(*found, strict=True)
    return torch.cat(means).cpu(), torch.cat(deviations).cpu()


def task(setup: TaskSetup[Parameters, Captioned]) -> TrainingTask:
    """Return the training on the channel's pictures. Raises BadData."""
    network, parameters = setup.network, setup.parameters
    data = captioned(setup.data, parameters)
    assert isinstance(network, TunedDenoiser)
    network.to(setup.device.torch)
    means, deviations = latents_of(network, pictures_of(network, data, data.train))
    tokens = encode_captions(network.prompts, data.train, "train")
    encode_captions(network.prompts, data.test, "test")
    rows = [means, deviations, tokens]
    if parameters.prior_weight:
        rows += _prior_rows(network, data, parameters, tokens)
    return loss_task(setup, objective(network, parameters), rows, kept=LearnedWeights(network))


def _prior_rows(
    network: TunedDenoiser, data: Captioned, parameters: Parameters, tokens: torch.Tensor
) -> list[torch.Tensor]:
    """Return what the base draws for each training picture, and the tokens of that.

    N. Ruiz et al., DreamBooth, section 3.2, https://arxiv.org/abs/2208.12242

    Raises:
        BadData: the prompt of the base is the caption itself, and would teach two things of one.
    """
    base = network.plain().to(network.kept.device)
    captions = [parameters.prior_prompt or row.text for row in data.train]
    prompts = base.encode(captions)
    if same := int((prompts == tokens).all(1).sum()):
        raise BadData(
            f"prior_weight: {same} captions have no word that is new to the base, such as "
            f"{captions[0]!r}, so that its own pictures of them would teach against yours. Name "
            "your style in each caption by a word of its own, set prior_prompt, or leave "
            "prior_weight out."
        )
    return [export.draw_latents(base, prompts, parameters).cpu(), prompts]


def objective(network: TunedDenoiser, parameters: Parameters) -> Loss:
    """Return the mean squared error of the base's own prediction, at steps by chance."""
    steps, empty = len(network.loaded.chain.kept), network.encode([""])

    def error(
        network: TunedDenoiser, images: torch.Tensor, tokens: torch.Tensor, drop: float
    ) -> torch.Tensor:
        device, count = images.device, len(images)
        step = torch.randint(steps, (count,)).to(device)
        noise = torch.randn(images.shape).to(device)
        dropped = torch.rand(count).to(device) < drop
        given = torch.where(dropped[:, None], empty.to(device), tokens)
        return network.errors(images, noise, step, given).mean()

    def loss(tuned: torch.nn.Module, batch: Batch, number: int) -> Mapping[str, torch.Tensor]:
        assert isinstance(tuned, TunedDenoiser)
        means, deviations, tokens, *prior = batch
        images = means + deviations * torch.randn(means.shape).to(means.device)
        found = error(tuned, images, tokens, parameters.drop_caption)
        if not prior:
            return {"loss": found, "prior_loss": torch.zeros_like(found)}
        kept = error(tuned, prior[0], prior[1], 0.0)
        return {"loss": found + parameters.prior_weight * kept, "prior_loss": kept}

    return loss


def judged_rows(rows: Sequence[CaptionedImage], parameters: Parameters) -> Sequence[CaptionedImage]:
    """Return the held-out rows that are judged: of more than are asked for a sample by the seed."""
    if len(rows) <= parameters.judged_pictures:
        return rows
    drawn = np.random.default_rng(parameters.seed).permutation(len(rows))
    return [rows[at] for at in sorted(drawn[: parameters.judged_pictures])]


def others_of(rows: Sequence[CaptionedImage], seed: int) -> list[CaptionedImage]:
    """Return for each row one with another caption, by the seed."""
    order = [rows[at] for at in np.random.default_rng(seed).permutation(len(rows))]
    return [
        next(other for other in (*order[at % len(order) :], *order) if other.text != row.text)
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
                *(each.split(_AT_ONCE) for each in (latents, noise, tokens)), strict=True
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
    pictures that caption_judge.py tells from another caption, `captions_judged` that of held-out
    ones, and `caption_gap` how much less drawn ones follow.
    """
    assert isinstance(network, TunedDenoiser)
    data = captioned(data, parameters)
    rows = judged_rows(data.test, parameters)
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
    texts = [[row.text for row in each] for each in (rows, others)]
    judged, followed = (judge.right(each, *texts) for each in (held_out, drawn[:count]))
    copies = memorisation(*(shrunk(each, _COMPARED_SIDE) for each in (trained, held_out, drawn)))
    numbers = {
        "denoising_loss": float(own.mean()),
        "base_denoising_loss": float(of_base.mean()),
        **mean_interval((of_base - own) / of_base.mean()).numbers("denoising_gain"),
        **style.numbers(),
        **mean_interval((by_others - own) / own.mean()).numbers("caption_gain"),
        "captions_judged": float(judged.mean()),
        **mean_interval(followed).numbers("captions_followed"),
        **mean_interval(judged - followed).numbers("caption_gap"),
        **copies.numbers(),
        "trainable_share": trainable_share(network),
    }
    pictures = {"samples": compared(rows, held_out, by_base, drawn)}
    scores = {"denoising_gain": (of_base - own) / of_base.mean(), "style_gain": style.terms}
    if count >= LEAST_JUDGED:
        return Evaluation(numbers, pictures, scores)
    reason = f"{count} pictures were judged, and an interval takes {LEAST_JUDGED}"
    bounds = [name for name in numbers if name.endswith(("_low", "_high"))]
    known = {name: value for name, value in numbers.items() if name not in bounds}
    return Evaluation(known, pictures, scores, unknown=dict.fromkeys(bounds, reason))


def _drawn(
    network: PromptedDenoiser, rows: Sequence[CaptionedImage], parameters: Parameters
) -> Pictures:
    """Return a picture of each caption, and further ones of other noise."""
    tokens = encode_captions(network.prompts, rows, "test")
    count = max(len(rows), parameters.drawn_pictures)
    return export.draw_pictures(network, tokens[torch.arange(count) % len(rows)], parameters)


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


def graphs(network: torch.nn.Module, parameters: Parameters) -> Mapping[str, Graph]:
    """Return the graphs that draw."""
    assert isinstance(network, TunedDenoiser)
    return export.tuned_graphs(network)


def learned(network: torch.nn.Module) -> Mapping[str, Constant]:
    """Return the constants that a server needs."""
    assert isinstance(network, TunedDenoiser)
    return export.tuned_constants(network)


def network_files(network: torch.nn.Module) -> Mapping[str, bytes]:
    """Return the files by which prompts are read."""
    assert isinstance(network, TunedDenoiser)
    return network.prompts.files()


CODE: RecipeCode[Parameters, Captioned] = RecipeCode(
    parameters=Parameters,
    load=read,
    build=build,
    task=task,
    evaluate=evaluate,
    graphs=graphs,
    constants=lambda _parameters: {},
    learned=learned,
    network_files=network_files,
    check=check,
)
