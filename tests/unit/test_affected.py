"""Which tests a change reaches."""

from __future__ import annotations

import argparse
from collections.abc import Collection
from pathlib import Path

import pytest

from tests.affected import PROJECT, Project, ignored_folder

FILES = {
    "app/__init__.py": "",
    "app/cut.py": "from app import words",
    "app/words.py": "LIST = 'stop-words.txt'",
    "app/made.py": "import importlib\ndef make(name): importlib.import_module(f'app.kinds.{name}')",
    "app/kinds/__init__.py": "",
    "app/kinds/one.py": "",
    "app/server.py": "",
    "tests/__init__.py": "",
    "tests/conftest.py": "",
    "tests/unit/__init__.py": "",
    "tests/unit/conftest.py": "def client():\n    import app.cut\n    return app.cut",
    "tests/unit/test_cut.py": "def test_a():\n    from app import cut",
    "tests/unit/test_client.py": "def test_a(client): ...",
    "tests/unit/test_made.py": "from app.made import make",
    "tests/unit/test_server.py": "COMMAND = ('python', '-m', 'app.server')",
    "tests/unit/test_pages.py": "PAGES = ROOT / 'docs'",
    "tests/e2e/test_whole.py": "",
    "data/stop-words.txt": "",
    "docs/page.md": "",
}
BESIDE_CONFTEST = [
    f"tests/unit/test_{name}.py" for name in ("client", "cut", "made", "pages", "server")
]


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    root = tmp_path_factory.mktemp("project")
    for path, text in FILES.items():
        file = root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    return Project(root, [*FILES, "app/removed.py", "tests/unit/test_removed.py"])


@pytest.mark.parametrize(
    ("changed", "affected"),
    [
        (["tests/unit/test_cut.py"], ["tests/unit/test_cut.py"]),
        (["app/words.py"], ["tests/unit/test_client.py", "tests/unit/test_cut.py"]),
        (["data/stop-words.txt"], ["tests/unit/test_client.py", "tests/unit/test_cut.py"]),
        (["app/kinds/one.py"], ["tests/unit/test_made.py"]),
        (["app/server.py"], ["tests/unit/test_server.py"]),
        (["docs/page.md"], ["tests/unit/test_pages.py"]),
        (["tests/unit/conftest.py"], BESIDE_CONFTEST),
        (["tests/conftest.py"], ["tests/e2e/test_whole.py", *BESIDE_CONFTEST]),
        (["app/removed.py", "tests/unit/test_removed.py"], []),
        ([], []),
    ],
    ids=str,
)
def test_a_change_should_affect_the_tests_that_reach_it(
    project: Project, changed: Collection[str], affected: Collection[str]
) -> None:
    assert project.affected(changed) == list(affected)


@pytest.mark.parametrize("name", ["DIR", "tests/architecture", "."])
def test_lists_should_not_be_written_where_git_would_add_them(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(PROJECT)
    with pytest.raises(argparse.ArgumentTypeError, match="build/affected"):
        ignored_folder(name)


def test_lists_should_be_written_below_an_ignored_folder_or_outside(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(PROJECT)
    assert ignored_folder("build/affected") == PROJECT / "build" / "affected"
    assert ignored_folder(str(tmp_path)) == tmp_path
