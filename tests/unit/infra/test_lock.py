"""Every requirement file that people write is compiled, and no compiled one is stale in kind."""

from __future__ import annotations

from pathlib import Path

from infra import lock

ROOT = Path(__file__).parents[3]
NOT_COMPILED = {
    Path("requirements/functions.in"),  # a list of lists, for dev.in
    Path("requirements/bench.in"),  # an environment of its own, pinned as it was measured
}


def test_every_file_that_is_written_should_be_compiled() -> None:
    written = [
        *(ROOT / "requirements").glob("*.in"),
        *(ROOT / "functions").glob("*/requirements.in"),
    ]
    compiled = {lock.WHOLE, *lock.sources(ROOT)}
    assert {path.relative_to(ROOT) for path in written} - NOT_COMPILED == compiled


def test_every_file_should_have_its_pins_and_name_no_host() -> None:
    for source in (lock.WHOLE, *lock.sources(ROOT)):
        pinned = (ROOT / source).with_suffix(".txt").read_text()
        assert "index-url" not in pinned, source
        assert "://" not in pinned, source


def test_each_part_should_be_pinned_as_the_whole_is() -> None:
    def pins(source: Path) -> set[str]:
        lines = (ROOT / source).with_suffix(".txt").read_text().splitlines()
        return {line.split(" ;")[0].strip() for line in lines if "==" in line.split("#")[0]}

    whole = pins(lock.WHOLE)
    for source in lock.sources(ROOT):
        assert pins(source) <= whole, source
