from __future__ import annotations

import os
import signal
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn
from torch.autograd.graph import saved_tensors_hooks
from transformers import LlamaForCausalLM

from models.failures import BadCheckpoint, BadRecipe, Diverged, Interrupted
from models.networks.decoder import decoder, logits
from models.networks.settings import DecoderSettings
from models.training import metrics, seeds
from models.training.devices import Device
from models.training.job import EXIT_CODE, TerminationSignal
from models.training.loop import StepSchedule, train
from models.training.memory import recompute_layers
from models.training.metrics import HISTORY, read_history
from models.training.process_group import ProcessGroup
from models.training.recipe_code import TaskSetup
from models.training.settings import RecipeSettings
from models.training.supervised_task import (
    Batches,
    LossTask,
    learning_rate,
    loss_task,
)
from models.training.validation import split_numbers
from tests.training.tasks import ROWS, SETTINGS, Bench, Counting, line_task

DECODER = DecoderSettings(
    steps=1,
    batch=1,
    learning_rate=0.1,
    vocabulary=16,
    width=16,
    inner=64,
    layers=3,
    heads=2,
    context=8,
)
PLAN = StepSchedule(SETTINGS.steps, SETTINGS.checkpoint_every, SETTINGS.seed)


def test_should_lower_the_loss_and_print_a_line_a_step(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    last = train(line_task(), PLAN, bench.place())
    read = [metrics.parse_line(line) for line in bench.said]
    assert [each[0] for each in read if each] == list(range(1, 13))
    first = read[0]
    assert first is not None
    assert last["loss"] < first[1]["loss"]
    assert read_history(tmp_path / HISTORY)[12] == pytest.approx(last)


@pytest.mark.parametrize("stopped", [1, 4, 5, 6, 11])
def test_should_go_on_to_the_very_loss_and_weights(tmp_path: Path, stopped: int) -> None:
    whole = line_task()
    wanted = train(whole, PLAN, Bench(tmp_path / "whole").place())
    broken = Bench(tmp_path / "broken", stop_after=stopped)
    with pytest.raises(Interrupted, match=f"after step {stopped} of 12; it is kept"):
        train(line_task(), PLAN, broken.place())
    again = line_task()
    broken.stop_after = 0
    assert train(again, PLAN, broken.place()) == wanted
    assert f"Going on after step {stopped} of 12." in broken.said
    assert torch.equal(again.network.weight, whole.network.weight)
    assert (tmp_path / "broken" / HISTORY).read_text() == (tmp_path / "whole" / HISTORY).read_text()


def test_should_go_on_from_the_checkpoint_after_a_kill_without_a_word(tmp_path: Path) -> None:
    with pytest.raises(Diverged):
        train(Counting(broken={8: float("nan")}), StepSchedule(12, 3, 0), Bench(tmp_path).place())
    assert max(read_history(tmp_path / HISTORY)) == 6
    with (tmp_path / HISTORY).open("a") as file:
        file.write('{"step": 7, "loss": 1}\n{"step": 8, "lo')
    task = Counting()
    train(task, StepSchedule(12, 3, 0), Bench(tmp_path).place())
    assert task.at == 12
    assert list(read_history(tmp_path / HISTORY)) == list(range(1, 13))


def test_the_step_should_end_before_its_metrics_are_read(tmp_path: Path) -> None:
    """XLA compiles and runs a graph for whatever is read before it."""
    order = []

    class Metric:
        def __float__(self) -> float:
            order.append("read")
            return 1.0

    class Lazy(Device):
        def end_step(self) -> None:
            order.append("ended")

    place = replace(Bench(tmp_path).place(), device=Lazy(torch.device("cpu"), lazy=True))
    broken: Any = {1: Metric(), 2: Metric()}
    train(Counting(broken=broken), StepSchedule(2, 5, 0), place)
    assert order == ["ended", "read"] * 2


def test_should_do_nothing_more_once_it_is_done(tmp_path: Path) -> None:
    wanted = train(line_task(), PLAN, Bench(tmp_path).place())
    bench = Bench(tmp_path)
    assert train(line_task(), PLAN, bench.place()) == wanted
    assert bench.said == ["Going on after step 12 of 12."]


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_should_say_at_which_step_it_diverged(tmp_path: Path, value: float) -> None:
    with pytest.raises(Diverged, match=r"Step 7 diverged: loss is (nan|inf) \(step 5 is kept\)"):
        train(Counting(broken={7: value}), PLAN, Bench(tmp_path).place())


def test_should_not_go_on_from_another_training(tmp_path: Path) -> None:
    train(Counting(), PLAN, Bench(tmp_path).place())
    other = Bench(tmp_path, training={"recipe": "line", "seed": 1})
    with pytest.raises(BadCheckpoint, match="another training: seed was None and is 1"):
        train(Counting(), PLAN, other.place())


def test_should_pass_over_a_checkpoint_that_cannot_be_read(tmp_path: Path) -> None:
    train(Counting(), StepSchedule(10, 5, 0), Bench(tmp_path).place())
    (tmp_path / "step-000000010.safetensors").write_bytes(b"torn")
    bench = Bench(tmp_path)
    train(Counting(), StepSchedule(10, 5, 0), bench.place())
    assert bench.said[0] == "Going on after step 5 of 10."
    for path in tmp_path.glob("*.safetensors"):
        path.write_bytes(b"torn")
    with pytest.raises(BadCheckpoint, match=r"No checkpoint in .* Empty the folder"):
        train(Counting(), StepSchedule(10, 5, 0), Bench(tmp_path).place())


def test_should_keep_two_checkpoints(tmp_path: Path) -> None:
    train(Counting(), StepSchedule(20, 3, 0), Bench(tmp_path).place())
    kept = sorted(path.name for path in tmp_path.glob("*.safetensors"))
    assert kept == ["step-000000018.safetensors", "step-000000020.safetensors"]


def test_should_hear_sigterm_and_give_back_what_heard_it_before() -> None:
    before = signal.getsignal(signal.SIGTERM)
    with TerminationSignal() as stop:
        asked = [stop.asked]
        os.kill(os.getpid(), signal.SIGTERM)
        asked.append(stop.asked)
    assert asked == [False, True]
    assert signal.getsignal(signal.SIGTERM) is before
    assert EXIT_CODE == 143


def test_parts_of_a_batch_should_make_the_step_of_the_whole(tmp_path: Path) -> None:
    def trained(**changed: Any) -> LossTask:
        task = line_task(SETTINGS.model_copy(update=changed), chance=0.0)
        train(task, PLAN, Bench(tmp_path / str(changed)).place())
        return task

    whole, parts = trained(), trained(accumulate=4)
    assert torch.allclose(parts.network.weight, whole.network.weight, atol=1e-6)
    with pytest.raises(BadRecipe, match="accumulate: is 3, which does not divide the 8 rows"):
        trained(accumulate=3)


def test_layers_that_are_computed_again_should_learn_the_same_and_remember_less() -> None:
    seeds.seed_all(0, 0)
    network = decoder(DECODER)
    tokens = torch.randint(DECODER.vocabulary, (2, 8))

    def learned(model: LlamaForCausalLM) -> tuple[int, torch.Tensor]:
        kept: list[int] = []

        def keep(each: torch.Tensor) -> torch.Tensor:
            kept.append(each.numel())
            return each

        with saved_tensors_hooks(keep, lambda each: each):
            loss = logits(model.train(), tokens).square().mean()
        model.zero_grad()
        loss.backward()
        return sum(kept), model.get_input_embeddings().weight.grad.clone()

    all_of, before = learned(network)
    recompute_layers(network)
    few, after = learned(network)
    assert few < all_of / 2
    assert torch.allclose(before, after, atol=1e-6)
    with pytest.raises(BadRecipe, match="checkpointing: no layer of this network"):
        line_task(SETTINGS.model_copy(update={"checkpointing": True}))


def test_rows_of_one_group_should_be_learned_or_validated_on() -> None:
    settings = SETTINGS.model_copy(update={"validation_share": 0.25})
    groups = [0] * 9 + [1] * 4 + [at // 2 for at in range(4, 18)]
    learned, held = split_numbers(groups, settings)
    assert sorted([*learned, *held]) == list(range(27))
    assert not {groups[at] for at in learned} & {groups[at] for at in held}
    assert 4 <= len(held) <= 7
    with pytest.raises(BadRecipe, match=r"of 12 rows is 3, and the smallest group of rows has 4"):
        split_numbers([0, 1, 2] * 4, settings)


def test_a_training_should_end_with_the_weights_that_are_best_on_rows_it_never_learned(
    tmp_path: Path,
) -> None:
    """Rows of pure noise: what is learned of them makes the others worse."""
    torch.manual_seed(0)
    rows = [torch.randn(60, 30), torch.randn(60, 1)]
    settings = SETTINGS.model_copy(
        update={"steps": 400, "validation_share": 0.4, "validate_every": 5, "patience": 3}
    )

    def loss(network: nn.Module, batch: Any, _: int) -> Mapping[str, torch.Tensor]:
        return {"loss": (network(batch[0]) - batch[1]).square().mean()}

    def task() -> LossTask:
        torch.manual_seed(0)
        cpu = Device(torch.device("cpu"))
        setup: Any = TaskSetup(nn.Linear(30, 1), None, settings, cpu, ProcessGroup())
        return loss_task(setup, loss, rows)

    plan = StepSchedule(settings.steps, 5, settings.seed)
    whole, bench = task(), Bench(tmp_path / "whole")
    train(whole, plan, bench.place())
    looks = {
        number: values["validation_loss"]
        for number, values in read_history(tmp_path / "whole" / HISTORY).items()
        if "validation_loss" in values
    }
    best = min(looks, key=lambda number: looks[number])
    assert max(looks) == best + 15 < 400
    assert f"Ended after step {best + 15} of 400" in bench.said[-1]
    assert whole.validation is not None
    told = loss(whole.network, whole.validation.rows, 0)["loss"]
    assert told.item() == pytest.approx(looks[best])
    again = task()
    broken = Bench(tmp_path / "broken", stop_after=best + 1)
    with pytest.raises(Interrupted):
        train(task(), plan, broken.place())
    broken.stop_after = 0
    train(again, plan, broken.place())
    assert torch.equal(again.network.weight, whole.network.weight)
    train(task(), plan, broken.place())  # what has ended does nothing more
    assert broken.said[-1] == f"Going on after step {best + 15} of 400."
    with pytest.raises(ValueError, match="patience needs validation_share"):
        RecipeSettings(steps=1, batch=1, learning_rate=1, patience=3)


def test_batches_should_show_each_row_once_an_epoch() -> None:
    batches = Batches([ROWS], SETTINGS, ProcessGroup())
    assert batches.per_epoch == 5
    epochs = [
        torch.cat([batches.at(number)[0] for number in range(start, start + 5)]).flatten()
        for start in (1, 6)
    ]
    for rows in epochs:
        assert sorted(rows.tolist()) == ROWS.flatten().tolist()
    assert not torch.equal(*epochs)


def test_batches_of_a_group_should_be_parts_of_the_same_batch() -> None:
    alone = Batches([ROWS], SETTINGS, ProcessGroup()).at(3)[0]
    shared = [Batches([ROWS], SETTINGS, ProcessGroup(rank, 2)).at(3)[0] for rank in (0, 1)]
    assert torch.equal(torch.cat(shared), alone)


def test_batches_should_say_that_the_data_is_too_small() -> None:
    with pytest.raises(ValueError, match="40 rows, fewer than a batch of 64"):
        Batches([ROWS], SETTINGS.model_copy(update={"batch": 64}), ProcessGroup())


def test_the_rate_should_warm_up_and_fall() -> None:
    rates = [learning_rate(SETTINGS, number) for number in range(1, 13)]
    assert rates[:2] == [0.025, 0.05]
    assert rates[2:] == sorted(rates[2:], reverse=True)
    assert rates[-1] == pytest.approx(0.0005)


def test_streams_of_chance_should_be_apart_and_the_same_again() -> None:
    drawn = [torch.randn(3, generator=seeds.generator(0, number)) for number in (1, 2, 1)]
    assert torch.equal(drawn[0], drawn[2])
    assert not torch.equal(drawn[0], drawn[1])
    assert seeds.derive_seed(1, 0) != seeds.derive_seed(0, 1)
