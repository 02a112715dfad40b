"""Bytecode: run without its source, the same wherever it is made, and made once."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from infra.packaging.bytecode import Compiler, place_of
from infra.packaging.cache import PackagingCache
from infra.packaging.targets import PackagingError

SETS = "NAMES = {'one', 'two', 'three', 'four'}\ndef f(a):\n    return a in {'x', 'y', 'z'}\n"


@pytest.fixture
def compiler(tmp_path: Path) -> Compiler:
    return Compiler(Path(sys.executable), PackagingCache(tmp_path / "compiled"))


def written(folder: Path, **sources: str) -> Path:
    """Write modules into a new folder."""
    folder.mkdir(parents=True)
    for name, source in sources.items():
        (folder / f"{name}.py").write_text(source)
    return folder


def test_bytecode_should_be_run_without_a_look_at_the_source(
    compiler: Compiler, tmp_path: Path
) -> None:
    folder = written(tmp_path / "one", thing="print('compiled')")
    ((source, bytecode),) = compiler.compile_all([folder]).items()
    beside = folder / place_of("thing.py", bytecode)
    beside.parent.mkdir()
    beside.write_bytes(bytecode.read_bytes())
    source.write_text("print('read')")
    script = f"import sys; sys.path[:0] = [{str(folder)!r}]; import thing"
    said = subprocess.run(
        [sys.executable, "-I", "-c", script],
        capture_output=True,
        text=True,
        check=True,
        timeout=30,
    )
    assert said.stdout == "compiled\n"


def test_bytecode_should_not_tell_where_and_beside_what_it_was_made(
    compiler: Compiler, tmp_path: Path
) -> None:
    neighbour = "NAMES = {'one', 'z', 'three'}\ndef f(a): return a\n"
    one = written(tmp_path / "a", thing=SETS)
    other = written(tmp_path / "somewhere" / "else", a_neighbour=neighbour, thing=SETS)
    compiled = compiler.compile_all([one, other])
    places = [compiled[folder / "thing.py"] for folder in (one, other)]
    assert places[0] != places[1]
    assert places[0].read_bytes() == places[1].read_bytes()


def test_the_same_sources_should_be_compiled_once_wherever_they_lie(
    compiler: Compiler, tmp_path: Path
) -> None:
    one = written(tmp_path / "one", thing=SETS)
    (made,) = compiler.compile_all([one]).values()
    when = made.stat().st_mtime_ns
    other = written(tmp_path / "two", thing=SETS)
    changed = written(tmp_path / "three", thing=f"{SETS}\nMORE = 1\n")
    later = Compiler(compiler.interpreter, PackagingCache(compiler.cache.folder))
    found = later.compile_all([other, changed])
    assert found[other / "thing.py"] == made
    assert made.stat().st_mtime_ns == when
    assert found[changed / "thing.py"].read_bytes() != made.read_bytes()


def test_packages_within_a_folder_should_be_compiled_too(
    compiler: Compiler, tmp_path: Path
) -> None:
    inner = written(tmp_path / "one" / "outer" / "inner", thing="", __init__="")
    found = compiler.compile_all([tmp_path / "one"])
    assert set(found) == {inner / "thing.py", inner / "__init__.py"}
    assert place_of("outer/inner/thing.py", found[inner / "thing.py"]) == (
        f"outer/inner/__pycache__/thing.{sys.implementation.cache_tag}.pyc"
    )
    assert all(bytecode.is_file() for bytecode in found.values())


def test_a_source_that_does_not_compile_should_be_named_and_nothing_be_kept(
    compiler: Compiler, tmp_path: Path
) -> None:
    folder = written(tmp_path / "one", broken="def f(:\n", whole="")
    with pytest.raises(PackagingError, match=r"broken\.py"):
        compiler.compile_all([folder])
    (folder / "broken.py").write_text("")
    assert len(compiler.compile_all([folder])) == 2
