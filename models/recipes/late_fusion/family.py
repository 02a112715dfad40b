"""Late fusion as a recipe."""

from __future__ import annotations

import torch

from models.common import captions
from models.common.captions import Captioned
from models.common.failures import BadData
from models.common.family import Family, Setup
from models.common.images import FILE
from models.common.loop import Task
from models.common.supervised import learned
from models.networks import tokens
from models.recipes.late_fusion.evaluate import evaluate
from models.recipes.late_fusion.export import constants, files, graphs
from models.recipes.late_fusion.loss import loss
from models.recipes.late_fusion.network import Classifiers
from models.recipes.late_fusion.parameters import Parameters


def task(setup: Setup[Parameters, Captioned]) -> Task:
    """Return the training of all three on the channel's pictures and their first captions.

    Raises:
        BadData: pictures or classes are not as the settings have them.
    """
    data, p = setup.data, setup.parameters
    data.images.hold(p.side, p.channels)
    if len(data.images.names) != p.classes:
        raise BadData(
            f"{FILE} has {len(data.images.names)} names of classes, and the recipe is set to "
            f"classes {p.classes}; change one or the other."
        )
    reader = tokens.of_captions(data, p.vocabulary, p.prompt_tokens)
    rows = [
        torch.from_numpy(data.images.train.scaled()),
        torch.from_numpy(tokens.encoded(reader, [said[0] for said in data.captions["train"]])),
        torch.from_numpy(data.images.train.labels),
    ]
    return learned(setup, loss, rows)


FAMILY: Family[Parameters, Captioned] = Family(
    parameters=Parameters,
    load=captions.read,
    network=Classifiers,
    task=task,
    evaluate=evaluate,
    graphs=graphs,
    constants=constants,
    files=files,
)
