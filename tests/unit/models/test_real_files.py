from __future__ import annotations

import hashlib
import io
import subprocess
import tarfile
import zipfile
from collections.abc import Mapping
from pathlib import Path

import pytest

from chalicelib.contracts.ingest import Page
from chalicelib.retrieval.search.query import Query
from models.failures import BadData, NoDataset
from models.judged_search import vectors
from models.real_files.collection import TENANT, open_collection
from models.real_files.packages import contents, download
from models.real_files.questions import (
    TRAINING,
    Package,
    RealFile,
    load_files,
    merge_files,
    write_rows,
)
from models.real_files.spans import answer_ranges, holds, overlaps
from tests.fixtures_models import models_dir

__all__ = ["models_dir"]

TEXT = b"# Pump\n\nThe pump weighs 41 kg.\n"
WHEEL = Package("pypi", "pumps", "1.0", "pumps-1.0-py3-none-any.whl")
SDIST = Package("pypi", "gates", "2.0", "gates-2.0.tar.gz")


def a_file(package: Package, member: str, content: bytes = TEXT, name: str = "pump.md") -> RealFile:
    digest = hashlib.sha256(content).hexdigest()
    return RealFile(name, "markdown", package, member, digest, "MIT", ())


def archive_of(package: Package, members: Mapping[str, bytes]) -> bytes:
    made = io.BytesIO()
    if package.archive.endswith(".whl"):
        with zipfile.ZipFile(made, "w") as archive:
            for name, content in members.items():
                archive.writestr(name, content)
    else:
        with tarfile.open(fileobj=made, mode="w:gz") as archive:
            for name, content in members.items():
                entry = tarfile.TarInfo(name)
                entry.size = len(content)
                archive.addfile(entry, io.BytesIO(content))
    return made.getvalue()


class FakeRegistry:
    def __init__(self, archives: Mapping[Package, bytes]) -> None:
        self.archives = archives
        self.asked: list[str] = []

    def __call__(self, package: Package, folder: Path) -> None:
        self.asked.append(package.name)
        if package not in self.archives:
            raise subprocess.CalledProcessError(1, "pip", stderr="looking\nno such version\n")
        (folder / package.archive).write_bytes(self.archives[package])


@pytest.mark.parametrize("package", [WHEEL, SDIST])
def test_a_file_should_be_fetched_once_and_then_come_from_the_cache(
    package: Package, tmp_path: Path
) -> None:
    registry = FakeRegistry({package: archive_of(package, {"docs/pump.md": TEXT, "other": b"x"})})
    files = [a_file(package, "docs/pump.md"), a_file(package, "docs/pump.md", name="again.md")]
    for _ in range(2):
        assert contents(files, tmp_path, registry) == {"pump.md": TEXT, "again.md": TEXT}
    assert registry.asked == [package.name]


def test_a_package_that_cannot_be_had_should_say_the_clients_reason(tmp_path: Path) -> None:
    with pytest.raises(NoDataset, match=r"gates 2\.0 cannot be had: no such version"):
        contents([a_file(SDIST, "pump.md")], tmp_path, FakeRegistry({}))


@pytest.mark.parametrize(
    ("members", "reason"),
    [({"other": TEXT}, "has no pump.md"), ({"pump.md": b"changed"}, "has sha256")],
)
def test_a_member_that_is_missing_or_another_should_be_refused(
    members: Mapping[str, bytes], reason: str, tmp_path: Path
) -> None:
    registry = FakeRegistry({SDIST: archive_of(SDIST, members)})
    with pytest.raises(BadData, match=reason):
        contents([a_file(SDIST, "pump.md")], tmp_path, registry)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("package", "words"),
    [
        (WHEEL, ["--only-binary=:all:", "pumps==1.0"]),
        (SDIST, ["--no-binary=:all:", "gates==2.0"]),
        (Package("debian", "sluice", "1:2-3", "sluice.deb"), ["apt-get", "sluice=1:2-3"]),
        (Package("npm", "@mill/wheel", "4.5.6", "mill-wheel.tgz"), ["npm", "@mill/wheel@4.5.6"]),
    ],
)
def test_each_registry_should_be_asked_by_its_own_client(
    package: Package, words: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    commands: list[list[str]] = []
    monkeypatch.setattr(subprocess, "run", lambda command, **_: commands.append(command))
    download(package, tmp_path)
    assert [word for word in words if word not in commands[0]] == []


def test_questions_should_be_written_with_their_file_and_read_back(tmp_path: Path) -> None:
    about = {
        "file": "pump.md",
        "kind": "markdown",
        "registry": "pypi",
        "package": "pumps",
        "version": "1.0",
        "archive": WHEEL.archive,
        "member": "docs/pump.md",
        "sha256": "0",
        "licence": "MIT",
    }
    asked = [
        {"id": "a", "question": "How heavy?", "answers": ["41 kg"], "form": "number"},
        {"id": "b", "question": "How loud?", "answers": [], "form": "number"},
    ]
    rows = merge_files(
        [about, about | {"file": "unasked.md"}], [each | {"file": "pump.md"} for each in asked]
    )
    write_rows(tmp_path / "set.jsonl", rows)
    (file,) = load_files(tmp_path / "set.jsonl")
    assert file.package == WHEEL
    assert [question.is_near_miss for question in file.questions] == [False, True]


def test_each_training_question_should_have_an_id_of_its_own_and_each_file_a_licence() -> None:
    files = load_files(TRAINING)
    ids = [question.id for file in files for question in file.questions]
    assert len(set(ids)) == len(ids)
    assert all(file.licence and len(file.sha256) == 64 for file in files)
    assert len({file.name for file in files}) == len(files)


@pytest.mark.parametrize(
    ("text", "answer", "is_held"),
    [
        ("It is `30 seconds` by **default**.", "30 seconds by default", True),
        ("Waits `30  seconds`, then stops.", "30 seconds", True),
        ("Waits 130 seconds.", "30 seconds", False),
        ("The rota-\ntion is daily.", "rotation is daily", True),
        ("Use && to join.", "&&", True),
        ("Use and to join.", "&&", False),
    ],
)
def test_an_answer_should_be_held_by_whole_words(text: str, answer: str, is_held: bool) -> None:
    assert holds(text, [answer]) == is_held


def test_a_stretch_should_overlap_at_least_half_of_the_answer() -> None:
    page = Page(page=1, text="A file. The log is rotated daily, and kept for a week. More.")
    ((start, end),) = answer_ranges(page, ["rotated daily and kept for a week"])
    assert page.text[start:end] == "rotated daily, and kept for a week"
    assert overlaps(start, end - 15, [(start, end)])
    assert not overlaps(start, start + 8, [(start, end)])


def test_files_should_be_searched_as_one_collection_and_unread_ones_named(
    models_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(vectors, "FOLDER", tmp_path)
    files = {
        "pump.md": TEXT,
        "gate.txt": b"The gate is opened by hand in winter.",
        "bad.docx": b"PK\x03\x04 broken",
    }
    with open_collection("small", files, models_dir) as collection:
        query = Query(TENANT, "How heavy is the pump?", None, 10, "")
        assert collection.searcher.search(query).passages[0].path == "pump.md"
        assert list(collection.rejected) == ["bad.docx"]
        assert [len(collection.pages[name]) for name in files] == [1, 1, 0]
