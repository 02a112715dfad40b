from __future__ import annotations

from pathlib import Path

import pytest

from models.common import hashes


@pytest.mark.parametrize(
    ("changed", "counts"),
    [
        ("common/loop.py", True),
        ("datasets/digits.py", True),
        ("judging/pictures.py", True),
        ("networks/towers.py", True),
        ("recipes/vae/loss.py", True),
        ("recipes/gan/loss.py", False),
        ("recipes/vae/CARD.md", False),
    ],
)
def test_the_hash_of_a_recipes_code_should_be_of_all_that_makes_and_judges_its_model(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, changed: str, counts: bool
) -> None:
    monkeypatch.setattr(hashes, "CODE", tmp_path)
    path = tmp_path / changed
    path.parent.mkdir(parents=True)
    path.write_text("before")
    before = hashes.of_code("vae")
    path.write_text("after")
    assert (hashes.of_code("vae") != before) == counts
