from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.summary import BEGIN, END, PAGE, latest, lines


def test_the_newest_result_should_be_taken(tmp_path: Path) -> None:
    for day in ("2026-11-25", "2026-12-01"):
        (tmp_path / f"{day}-upload.json").write_text(f'{{"day": "{day}"}}')
    assert latest("upload", tmp_path) == {"day": "2026-12-01"}


def test_a_benchmark_that_never_ran_should_be_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="python -m benchmarks upload"):
        latest("upload", tmp_path)


def test_the_page_should_show_the_latest_results() -> None:
    shown = PAGE.read_text().partition(BEGIN)[2].partition(END)[0]
    assert shown.strip() == "\n".join(lines()).strip()
