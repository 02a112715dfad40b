"""The progress of a running training, and its thinned curves."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.contracts.model_card import PROGRESS_FILE, TrainingProgress
from models.failures import Diverged, Interrupted
from models.training.curves import CurveSampler, sampled_curves
from models.training.loop import StepSchedule, train
from models.training.progress import ProgressFile
from tests.training.tasks import Bench, Counting

TIME = datetime(2026, 12, 1, tzinfo=UTC)
NAN = float("nan")


def progress(folder: Path) -> TrainingProgress:
    return TrainingProgress.model_validate_json((folder / PROGRESS_FILE).read_bytes())


@given(st.integers(1, 300), st.integers(2, 40))
def test_curves_should_stay_small_and_keep_the_mean(steps: int, max_points: int) -> None:
    sampler = CurveSampler(max_points)
    for step in range(1, steps + 1):
        sampler.add(step, {"loss": float(step)})
    curves = sampler.curves()
    points = curves.steps
    assert len(points) <= max_points
    assert len(points) > min(steps, max_points) // 2 - 1
    assert points[-1] == steps
    widths = [end - start for start, end in zip((0, *points), points, strict=False)]
    assert len(set(widths[:-1])) <= 1
    means = curves.values["loss"]
    for end, width, mean in zip(points, widths, means, strict=True):
        assert mean == pytest.approx(end - (width - 1) / 2)


def test_a_point_without_a_finite_value_should_be_null() -> None:
    curves = sampled_curves(
        {1: {"loss": 2.0}, 2: {"loss": 1.0, "validation_loss": 3.0}, 3: {"loss": NAN}}
    )
    assert curves.steps == (1, 2, 3)
    assert curves.values == {"loss": (2.0, 1.0, None), "validation_loss": (None, 3.0, None)}


def test_should_write_at_the_first_step_and_then_every_few_seconds(tmp_path: Path) -> None:
    seconds = iter([0.0, 1.0, 5.0, 5.5])
    told = []
    path = tmp_path / PROGRESS_FILE
    with ProgressFile(
        path, 4, keep=True, monotonic=lambda: next(seconds), utcnow=lambda: TIME
    ) as file:
        for step in (1, 2, 3, 4):
            file.add(step, {"loss": 1 / step})
            told.append(progress(tmp_path))
    assert [each.step for each in told] == [1, 1, 3, 3]
    assert {each.state for each in told} == {"running"}
    ended = progress(tmp_path)
    assert (ended.state, ended.step, ended.steps, ended.updated_at) == ("completed", 4, 4, TIME)


def test_another_process_should_write_nothing(tmp_path: Path) -> None:
    with ProgressFile(tmp_path / PROGRESS_FILE, 4, keep=False) as file:
        file.add(1, {"loss": 1.0})
    assert not (tmp_path / PROGRESS_FILE).exists()


def test_a_training_that_diverges_should_be_shown_so_up_to_its_last_step(tmp_path: Path) -> None:
    with pytest.raises(Diverged):
        train(Counting(broken={7: NAN}), StepSchedule(12, 5, 0), Bench(tmp_path).place())
    shown = progress(tmp_path)
    assert (shown.state, shown.step, shown.steps) == ("diverged", 7, 12)
    assert shown.message.startswith("Step 7 diverged: loss is nan (step 5 is kept).")
    assert shown.curves.steps == tuple(range(1, 8))
    assert shown.curves.values["loss"][5:] == (0.166667, None)


def test_a_training_that_goes_on_should_keep_the_steps_before(tmp_path: Path) -> None:
    with pytest.raises(Interrupted):
        train(Counting(), StepSchedule(12, 5, 0), Bench(tmp_path, stop_after=6).place())
    assert progress(tmp_path).state == "interrupted"
    train(Counting(), StepSchedule(12, 5, 0), Bench(tmp_path).place())
    shown = progress(tmp_path)
    assert (shown.state, shown.curves.steps) == ("completed", tuple(range(1, 13)))
