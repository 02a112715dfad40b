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


def closure(project: Path, module: str) -> list[Path]:
    """Return the source files that importing `module` can reach, packages' own included, sorted.

    Raises:
        CannotPackage: there is no such module, or an import by name cannot be followed.
    """
    seen: dict[str, Path] = {}
    waiting = [module]
    while waiting:
        name = waiting.pop()
        if name in seen:
            continue
        file = _file_of(project, name)
        if file is None:
            raise CannotPackage(f"There is no module {name} in {project}, which {module} needs.")
        seen[name] = file
        waiting += [parent for parent in _parents(name) if parent not in seen]
        waiting += [each for each in _Imports(project, name, file).all() if _file_of(project, each)]
    return sorted(seen.values())


def named_data(source: Path) -> list[Path]:
    """Return the files beside a module, no modules themselves, that one of its strings names."""
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
