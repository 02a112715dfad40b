"""CLIP on drawn shapes as a recipe."""

from __future__ import annotations

from models.common import captions
from models.common.captions import Captioned
from models.common.family import Family
from models.networks.tower_graphs import constants, graphs, learned
from models.networks.tower_training import files, task
from models.networks.towers import Towers
from models.recipes.clip.evaluate import evaluate
from models.recipes.clip.parameters import Parameters

FAMILY: Family[Parameters, Captioned] = Family(
    parameters=Parameters,
    load=captions.read,
    network=Towers,
    task=task,
    evaluate=evaluate,
    graphs=graphs,
    constants=constants,
    files=files,
    learned=learned,
)
