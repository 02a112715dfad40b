"""The distilled diffusion model as a recipe."""

from __future__ import annotations

from collections.abc import Mapping

from torch import nn

from models.common import captions
from models.common.artefacts import Trained
from models.common.captions import Captioned
from models.common.failures import BadData
from models.common.family import Family
from models.networks.denoiser.export import constants, graphs
from models.networks.denoiser.network import Averaged
from models.networks.denoiser.prompts import files
from models.recipes.diffusion_distilled.evaluate import evaluate
from models.recipes.diffusion_distilled.parameters import Parameters
from models.recipes.diffusion_distilled.task import Distillation

TEACHER = "teacher"


def begin(network: nn.Module, bases: Mapping[str, Trained]) -> None:
    """Put the weights that the teacher draws by into the network. Raises BadData."""
    assert isinstance(network, Averaged)
    teacher = bases[TEACHER]
    chain = teacher.training.settings["noise_steps"]
    if chain != network.noise_steps:
        raise BadData(
            f"noise_steps: is {network.noise_steps}, and the teacher was trained with {chain}; "
            "give the teacher's."
        )
    network.start_from(teacher.weights)


FAMILY: Family[Parameters, Captioned] = Family(
    parameters=Parameters,
    load=captions.read,
    network=Averaged,
    task=Distillation,
    evaluate=evaluate,
    graphs=graphs,
    constants=constants,
    begin=begin,
    files=files,
)
