"""The recipe `diffusion_distilled`: a diffusion model that draws in few steps."""

from __future__ import annotations

from collections.abc import Mapping

from torch import nn

from models.data import captions
from models.data.captions import CaptionedImages
from models.evaluation import caption_fidelity
from models.failures import BadData
from models.networks.denoiser.export import denoiser_constants, denoiser_graphs, draw_function
from models.networks.denoiser.network import AveragedDenoiser, vocabulary_files
from models.recipes.diffusion_distilled.distillation import DistillationTask
from models.recipes.diffusion_distilled.parameters import Parameters
from models.training.artefacts import TrainedModel
from models.training.recipe_code import Evaluation, RecipeCode


def evaluate(network: nn.Module, data: CaptionedImages, parameters: Parameters) -> Evaluation:
    """Return how well pictures follow their prompts, drawn with a server's defaults."""
    assert isinstance(network, AveragedDenoiser)
    return caption_fidelity.prompt_fidelity(
        draw_function(network.drawing, parameters), data, parameters.prompt_tokens
    )


TEACHER = "teacher"


def begin(network: nn.Module, bases: Mapping[str, TrainedModel]) -> None:
    """Load the averaged weights of the teacher. Raises BadData if its chain differs."""
    assert isinstance(network, AveragedDenoiser)
    teacher = bases[TEACHER]
    chain = teacher.training.settings["noise_steps"]
    if chain != network.noise_steps:
        raise BadData(
            f"noise_steps: is {network.noise_steps}, and the teacher was trained with {chain}; "
            "give the teacher's."
        )
    network.start_from(teacher.weights)


CODE: RecipeCode[Parameters, CaptionedImages] = RecipeCode(
    parameters=Parameters,
    load=captions.read,
    network=AveragedDenoiser,
    task=DistillationTask,
    evaluate=evaluate,
    graphs=denoiser_graphs,
    constants=denoiser_constants,
    begin=begin,
    files=vocabulary_files,
)
