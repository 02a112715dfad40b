"""Installed packages: each lies there once, and each function gets what it pins of them."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from infra.packaging.bytecode import Compiler
from infra.packaging.cache import PackagingCache
from infra.packaging.targets import TARGETS, PackagingError
from infra.packaging.third_party import InstalledPackages
from tests.unit.infra.packaging.registry import add_wheel

ANY = "py3-none-any"


@pytest.fixture
def pinned(registry: Path) -> dict[str, str]:
    """Return pins of packages, by name."""
    files = {
        "thing": {"thing/__init__.py": "", "thing/tests/test_it.py": ""},
        "alone": {"alone.py": "ALONE = 1\n"},
        "click": {"click/__init__.py": ""},
        "magika": {"magika/__init__.py": "", "magika/cli/__init__.py": ""},
    }
    return {name: f"{name}==1 {add_wheel(registry, ANY, name, of)}" for name, of in files.items()}


def installed(tmp_path: Path) -> InstalledPackages:
    compiler = Compiler(Path(sys.executable), PackagingCache(tmp_path / "compiled"))
    return InstalledPackages(PackagingCache(tmp_path / "installed"), TARGETS["arm64"], compiler)


def wanted(tmp_path: Path, name: str, *pins: str) -> Path:
    file = tmp_path / f"{name}.txt"
    file.write_text("\n".join(pins))
    return file


def sources(entries: dict[str, Path]) -> set[str]:
    return {place for place in entries if place.endswith(".py")}


def test_a_package_that_two_functions_pin_should_lie_there_once(
    tmp_path: Path, pinned: dict[str, str]
) -> None:
    place = installed(tmp_path)
    one = place.of(wanted(tmp_path, "one", pinned["thing"], pinned["alone"]))
    two = place.of(wanted(tmp_path, "two", pinned["thing"]))
    assert sources(one) == {"thing/__init__.py", "alone.py"}
    assert sources(two) == {"thing/__init__.py"}
    assert one["thing/__init__.py"] == two["thing/__init__.py"]
    assert len(list((tmp_path / "installed").iterdir())) == 2
    compiled = {each.rpartition("/")[2].partition(".")[0] for each in one if each.endswith(".pyc")}
    assert compiled == {"__init__", "alone"}


def test_a_package_that_another_makes_superfluous_should_be_left_out_beside_it_only(
    tmp_path: Path, pinned: dict[str, str]
) -> None:
    place = installed(tmp_path)
    beside = place.of(wanted(tmp_path, "one", pinned["click"], pinned["magika"]))
    assert sources(beside) == {"magika/__init__.py"}
    assert not [each for each in beside if each.startswith("click")]
    assert sources(place.of(wanted(tmp_path, "two", pinned["click"]))) == {"click/__init__.py"}


def test_what_was_installed_should_serve_the_next_packaging_and_go_when_nobody_pins_it(
    tmp_path: Path, pinned: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    one = wanted(tmp_path, "one", pinned["thing"], pinned["alone"])
    found = installed(tmp_path).of(one)
    monkeypatch.setenv("UV_FIND_LINKS", str(tmp_path / "none"))
    monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / "another"))
    later = installed(tmp_path)
    assert later.of(wanted(tmp_path, "two", pinned["alone"]))["alone.py"] == found["alone.py"]
    later.cache.forget_unused()
    assert found["alone.py"].is_file()
    assert not found["thing/__init__.py"].exists()
    with pytest.raises(PackagingError, match="cannot be fetched for arm64"):
        installed(tmp_path).of(one)
