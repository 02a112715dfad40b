"""What a card says of a user's own rows, and what makes data another's."""

from __future__ import annotations

from pathlib import Path

from chalicelib.contracts.model_manifest import ModelOrigin, Signature
from models.export.card_markdown import card_markdown
from models.export.model_card import model_card
from models.files import sha256_of_folder
from models.training import recipe
from models.training_data.channel import (
    DataProblem,
    DataSource,
    data_version,
    read_manifest,
    write_channel,
)
from models.training_data.rows import LabelledText

ROWS = [LabelledText(text=f"row {number}", label="a|b") for number in range(3)]


def channel(folder: Path, licence: str) -> Path:
    about = DataSource(source="rows.csv", licence=licence)
    write_channel(folder, "labelled_text", {"train": ROWS, "test": ROWS[:1]}, about)
    return folder


def test_the_card_should_have_the_manifest_of_own_rows(tmp_path: Path) -> None:
    problems = (DataProblem(name="near_leak", rows=2, about="held-out rows are nearly trained on"),)
    manifest = read_manifest(channel(tmp_path, "CC-BY-4.0"))
    manifest = manifest.model_copy(update={"problems": problems, "made_by": "headrace 0.1.0"})
    found = recipe.load("late_fusion")
    origin = ModelOrigin(
        recipe="late_fusion",
        preset="smoke",
        seed=0,
        steps=1,
        data=manifest.version,
        code="0" * 64,
        torch="2",
        device="cpu",
    )
    signature = Signature(
        name="x", family="x", licence="MIT", graphs={}, constants={}, metrics={}, origin=origin
    )
    settings = recipe.resolve(found, "smoke")
    card = card_markdown(model_card(found, settings, signature, [], {}, None, manifest))
    for line in (
        "| licence | CC-BY-4.0 |",
        "| rows | 3 train, 0 validation, 1 test |",
        "| classes | a\\|b 4 |",
        "| near_leak | 2 | held-out rows are nearly trained on |",
        "| source of the data | rows.csv |",
    ):
        assert line in card
    assert found.dataset.source not in card


def test_another_licence_should_make_no_other_data(tmp_path: Path) -> None:
    one, other = channel(tmp_path / "a", "MIT"), channel(tmp_path / "b", "CC0-1.0")
    assert data_version(one) == data_version(other)
    assert sha256_of_folder(one) != sha256_of_folder(other)
    (one / "data.json").unlink()
    assert data_version(one) == sha256_of_folder(one)
