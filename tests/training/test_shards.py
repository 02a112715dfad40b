"""A network that two processes share, by gloo in the place of NCCL."""

from __future__ import annotations

import multiprocessing
import os
import shutil
import socket
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from models.bases.folder import CHANNEL, read_base
from models.failures import BadRecipe
from models.jobs import runner
from models.networks.base_decoder import read_base_tokenizer
from models.networks.text_blocks import DocumentEncoder, pack_documents
from models.training import recipe
from models.training.devices import DEVICE, select_device
from models.training.job import TRAINING_CHANNEL, TrainingJob
from models.training.metrics import HISTORY
from models.training.process_group import ProcessGroup, join_group
from models.training.recipe_code import TaskSetup, recipe_code
from models.training.settings import RecipeSettings
from models.training.shards import shard, whole_state
from models.training_data.channel import DataSource, write_channel
from models.training_data.rows import TextExample
from tests.training.conftest import Laid, weights_of
from tests.training.tiny_bases import write_tiny_base

RECIPE = "continued_pretraining"
ASKED: Mapping[str, Any] = {
    "recipe": RECIPE, "preset": "smoke", "batch": 4, "rank": 2, "max_tokens": 32, "steps": 4,
    "checkpoint_every": 2, "clip_norm": 0.5, "weight_decay": 0.1, "learning_rate": 0.005,
}  # fmt: skip
WAYS: Mapping[str, Mapping[str, Any]] = {
    "lora": {"way": "lora", "embeddings": True},
    "full": {"way": "full", "checkpointing": True, "accumulate": 2, "logits_at_once": 16},
    "gradual": {"way": "gradual"},
}


def in_two_processes(works: Sequence[Callable[[Mapping[str, str]], None]]) -> None:
    """Run each of `works` with the variables of torchrun in two forks, which have torch already.

    A job of its own meets at a port of its own: the store of the last may still listen at another.
    """
    with ExitStack() as free:
        held = [free.enter_context(socket.socket()) for _ in works]
        for one in held:
            one.bind(("127.0.0.1", 0))
        ports = [str(one.getsockname()[1]) for one in held]

    def run(rank: int) -> None:
        os.environ |= {"MASTER_ADDR": "127.0.0.1", DEVICE: "cpu"}
        os.environ |= {"RANK": str(rank), "LOCAL_RANK": str(rank), "WORLD_SIZE": "2"}
        for port, work in zip(ports, works, strict=True):
            os.environ["MASTER_PORT"] = port
            work(os.environ)

    fork = multiprocessing.get_context("fork")
    processes = [fork.Process(target=run, args=(rank,)) for rank in range(2)]
    for each in processes:
        each.start()
    for each in processes:
        each.join(90)
        each.kill()
    assert [each.exitcode for each in processes] == [0, 0]


@pytest.fixture
def channels(tmp_path: Path) -> Mapping[str, Path]:
    """A base, and documents that fill blocks, so that the mean of two means is that of all."""
    words = ["red", "blue", "green", "yellow", "white"]
    base = write_tiny_base(tmp_path / "base", texts=[" ".join(words)])
    rows = [TextExample(text=" ".join(["red", *(words * 6)[at % 5 :]])) for at in range(20)]
    tokenizer = read_base_tokenizer(base)
    tokens = DocumentEncoder(tokenizer.file).encode([each.text for each in rows])
    last = pack_documents(tokens, 32, tokenizer.end).weights[-1]
    rows[-1] = TextExample(text=rows[-1].text + " red" * int((1 - last).sum()))
    about = DataSource(source="tests", licence="CC0-1.0")
    write_channel(tmp_path / "data", "text", {"train": rows, "test": rows[:1]}, about)
    return {TRAINING_CHANNEL: tmp_path / "data", CHANNEL: base.folder}


