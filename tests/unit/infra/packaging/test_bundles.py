"""What of the project is in a bundle: what its modules import and name, and nothing besides."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

from chalicelib.generation.catalogue import catalogue
from infra.packaging import archive
from infra.packaging.archive import DeflateCache
from infra.packaging.bundles import STARTED_MODULES, BundleAssembly
from infra.packaging.bytecode import Compiler
from infra.packaging.cache import PackagingCache
from infra.packaging.targets import TARGETS, PackagingError
from infra.packaging.third_party import InstalledPackages

ROOT = Path(__file__).parents[4]
ROOM = "functions/stream_answer"
HANDLER = """\
from pathlib import Path

from functions.stream_answer import core

TABLE = Path(__file__).with_name("table.json")
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Return a project with one function, which needs no packages and starts by itself."""
    folder = tmp_path / "project"
    written = {
        "app.py": "",
        "chalicelib/__init__.py": "",
        "functions/__init__.py": "",
        f"{ROOM}/__init__.py": "",
        f"{ROOM}/bootstrap": "#!/bin/sh\n",
        f"{ROOM}/core.py": "ANSWER = 42\n",
        f"{ROOM}/event.json": "{}",
        f"{ROOM}/events/one.json": "{}",
        f"{ROOM}/handler.py": HANDLER,
        f"{ROOM}/requirements.in": "",
        f"{ROOM}/requirements.txt": "",
        f"{ROOM}/table.json": "[]",
        "models/catalogue.json": (ROOT / "models" / "catalogue.json").read_text(),
        "models/served.json": "{}",
    }
    for name, content in written.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(content)
    return folder


def workplace(project: Path, content: str) -> BundleAssembly:
    kept = project.parent / "kept"
    compiler = Compiler(Path(sys.executable), PackagingCache(kept / "compiled"))
    installed = InstalledPackages(PackagingCache(kept / "installed"), TARGETS["arm64"], compiler)
    return BundleAssembly(
        project, project / "none", catalogue(), installed, project.parent / content
    )


def own(project: Path, content: str = "content") -> set[str]:
    entries = workplace(project, content).entries("stream_answer")
    return {name for name in entries if "__pycache__" not in name}


def zipped(project: Path, content: str) -> str:
    """Return the hash of the bundle, packed."""
    file = project.parent / f"{content}.zip"
    entries = workplace(project, content).entries("stream_answer")
    return archive.write_archive(
        entries, file, DeflateCache(PackagingCache(project.parent / "deflated"))
    )


def test_a_bundle_should_hold_what_is_imported_named_or_started(project: Path) -> None:
    (project / ROOM / "forgotten.py").write_text("")
    assert own(project) == {
        "functions/__init__.py",
        f"{ROOM}/__init__.py",
        f"{ROOM}/bootstrap",
        f"{ROOM}/core.py",
        f"{ROOM}/handler.py",
        f"{ROOM}/table.json",
    }


def test_what_begins_with_a_dot_should_change_no_byte(project: Path) -> None:
    before = zipped(project, "before")
    (project / ROOM / ".env").write_text("KEY=1")
    (project / ROOM / ".DS_Store").write_bytes(b"\0")
    (project / ROOM / ".#core.py").symlink_to("somebody@somewhere")
    (project / "chalicelib" / ".core.py.swp").write_bytes(b"\0")
    (project / ROOM / ".idea").mkdir()
    (project / ROOM / ".idea" / "workspace.xml").write_text("<x/>")
    assert zipped(project, "after") == before


@pytest.mark.parametrize("name", ["core.py~", "keys.pem", "data/table.json", "notes"])
def test_a_file_that_nobody_names_should_be_refused_by_name(project: Path, name: str) -> None:
    file = project / ROOM / name
    file.parent.mkdir(exist_ok=True)
    file.write_text("")
    with pytest.raises(PackagingError, match=rf"^{ROOM}/{name} is named by no module") as refused:
        own(project)
    assert "STARTED_MODULES of infra/packaging/bundles.py" in str(refused.value)


def test_what_lambda_starts_should_be_what_templates_say() -> None:
    said: dict[str, set[str]] = {}
    for file in (ROOT / "infra" / "template").glob("*.yaml"):
        for room, name in re.findall(r"/var/task/functions/(\w+)/([\w.]+)", file.read_text()):
            said.setdefault(room, set()).add(name)
    assert said == {room: set(names) for room, names in STARTED_MODULES.items()}
    for room, names in STARTED_MODULES.items():
        for name in names:
            assert (ROOT / "functions" / room / name).stat().st_mode & 0o111
