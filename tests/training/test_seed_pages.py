"""What several seeds reached, put into pages and beside recipes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from models.failures import BadData
from models.runs.trainer import MODEL
from models.seed_pages import filled, table, take_card
from models.training.job import CARD, EVALUATION

PAGE = "# VAE\n\n<!-- seeds of vae: begin -->\nold\n<!-- seeds of vae: end -->\n\nThe end.\n"


@pytest.fixture
def trained(tmp_path: Path) -> Path:
    for seed, fid in enumerate([5.0, 7.5, 6.0]):
        model = tmp_path / "vae" / str(seed) / MODEL
        model.mkdir(parents=True)
        (model / EVALUATION).write_text(json.dumps({"fid": fid, "kl": 15.0}))
    return tmp_path


def test_a_page_should_have_each_seed_the_worst_and_the_gate(trained: Path) -> None:
    told = filled(PAGE, trained, ["vae"])
    assert "| number | seed 0 | seed 1 | seed 2 | worst | gate |" in told
    assert "| fid | 5 | 7.5 | 6 | 7.5 | ≤ 8 |" in told
    assert "| kl | 15 | 15 | 15 |  |  |" in told
    assert "old" not in told
    assert told.startswith("# VAE\n\n<!-- seeds of vae: begin -->\n| ")
    assert told.endswith("|\n<!-- seeds of vae: end -->\n\nThe end.\n")
    assert filled(told, trained, ["vae"]) == told
    assert filled(PAGE, trained, ["gan"]) == PAGE, "only those that are named"


def test_variants_should_have_tables_of_their_own(tmp_path: Path) -> None:
    for name, recall in (("gan", 0.9), ("gan-minimax", 0.8), ("gan-non-saturating", 0.7)):
        model = tmp_path / name / "0" / MODEL
        model.mkdir(parents=True)
        (model / EVALUATION).write_text(json.dumps({"recall_low": recall}))
    told = table("gan", tmp_path, [0])
    assert told.count("**gan-minimax**") == 1
    assert "| recall_low | 0.8 | 0.8 | ≥ 0.6 |" in told


def test_a_seed_that_was_not_trained_should_be_told(trained: Path) -> None:
    (trained / "vae" / "2" / MODEL / EVALUATION).unlink()
    with pytest.raises(BadData, match=r"vae, seed 2 is not in .*train_all vae --into"):
        filled(PAGE, trained, ["vae"])


def test_a_card_should_take_the_place_of_the_one_before(trained: Path, tmp_path: Path) -> None:
    recipe = tmp_path / "recipe"
    recipe.mkdir()
    for name in (CARD, "gone.png", "recipe.yaml"):
        (recipe / name).write_text("old")
    model = trained / "vae" / "0" / MODEL
    with pytest.raises(BadData, match="has to be exported"):
        take_card("vae", trained, recipe)
    (model / CARD).write_text("new")
    (model / "samples.png").write_bytes(b"drawn")
    take_card("vae", trained, recipe)
    assert {path.name: path.read_text() for path in recipe.iterdir()} == {
        CARD: "new",
        "samples.png": "drawn",
        "recipe.yaml": "old",
    }
