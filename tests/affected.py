"""Which files of tests a change reaches: `python -m tests.affected --into FOLDER [--since REF]`.

A test reaches what it imports, at its head or in functions, and what those modules import in turn;
modules that strings name, as `python -m` takes them; and other files where a string names them or
the folder that they lie in. It reaches the conftest.py files above it, and what one of them imports
if it uses a fixture of it. What a local cloud deploys is not followed: the code of a function does
not reach end-to-end tests.
"""

from __future__ import annotations

import argparse
import ast
import re
import subprocess
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from infra.packaging.closure import CallByName, ModuleSource

PROJECT = Path(__file__).resolve().parent.parent
TRAINING = "tests/training/"
FIXED = frozenset({"pyproject.toml", "requirements/dev.txt", "tests/conftest.py"})
"""Files that every test depends on."""
_WORD = re.compile(r"\w+")


@dataclass(frozen=True, slots=True)
class _Module:
    """One module: its path, names that it may import, and the words and strings in it."""

    path: str
    imported: frozenset[str] = frozenset()
    strings: frozenset[str] = frozenset()
    words: frozenset[str] = frozenset()
    functions: frozenset[str] = frozenset()

    @classmethod
    def read(cls, name: str, root: Path, path: str) -> _Module:
        """Read a module; one that is removed imports nothing."""
        if not (root / path).is_file():
            return cls(path)
        source = ModuleSource.read(name, root / path)
        strings = {text for text in source.strings() if text and not re.search(r"\s", text)}
        imported = {text for text in strings if "." in text[:-1] and not text.endswith(".")}
        for found in source.imports():
            if isinstance(found, CallByName):
                imported |= {f"{source.package}.{text}" for text in strings}
                imported |= {text for text in strings if "." in text[:-1]}
            else:
                imported.add(found)
        functions = {node.name for node in source.tree.body if isinstance(node, ast.FunctionDef)}
        words = _WORD.findall(source.text.decode())
        return cls(path, *map(frozenset, (imported, strings, words, functions)))

    def names(self, file: PurePosixPath) -> bool:
        """Tell whether a string names a file, or the folder that it lies in."""
        named = {file.name, file.parent.name} - {""}
        return any(not named.isdisjoint(text.split("/")) for text in self.strings)


class Project:
    """The modules of a project, and what each of its tests reaches."""

    def __init__(self, root: Path, paths: Collection[str]) -> None:
        """Read the modules among `paths`, which are written from `root` on."""
        self._root = root
        self._modules: dict[str, _Module] = {}
        self._below: dict[str, list[str]] = {}
        for path in paths:
            if path.endswith(".py"):
                name = path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
                self._modules[name] = _Module.read(name, root, path)
                self._below.setdefault(name.rpartition(".")[0], []).append(name)

    def affected(self, changed: Collection[str]) -> list[str]:
        """Return the paths of the test files that reach any of the `changed` ones, sorted."""
        tests = [name for name in self._modules if name.rpartition(".")[2].startswith("test_")]
        if FIXED.isdisjoint(changed):
            others = [PurePosixPath(path) for path in changed if not path.endswith(".py")]
            wanted = {
                name
                for name, module in self._modules.items()
                if module.path in changed or any(map(module.names, others))
            }
            reaching = self._reaching(wanted)
            tests = [name for name in tests if self._is_affected(name, wanted, reaching)]
        paths = (self._modules[name].path for name in tests)
        return sorted(path for path in paths if (self._root / path).is_file())

    def _reaching(self, wanted: Collection[str]) -> set[str]:
        """Return the modules that reach one of those `wanted` by their imports."""
        importers: dict[str, list[str]] = {}
        for name, module in self._modules.items():
            for found in {*module.imported, name.rpartition(".")[0]}:
                for each in self._found(found):
                    importers.setdefault(each, []).append(name)
        seen, waiting = set[str](), list(wanted)
        while waiting:
            name = waiting.pop()
            if name not in seen:
                seen.add(name)
                waiting += importers.get(name, ())
        return seen

    def _found(self, name: str) -> Iterator[str]:
        """Yield the modules of a name; one that ends in a dot is the beginning of any below it."""
        if name in self._modules:
            yield name
        elif name.endswith("."):
            for below in self._below.get(name[:-1], ()):
                yield below
                yield from self._found(f"{below}.")

    def _is_affected(self, test: str, wanted: Collection[str], reaching: Collection[str]) -> bool:
        if test in reaching:
            return True
        words, package = self._modules[test].words, test
        while package := package.rpartition(".")[0]:
            name = f"{package}.conftest"
            if name in wanted:
                return True
            conftest = self._modules.get(name)
            if conftest and conftest.functions & words:
                if name in reaching:
                    return True
                words |= conftest.words
        return False


def _lines_of(*command: str) -> set[str]:
    done = subprocess.run(
        ["git", *command], cwd=PROJECT, capture_output=True, text=True, check=True
    )
    return set(done.stdout.splitlines())


def ignored_folder(name: str) -> Path:
    """Return the folder of `name`; lists of tests must not lie where git would add them.

    Raises:
        argparse.ArgumentTypeError: the folder is part of the tree that git keeps.
    """
    folder = Path(name).resolve()
    if folder.is_relative_to(PROJECT):
        command = ["git", "check-ignore", "--quiet", str(folder / "tests")]
        if subprocess.run(command, cwd=PROJECT, check=False).returncode:
            raise argparse.ArgumentTypeError(
                f"{name} is a folder that git keeps; name one below build/, such as build/affected"
            )
    return folder


def main() -> None:
    """Write the tests of the two environments, a path a line, into `tests` and `training`."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--into", type=ignored_folder, required=True, metavar="FOLDER")
    parser.add_argument("--since", default="HEAD", metavar="REF", help="what the tree is held to")
    options = parser.parse_args()
    new = _lines_of("ls-files", "--others", "--exclude-standard")
    changed = new | _lines_of("diff", "--name-only", "--no-renames", options.since)
    project = Project(PROJECT, new | changed | _lines_of("ls-files"))
    found = project.affected(changed)
    options.into.mkdir(parents=True, exist_ok=True)
    for name, trains in (("tests", False), ("training", True)):
        chosen = [path for path in found if path.startswith(TRAINING) == trains]
        (options.into / name).write_text("".join(f"{path}\n" for path in chosen))


if __name__ == "__main__":
    main()
