from __future__ import annotations

from pathlib import Path

import pytest

from models import files
from models.sagemaker import code_archive


@pytest.mark.parametrize(
    ("changed", "counts"),
    [
        ("training/loop.py", True),
        ("files.py", True),
        ("datasets/digits.py", True),
        ("evaluation/image_quality.py", True),
        ("networks/towers.py", True),
        ("bases/architectures.py", True),
        ("training_data/text_pairs.py", True),
        ("recipes/vae/network.py", True),
        ("recipes/gan/network.py", False),
        ("recipes/vae/CARD.md", False),
    ],
)
def test_the_hash_of_a_recipes_code_should_be_of_all_that_makes_and_judges_its_model(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, changed: str, counts: bool
) -> None:
    monkeypatch.setattr(files, "CODE", tmp_path)
    path = tmp_path / changed
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("before")
    before = files.sha256_of_code("vae")
    path.write_text("after")
    assert (files.sha256_of_code("vae") != before) == counts


def test_what_a_job_is_sent_of_bases_and_rows_should_count() -> None:
    rooms = ("models/bases/", "models/training_data/")
    sent = {
        each.removeprefix("models/")
        for each in code_archive.FILES
        if each.startswith(rooms) and not each.endswith("__init__.py")
    }
    assert sent <= set(files.SHARED)
