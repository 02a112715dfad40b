"""Shared libraries read, and stand-ins for them, loaded by this machine's own loader."""

from __future__ import annotations

import ctypes
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import numpy
import pytest

from infra.packaging.elf import SharedLibrary, Symbol, demand_machine, is_elf, machine_of
from infra.packaging.stand_ins import _asked_of, _built, stand_in, unneeded
from infra.packaging.targets import TARGETS, PackagingError, native_architecture

NATIVE = TARGETS[native_architecture()]
SITE = Path(numpy.__file__).parents[1]
OPENBLAS = next((SITE / "numpy.libs").glob("libscipy_openblas*"))
LINALG = next((SITE / "numpy" / "linalg").glob("_umath_linalg.*.so"))
CALL = "import ctypes, sys; ctypes.CDLL(sys.argv[1]).first()"


def symbols(*names: str, version: str = "") -> list[Symbol]:
    return [Symbol(name, version, defined=True, kind=2) for name in names]


def test_a_library_should_say_what_it_is(tmp_path: Path) -> None:
    library = SharedLibrary(LINALG)
    assert library.machine == NATIVE.machine == machine_of(LINALG)
    assert OPENBLAS.name in library.needed
    defined = {symbol.name for symbol in library.symbols() if symbol.defined}
    assert "PyInit__umath_linalg" in defined
    wanted = {symbol.name: symbol for symbol in library.symbols() if not symbol.defined}
    assert any(name.startswith("scipy_") for name in wanted)
    assert SharedLibrary(OPENBLAS).soname == OPENBLAS.name
    (tmp_path / "text.so").write_text("GROUP ( libc.so.6 )")
    assert not is_elf(tmp_path / "text.so")


@pytest.mark.parametrize("version", ["", "WORDS_2"])
def test_a_stand_in_should_be_loaded_and_end_who_calls_it(tmp_path: Path, version: str) -> None:
    file = tmp_path / OPENBLAS.name
    file.write_bytes(_built(SharedLibrary(OPENBLAS), symbols("first", "second", version=version)))
    made = SharedLibrary(file)
    assert (made.soname, made.machine, made.needed) == (OPENBLAS.name, NATIVE.machine, [])
    assert made.symbols() == symbols("first", "second", version=version)
    assert ctypes.CDLL(str(file)).second
    called = subprocess.run([sys.executable, "-c", CALL, file], timeout=30)
    assert -called.returncode in (signal.SIGILL, signal.SIGTRAP)


def test_a_stand_in_for_another_machine_should_read_alike(tmp_path: Path) -> None:
    original = SharedLibrary(OPENBLAS)
    for target in TARGETS.values():
        original.machine = target.machine
        file = tmp_path / target.architecture
        file.write_bytes(_built(original, symbols("first")))
        assert machine_of(file) == target.machine
        assert SharedLibrary(file).symbols() == symbols("first")


def test_a_stand_in_should_have_what_is_asked_of_it_and_no_more(tmp_path: Path) -> None:
    beside, package = tmp_path / "opencv_python_headless.libs", tmp_path / "cv2"
    beside.mkdir()
    package.mkdir()
    shutil.copy2(LINALG, package)
    replaced = beside / f"libopenblas-{OPENBLAS.name}"
    shutil.copy2(OPENBLAS, replaced)
    replaced.chmod(0o755)
    linked = tmp_path / "kept-by-the-installer.so"
    linked.hardlink_to(replaced)
    asked = {each.name for each in SharedLibrary(LINALG).symbols() if not each.defined}
    defined = {each.name for each in SharedLibrary(OPENBLAS).symbols() if each.defined}
    stand_in(tmp_path)
    assert linked.read_bytes() == OPENBLAS.read_bytes()
    assert replaced.stat().st_mode & 0o777 == 0o755
    assert {each.name for each in SharedLibrary(replaced).symbols()} == asked & defined != set()


def test_data_should_have_no_stand_in() -> None:
    data = {
        each.name for each in SharedLibrary(OPENBLAS).symbols() if each.defined and each.kind == 1
    }
    assert data
    with pytest.raises(PackagingError, match="is no function"):
        _asked_of(SharedLibrary(OPENBLAS), data)


def test_libraries_that_nothing_leads_to_should_go(tmp_path: Path) -> None:
    beside, package = tmp_path / "numpy.libs", tmp_path / "numpy"
    beside.mkdir()
    package.mkdir()
    shutil.copy2(LINALG, package)
    shutil.copy2(OPENBLAS, beside)
    for name in ("libone.so", "libtwo.so"):
        (beside / name).write_bytes(_built(SharedLibrary(OPENBLAS), symbols("first")))
    entries = {file.relative_to(tmp_path).as_posix(): file for file in tmp_path.rglob("*.so*")}
    left = {Path(place).name for place in entries.keys() - unneeded(entries)}
    assert LINALG.name in left
    assert OPENBLAS.name in left
    assert not left & {"libone.so", "libtwo.so"}


def test_a_library_for_another_machine_should_be_refused(tmp_path: Path) -> None:
    (other,) = (target for target in TARGETS.values() if target != NATIVE)
    file = tmp_path / "lib.so"
    library = SharedLibrary(OPENBLAS)
    library.machine = other.machine
    file.write_bytes(_built(library, []))
    source = tmp_path / "a.py"
    source.touch()
    assert demand_machine("ocr", {"a.so": LINALG, "a.py": source}, NATIVE, {}) == 1
    with pytest.raises(PackagingError, match=r"cv2/lib\.so in the bundle of ocr is for another"):
        demand_machine("ocr", {"cv2/lib.so": file}, NATIVE, {})
