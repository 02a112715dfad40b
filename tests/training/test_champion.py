"""Challenger against champion: what is compared, what is worse, and that a worse one is refused."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
import torch

from chalicelib.contracts.model_manifest import GraphSpec, Signature
from models.data.images import from_network
from models.evaluation import champion
from models.evaluation.champion import Difference, compare, read_scores, require_not_worse
from models.failures import BadData, BelowChampion, NotFinite
from models.jobs.finish import finish_job, require_finite, restore_network
from models.training.artefacts import TrainedModel, TrainingRecord
from models.training.gates import Gate
from models.training.job import TRAINING, WEIGHTS, TrainingJob
from models.training.recipe_code import Graph
from tests.training.conftest import Laid, Smoke, signature_of, weights_of

RIGHT = np.array([1.0, 0.0, 1.0, 1.0] * 50)
GATES = {"recognised": Gate(least=0.5), "error": Gate(most=1.0), "fid": Gate(most=9)}


def test_the_same_scores_should_differ_by_nothing() -> None:
    found = compare(GATES, {"recognised": RIGHT}, {"recognised": RIGHT})
    assert found == {"recognised": Difference(0.75, 0.75, 0.0, 0.0, 1.0, worse=False)}
    require_not_worse(found)


def test_rows_that_all_differ_alike_should_not_be_chance() -> None:
    found = compare(GATES, {"error": RIGHT + 0.5}, {"error": RIGHT})["error"]
    assert (found.low, found.high, found.worse) == (0.5, 0.5, True)
    assert found.p < 0.01
    assert compare(GATES, {"error": RIGHT[:1] + 0.5}, {"error": RIGHT[:1]})["error"].p == 1.0


def test_what_is_worse_by_chance_alone_should_pass() -> None:
    ours = RIGHT.copy()
    ours[:4], ours[4:8] = 0.0, 1.0
    found = compare(GATES, {"recognised": ours}, {"recognised": RIGHT})["recognised"]
    assert found.challenger == 0.74
    assert found.low < 0 < found.high
    assert found.p > 0.5
    assert not found.worse


@pytest.mark.parametrize(("name", "sign"), [("recognised", -1), ("error", 1)])
def test_worse_should_be_the_side_that_the_gate_is_against(name: str, sign: int) -> None:
    drawn = np.random.default_rng(1).normal(0.5, 0.1, 300)
    shift = sign * np.random.default_rng(2).uniform(0.0, 0.1, 300)
    worse, better = ({name: drawn + shift}, {name: drawn - shift})
    found = compare(GATES, worse, {name: drawn})
    assert found[name].worse
    assert found[name].p < 0.01
    with pytest.raises(BelowChampion, match=f"{name} is .* and the champion's .* \\(difference"):
        require_not_worse(found)
    require_not_worse(compare(GATES, better, {name: drawn}))


def test_only_what_both_scored_and_a_gate_is_of_should_be_compared() -> None:
    found = compare(GATES, {"recognised": RIGHT, "other": RIGHT}, {"other": RIGHT, "fid": RIGHT})
    assert found == {}


def test_scores_of_other_rows_should_be_refused() -> None:
    with pytest.raises(BadData, match="recognised: 200 rows were judged, and 199 before"):
        compare(GATES, {"recognised": RIGHT}, {"recognised": RIGHT[1:]})


def test_scores_that_are_not_finite_should_be_refused() -> None:
    broken = np.where(RIGHT == 0, np.nan, RIGHT)
    with pytest.raises(NotFinite, match="recognised is not finite in 50 of 200 held-out rows"):
        compare(GATES, {"recognised": broken}, {"recognised": RIGHT})
    told = "its recognised is not finite"
    assert champion.score_mismatch({"recognised": RIGHT}, {"recognised": broken}) == told


def test_weights_and_metrics_that_are_not_finite_should_be_refused(tmp_path: Path) -> None:
    record = TrainingRecord(
        recipe="vae", preset="smoke", settings={}, data="", code="", torch="", device="cpu",
        measured={},
    )  # fmt: skip
    weights = {"sound": torch.ones(2), "broken": torch.tensor([1.0, float("nan")])}
    with pytest.raises(NotFinite, match="The weights broken of"):
        restore_network(TrainedModel(tmp_path, record, weights))
    with pytest.raises(NotFinite, match="evaluation is not finite: fid is nan, recall is inf"):
        require_finite({"fid": float("nan"), "recall": float("inf"), "recognised": 1.0})
    with pytest.raises(NotFinite, match=r"1 of 2 pictures .* the first is picture 1"):
        from_network(np.array([0.0, np.nan], np.float32).reshape(2, 1, 1, 1))


def test_scores_should_be_read_as_they_were_written(tmp_path: Path) -> None:
    assert read_scores(tmp_path) == {}
    (tmp_path / champion.SCORES).write_bytes(champion.pack_scores({"recognised": RIGHT}))
    assert (read_scores(tmp_path)["recognised"] == RIGHT).all()
    (tmp_path / champion.SCORES).write_bytes(b"PK\x03\x04 cut short")
    with pytest.raises(BadData, match="no whole NPZ"):
        read_scores(tmp_path)


def approved(folder: Path, better: bool) -> Path:
    """Make a champion of a model: its scores, or better ones."""
    scores = read_scores(folder)
    if better:
        scores["recognised"] = np.ones_like(scores["recognised"])
    (folder / champion.SCORES).write_bytes(champion.pack_scores(scores))
    return folder


def finished(laid: Laid, smoke: Smoke, digits: Path, other: Path) -> tuple[TrainingJob, list[str]]:
    """Finish the smoke model beside a champion; its graphs are those that it was exported as."""
    job = laid(
        {"task": "finish"},
        {"training": digits, "model": smoke("vae") / "train" / "model", "champion": other},
    )
    before = smoke("vae") / "finish" / "model"

    def exporter(graphs: Mapping[str, Graph], into: Path) -> Mapping[str, GraphSpec]:
        specs = Signature.model_validate(signature_of(before)).graphs
        assert set(specs) == set(graphs)
        for spec in specs.values():
            shutil.copy(before / spec.file, into)
        return specs

    said: list[str] = []
    finish_job(job, said.append, exporter)
    return job, said


def test_a_job_should_compare_with_the_champion_and_tell_in_its_card(
    laid: Laid, smoke: Smoke, digits: Path, tmp_path: Path
) -> None:
    other = shutil.copytree(smoke("vae") / "finish" / "model", tmp_path / "champion")
    job, said = finished(laid, smoke, digits, other)
    assert "Against the champion: recognised +0 to +0, p 1." in said
    told = json.loads((job.model / champion.COMPARISON).read_text())
    assert told["reconstruction_mse"]["worse"] is False
    assert "## Against the champion" in (job.model / "CARD.md").read_text()
    assert weights_of(job.model / WEIGHTS).keys()


def test_a_job_should_leave_nothing_of_what_is_worse_than_the_champion(
    laid: Laid, smoke: Smoke, digits: Path, tmp_path: Path
) -> None:
    other = shutil.copytree(smoke("vae") / "finish" / "model", tmp_path / "champion")
    with pytest.raises(BelowChampion, match="recognised is 0"):
        finished(laid, smoke, digits, approved(other, better=True))
    assert not (tmp_path / "job" / "model").exists()


def test_a_champion_that_was_judged_on_other_rows_should_not_stand_in_the_way(
    laid: Laid, smoke: Smoke, digits: Path, tmp_path: Path
) -> None:
    other = shutil.copytree(smoke("vae") / "finish" / "model", tmp_path / "champion")
    scores = read_scores(other)
    count = len(scores["recognised"])
    scores["recognised"] = scores["recognised"][1:]
    (other / champion.SCORES).write_bytes(champion.pack_scores(scores))
    job, said = finished(laid, smoke, digits, other)
    told = f"its recognised is of {count - 1} rows, and here of {count}"
    assert f"Not compared with the champion: {told}." in said
    assert (job.model / "signature.json").is_file()


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"data": "0" * 64}, "it was judged on other data"),
        ({"recipe": "other"}, "it is a model of other"),
        (None, "it left no scores"),
    ],
)
def test_a_champion_that_cannot_be_compared_should_be_told_and_not_stand_in_the_way(
    laid: Laid,
    smoke: Smoke,
    digits: Path,
    tmp_path: Path,
    change: dict[str, str] | None,
    reason: str,
) -> None:
    other = shutil.copytree(smoke("vae") / "finish" / "model", tmp_path / "champion")
    if change is None:
        (other / champion.SCORES).unlink()
    else:
        path = other / TRAINING
        path.write_text(json.dumps(json.loads(path.read_text()) | change))
    job, said = finished(laid, smoke, digits, other)
    assert f"Not compared with the champion: {reason}." in said
    assert not (job.model / champion.COMPARISON).exists()
    assert (job.model / "signature.json").is_file()
