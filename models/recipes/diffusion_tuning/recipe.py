"""The recipe `diffusion_tuning`: a diffusion base in the style of a user's captioned pictures."""

from __future__ import annotations

from collections.abc import Mapping

import torch

from models.bases.folder import BaseModel
from models.failures import BadData
from models.networks import tuned_denoiser_export as export
from models.networks.tuned_denoiser import TunedDenoiser
from models.recipes.diffusion_tuning.judgement import evaluate
from models.recipes.diffusion_tuning.parameters import Parameters
from models.recipes.diffusion_tuning.picture_rows import (
    Captioned,
    captioned,
    check,
    encode_captions,
    latents_of,
    pictures_of,
    read,
)
from models.training.learned_weights import LearnedWeights
from models.training.loop import TrainingTask
from models.training.recipe_code import Constant, Graph, RecipeCode, TaskSetup
from models.training.supervised_task import Batch, Loss, loss_task
from models.training_data.row_groups import row_groups


def build(parameters: Parameters, data: Captioned, base: BaseModel) -> TunedDenoiser:
    """Return the base with what is tuned on it. Raises BadData."""
    captions = [row.text for row in captioned(data, parameters).train]
    return TunedDenoiser(base, parameters, captions)


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
    return loss_task(
        setup,
        objective(network, parameters),
        rows,
        kept=LearnedWeights(network),
        groups=row_groups(data.train).tolist(),
    )


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