def first_step(channels: Mapping[str, Path], environ: Mapping[str, str]) -> dict[str, torch.Tensor]:
    """Return the clipped gradients of a step, of whole weights; of two processes each has half."""
    device = select_device({DEVICE: "cpu"})
    with join_group(environ, device) as group:
        code, settings = recipe_code(RECIPE), resolved(way="full", sharded=True)
        data = code.load(channels[TRAINING_CHANNEL])
        assert code.build is not None
        network = code.build(settings, data, read_base(channels[CHANNEL]))
        count = sum(each.numel() for each in network.parameters())
        task = code.task(TaskSetup(network, data, settings, device, group))
        held = sum(_local(each).numel() for each in network.parameters())
        assert held == pytest.approx(count / group.size, rel=0.01)
        task.step(1)
        gradients = {name: each.grad for name, each in network.named_parameters()}
        return whole_state(gradients, ProcessGroup(0, group.size))


def test_two_processes_should_train_the_network_that_one_trains(
    channels: Mapping[str, Path], laid: Laid
) -> None:
    """Each holds half of every weight; checkpoints and artefacts are those of one process."""
    single, shared = (
        {
            name: laid({**ASKED, **way, "sharded": each}, channels, f"{name}-{each}")
            for name, way in {**WAYS, "resumed": WAYS["full"]}.items()
        }
        for each in (False, True)
    )
    for name in WAYS:
        runner.run_job(single[name], {}, lambda _: None)
    alone = first_step(channels, {})

    def same_gradients(environ: Mapping[str, str]) -> None:
        torch.testing.assert_close(first_step(channels, environ), alone, rtol=1e-4, atol=1e-7)

    def run(name: str, environ: Mapping[str, str]) -> None:
        runner.run_job(shared[name], environ, lambda _: None)

    def resume(environ: Mapping[str, str]) -> None:
        job, said = shared["resumed"], list[str]()
        job.checkpoints.mkdir(exist_ok=True)
        for file in ("step-000000002.safetensors", HISTORY):
            shutil.copy(shared["full"].checkpoints / file, job.checkpoints)
        runner.run_job(job, environ, said.append)
        assert "Going on after step 2 of 4." in said

    in_two_processes([same_gradients, *(partial(run, name) for name in WAYS), resume])
    for name in WAYS:
        assert_close(shared[name], single[name], 0.02)
        last = "step-000000004.safetensors"
        ours, theirs = (weights_of(each[name].checkpoints / last) for each in (shared, single))
        assert {part: each.shape for part, each in ours.items()} == {
            part: each.shape for part, each in theirs.items()
        }
    assert_close(shared["resumed"], shared["full"], tolerance=0)


def _local(weight: Any) -> torch.Tensor:
    found: torch.Tensor = weight.to_local() if hasattr(weight, "to_local") else weight
    return found


def resolved(**changed: Any) -> RecipeSettings:
    asked = {name: each for name, each in ASKED.items() if name not in ("recipe", "preset")}
    return recipe.resolve(recipe.load(RECIPE), "smoke", {**asked, **changed})


def assert_close(one: TrainingJob, other: TrainingJob, tolerance: float) -> None:
    """Assert that weights differ by a share of their norm: Adam makes much of tiny gradients."""
    ours, theirs = (weights_of(each.model / "weights.safetensors") for each in (one, other))
    assert ours.keys() == theirs.keys()
    for name, weights in theirs.items():
        differing = np.linalg.norm(ours[name] - weights)
        assert differing <= tolerance * np.linalg.norm(weights), name


def test_should_refuse_by_name_what_cannot_be_shared() -> None:
    with pytest.raises(BadRecipe, match=r"the network of vae is held whole .*instruction_tuning"):
        recipe.resolve(recipe.load("vae"), "smoke", {"sharded": True})
    with pytest.raises(BadRecipe, match="sharded keeps no best weights"):
        resolved(sharded=True, validation_share=0.1)
    with pytest.raises(BadRecipe, match="Linear has no layers that processes can share"):
        shard(torch.nn.Linear(1, 1), ProcessGroup(0, 2))
