"""What a module reaches, told from its source."""

from __future__ import annotations

from pathlib import Path

import pytest

from infra.packaging.closure import SourceTree
from infra.packaging.targets import PackagingError

ROOT = Path(__file__).parents[4]

TIME_ZONES = "chalicelib/schedules/times.py"
"""Reads time zones as data, which no import tells, and AWS's runtime has none."""


def project(folder: Path, **modules: str) -> Path:
    """Write modules by dotted names, with `__` for the dot, and a package around each."""
    for name, source in modules.items():
        file = folder.joinpath(*name.split("__")).with_suffix(".py")
        file.parent.mkdir(parents=True, exist_ok=True)
        for package in (file.parent, *file.parent.parents):
            if package.is_relative_to(folder) and package != folder:
                (package / "__init__.py").touch()
        file.write_text(source)
    return folder


def reached(folder: Path, module: str) -> set[str]:
    files = {file.relative_to(folder).as_posix() for file in SourceTree(folder).closure(module)}
    return {name for name in files if not name.endswith("__init__.py")}


def test_imports_should_be_followed_wherever_they_stand(tmp_path: Path) -> None:
    project(
        tmp_path,
        functions__a__handler="import chalicelib.one\nfrom chalicelib import two, NAME\n",
        chalicelib__one="def f():\n    from .three import g\n    return g\n",
        chalicelib__two="import json, elsewhere\ntry:\n    from chalicelib.four import h\n"
        "except ImportError:\n    h = None\n",
        chalicelib__three="",
        chalicelib__four="",
        chalicelib__unused="",
        functions__b__handler="",
    )
    assert reached(tmp_path, "functions.a.handler") == {
        "functions/a/handler.py",
        *(f"chalicelib/{name}.py" for name in ("one", "two", "three", "four")),
    }


def test_packages_around_a_module_should_be_there_with_what_they_import(tmp_path: Path) -> None:
    project(tmp_path, functions__a__handler="import chalicelib.one", chalicelib__one="")
    project(tmp_path, chalicelib__two="")
    (tmp_path / "chalicelib" / "__init__.py").write_text("from chalicelib import two")
    files = {
        file.relative_to(tmp_path).as_posix()
        for file in SourceTree(tmp_path).closure("functions.a.handler")
    }
    assert {"chalicelib/__init__.py", "functions/__init__.py", "functions/a/__init__.py"} <= files
    assert "chalicelib/two.py" in files


def test_imports_for_type_checkers_should_not_count(tmp_path: Path) -> None:
    source = (
        "from typing import TYPE_CHECKING\n"
        "if TYPE_CHECKING:\n    import chalicelib.one\nelse:\n    import chalicelib.two\n"
    )
    project(tmp_path, chalicelib__a=source, chalicelib__one="", chalicelib__two="")
    assert reached(tmp_path, "chalicelib.a") == {"chalicelib/a.py", "chalicelib/two.py"}


def test_an_import_by_name_should_reach_what_strings_of_the_module_name(tmp_path: Path) -> None:
    source = (
        "from importlib import import_module\nKINDS = {1: 'one', 2: 'two', 3: 'absent'}\n"
        "def load(kind):\n    return import_module(f'{__package__}.{KINDS[kind]}')\n"
    )
    project(tmp_path, chalicelib__a=source, chalicelib__one="", chalicelib__two="")
    project(tmp_path, chalicelib__other="__import__('chalicelib.one')")
    found = reached(tmp_path, "chalicelib.a")
    assert found == {f"chalicelib/{name}.py" for name in ("a", "one", "two")}
    assert "chalicelib/one.py" in reached(tmp_path, "chalicelib.other")


def test_an_import_by_name_should_reach_into_a_package_beside_the_module(tmp_path: Path) -> None:
    source = (
        "from importlib import import_module\nKINDS = {1: 'kinds.one', 2: 'kinds.absent'}\n"
        "def load(kind):\n    return import_module(f'{__package__}.{KINDS[kind]}')\n"
    )
    project(tmp_path, chalicelib__a=source, chalicelib__kinds__one="", chalicelib__kinds__two="")
    found = reached(tmp_path, "chalicelib.a")
    assert found == {f"chalicelib/{name}.py" for name in ("a", "kinds/one")}


def test_an_import_by_a_name_from_elsewhere_should_be_refused(tmp_path: Path) -> None:
    source = "import importlib\ndef load(name):\n    return importlib.import_module(name)\n"
    project(tmp_path, chalicelib__a=source)
    with pytest.raises(PackagingError, match=r"a\.py, line 3: .*Write the name"):
        SourceTree(tmp_path).closure("chalicelib.a")


def test_imports_by_name_should_be_left_to_whoever_says_so(tmp_path: Path) -> None:
    source = "import importlib, models.b\ndef load(name):\n    importlib.import_module(name)\n"
    project(tmp_path, models__a=source, models__b="", models__unused="", chalicelib__c="")
    sources = SourceTree(tmp_path, roots=("models",), open_ended=("models.a",))
    files = {file.relative_to(tmp_path).as_posix() for file in sources.closure("models.a")}
    assert files == {"models/__init__.py", "models/a.py", "models/b.py"}
    with pytest.raises(PackagingError, match=r"no module chalicelib\.c"):
        sources.closure("chalicelib.c")


def test_a_module_that_is_not_there_should_be_named(tmp_path: Path) -> None:
    with pytest.raises(PackagingError, match=r"no module functions\.a\.handler"):
        SourceTree(tmp_path).closure("functions.a.handler")


def test_data_that_a_module_names_should_be_found_and_no_other(tmp_path: Path) -> None:
    project(tmp_path, chalicelib__a="P = __file__\nNAME = 'head.json'\nOTHER = 'one.py'")
    project(tmp_path, chalicelib__one="")
    for name in ("head.json", "event.json"):
        (tmp_path / "chalicelib" / name).write_text("{}")
    named = SourceTree(tmp_path).named_data("chalicelib.a")
    assert named == [tmp_path / "chalicelib" / "head.json"]


def test_each_function_should_reach_its_whole_room_and_no_other_s() -> None:
    sources = SourceTree(ROOT)
    for handler in sorted((ROOT / "functions").glob("*/handler.py")):
        room = handler.parent
        files = sources.closure(f"functions.{room.name}.handler")
        own = [
            file.relative_to(ROOT / "functions")
            for file in files
            if file.is_relative_to(ROOT / "functions")
        ]
        rooms = {file.parts[0] for file in own}
        assert rooms == {"__init__.py", room.name}
        assert set(room.rglob("*.py")) <= set(files), room.name
        if ROOT / TIME_ZONES in files:
            assert "\ntzdata==" in (room / "requirements.txt").read_text(), room.name


def test_the_app_should_reach_no_function_and_no_model() -> None:
    found = reached(ROOT, "app")
    assert "app.py" in found
    assert not {name for name in found if name.startswith(("functions/", "chalicelib/inference/"))}
    assert TIME_ZONES in found
    assert "\ntzdata==" in (ROOT / "requirements" / "api.txt").read_text()
