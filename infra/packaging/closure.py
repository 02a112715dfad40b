"""Which of the project's own files a handler reaches, by reading its import statements.

Imports inside functions count: they run later, in the same bundle. Imports for type checkers do
not. A module that imports by a name it puts together is taken to reach every module beside it
that one of its strings names, which is how `functions/read_document/readers.py` does it.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from infra.packaging.failures import CannotPackage

ROOTS = ("app", "chalicelib", "functions")
"""The top-level names that are the project's own and may be in a bundle."""

_BY_NAME = frozenset({"import_module", "__import__"})


class Sources:
    """The sources of one project, each read once however many handlers reach it."""

    def __init__(self, project: Path) -> None:
        """Read from `project`, which does not change meanwhile."""
        self.project = project
        self._reached: dict[str, tuple[Path, frozenset[str]]] = {}
        self._data: dict[Path, list[Path]] = {}

    def closure(self, module: str) -> list[Path]:
        """Return the source files that importing `module` can reach, packages' own too, sorted.

        Raises:
            CannotPackage: there is no such module, or an import by name cannot be followed.
        """
        seen: dict[str, Path] = {}
        waiting = [module]
        while waiting:
            name = waiting.pop()
            if name in seen:
                continue
            seen[name], imported = self._of(name, module)
            waiting += [each for each in imported if each not in seen]
        return sorted(seen.values())

    def named_data(self, source: Path) -> list[Path]:
        """Return the files beside a module, themselves none, that one of its strings names."""
        if source not in self._data:
            self._data[source] = _named_data(source)
        return self._data[source]

    def _of(self, name: str, module: str) -> tuple[Path, frozenset[str]]:
        """Return a module's file, and the modules that it leads to by itself."""
        if name not in self._reached:
            project = self.project
            file = _file_of(project, name)
            if file is None:
                raise CannotPackage(
                    f"There is no module {name} in {project}, which {module} needs."
                )
            imported = _Imports(project, name, file).all()
            ours = (each for each in imported if _file_of(project, each))
            self._reached[name] = file, frozenset([*_parents(name), *ours])
        return self._reached[name]


def _named_data(source: Path) -> list[Path]:
    named = {
        node.value
        for node in ast.walk(ast.parse(source.read_bytes(), str(source)))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }
    return sorted(
        file
        for file in source.parent.iterdir()
        if file.is_file() and file.suffix != ".py" and file.name in named
    )


def _file_of(project: Path, name: str) -> Path | None:
    """Return the file of a module or package of the project, or None for any other name."""
    if name.partition(".")[0] not in ROOTS:
        return None
    path = project.joinpath(*name.split("."))
    for file in (path / "__init__.py", path.with_name(f"{path.name}.py")):
        if file.is_file():
            return file
    return None


def _parents(name: str) -> Iterator[str]:
    while name := name.rpartition(".")[0]:
        yield name


@dataclass(frozen=True, slots=True)
class _Imports:
    """The imports of one module."""

    project: Path
    name: str
    file: Path

    @property
    def _package(self) -> str:
        is_package = self.file.name == "__init__.py"
        return self.name if is_package else self.name.rpartition(".")[0]

    def all(self) -> set[str]:
        """Return every name that may be a module of ours."""
        tree = ast.parse(self.file.read_bytes(), str(self.file))
        found: set[str] = set()
        for node in _running(tree):
            if isinstance(node, ast.Import):
                found.update(alias.name for alias in node.names)
            elif isinstance(node, ast.ImportFrom):
                base = self._base(node)
                found.add(base)
                found.update(f"{base}.{alias.name}" for alias in node.names)
            elif isinstance(node, ast.Call) and _called(node) in _BY_NAME:
                found |= self._by_name(tree, node)
        return found

    def _base(self, node: ast.ImportFrom) -> str:
        if not node.level:
            return node.module or ""
        package = self._package.split(".")
        base = package[: len(package) - node.level + 1]
        return ".".join([*base, *([node.module] if node.module else [])])

    def _by_name(self, tree: ast.Module, call: ast.Call) -> set[str]:
        named = call.args[0] if call.args else None
        if isinstance(named, ast.Constant) and isinstance(named.value, str):
            return {named.value}
        beside = {
            f"{self._package}.{node.value}"
            for node in ast.walk(tree)
            if isinstance(node, ast.Constant)
            and isinstance(node.value, str)
            and node.value.isidentifier()
        }
        found = {name for name in beside if _file_of(self.project, name)}
        if not found:
            raise CannotPackage(
                f"{self.file}, line {call.lineno}: a module is imported by a name that cannot be "
                "read off the source. Write the name, or the names of modules beside it, as "
                "strings in that file."
            )
        return found


def _called(node: ast.Call) -> str:
    function = node.func
    return function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")


def _running(tree: ast.AST) -> Iterator[ast.AST]:
    """Yield every node but those below `if TYPE_CHECKING`."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            for other in node.orelse:
                yield other
                yield from _running(other)
            continue
        yield node
        yield from _running(node)
