"""Synthesised templates are kept by a hash of all that they are made of."""

from __future__ import annotations

import subprocess
import sys
from importlib.util import source_from_cache
from pathlib import Path

import pytest

from infra.synthesis import cache
from infra.synthesis.cache import FOLDER, SOURCES, SynthesisError, cached_synthesis
from tests.cloud import PROJECT

COUNTING = """
import sys
from pathlib import Path
runs = Path("runs")
runs.write_text(f"{int(runs.read_text()) + 1 if runs.exists() else 1}")
if (Path("infra") / "broken").exists():
    sys.exit("Resources: there is none")
print(runs.read_text(), *sys.argv[3:])
"""
READING = """
import sys
from pathlib import Path
project = str(Path.cwd())
def note(event, arguments):
    if event == "open" and isinstance(arguments[0], str) and arguments[0].startswith(project):
        print(arguments[0][len(project) + 1:], file=sys.stderr)
sys.addaudithook(note)
from infra.synthesis.__main__ import main
sys.exit(main(["--stage", "audited", "--snap-start", "Sweep"]))
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project whose synthesis prints how often it ran, and its options."""
    (tmp_path / "infra" / "synthesis").mkdir(parents=True)
    (tmp_path / "infra" / "synthesis" / "__main__.py").write_text(COUNTING)
    (tmp_path / "app.py").write_text("")
    return tmp_path


def test_what_has_not_changed_should_not_be_synthesised_again(project: Path) -> None:
    assert [cached_synthesis(project, "--stage", "a") for _ in range(2)] == ["1 --stage a\n"] * 2


@pytest.mark.parametrize("source", ["app.py", "infra/template/new.yaml", "statemachines/new.json"])
def test_a_changed_or_new_source_should_be_synthesised_again(project: Path, source: str) -> None:
    cached_synthesis(project)
    file = project / source
    file.parent.mkdir(exist_ok=True)
    file.write_text("changed")
    assert cached_synthesis(project).split() == ["2"]


def test_each_set_of_options_should_have_an_output_of_its_own(project: Path) -> None:
    assert cached_synthesis(project, "--stage", "a") != cached_synthesis(project, "--stage", "b")
    assert cached_synthesis(project, "--stage", "a") == "1 --stage a\n"


def test_a_failure_should_be_raised_with_its_reason_and_not_be_kept(project: Path) -> None:
    (project / "infra" / "broken").touch()
    with pytest.raises(SynthesisError, match="Resources: there is none"):
        cached_synthesis(project)
    (project / "infra" / "broken").unlink()
    assert cached_synthesis(project).split() == ["2"]


def test_the_outputs_that_were_not_used_for_longest_should_be_dropped(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cache, "_MAX_ENTRIES", 2)
    for stage in "abac":
        cached_synthesis(project, stage)
    assert len(list((project / FOLDER).glob("*"))) == 2
    assert [cached_synthesis(project, stage).split()[0] for stage in "ac"] == ["1", "3"]


def test_a_folder_that_cannot_be_written_should_not_be_in_the_way(project: Path) -> None:
    (project / FOLDER).parent.write_text("a file where the folder should be")
    assert cached_synthesis(project).split() == ["1"]


def test_every_file_that_a_synthesis_reads_should_be_a_source() -> None:
    done = subprocess.run(
        [sys.executable, "-B", "-c", READING],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        timeout=100,
    )
    assert done.returncode == 0, done.stderr
    lines = [line for line in done.stderr.splitlines() if not line.startswith(".venv")]
    read = {source_from_cache(line) if line.endswith(".pyc") else line for line in lines}
    read = {line for line in read if (PROJECT / line).is_file()}
    sources = {str(file.relative_to(PROJECT)) for each in SOURCES for file in PROJECT.glob(each)}
    assert len(read) > 200
    assert read - sources == set()
