"""Project files that a module reaches, found by reading its import statements.

A module that imports by a computed name is assumed to reach every module beside it, or in a package
beside it, that one of its strings names: `functions/read_document/extraction.py` does so.
"""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

from infra.packaging.targets import PackagingError

_BY_NAME = ("import_module", "__import__")


_STATEMENTS = (ast.stmt, ast.excepthandler, ast.match_case)


@dataclass(frozen=True, slots=True)
class CallByName:
    """An import of a module by a computed name."""

    line: int


@dataclass(frozen=True, slots=True)
class ModuleSource:
    """One parsed module. `name` is dotted."""

    name: str
    file: Path
    text: bytes
    tree: ast.Module

    @classmethod
    def read(cls, name: str, file: Path) -> ModuleSource:
        """Read and parse a module."""
        text = file.read_bytes()
        return cls(name, file, text, ast.parse(text, str(file)))

    @property
    def package(self) -> str:
        """Return the package that contains the module, or the module itself if it is a package."""
        is_package = self.file.name == "__init__.py"
        return self.name if is_package else self.name.rpartition(".")[0]

    def imports(self) -> Iterator[str | CallByName]:
        """Yield every name that may be a module, and each call that imports by another name."""
        calls = any(name.encode() in self.text for name in _BY_NAME)
        for node in _executed_nodes(self.tree, with_expressions=calls):
            if isinstance(node, ast.Import):
                yield from (alias.name for alias in node.names)
            elif isinstance(node, ast.ImportFrom):
                base = self._base(node)
                yield base
                yield from (f"{base}.{alias.name}" for alias in node.names)
            elif isinstance(node, ast.Call) and _called_name(node) in _BY_NAME:
                yield _name_in(node) or CallByName(node.lineno)

    def strings(self) -> Iterator[str]:
        """Yield the module's string constants."""
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                yield node.value

    def _base(self, node: ast.ImportFrom) -> str:
        if not node.level:
            return node.module or ""
        package = self.package.split(".")
        base = package[: len(package) - node.level + 1]
        return ".".join([*base, *([node.module] if node.module else [])])


def _name_in(call: ast.Call) -> str | None:
    """Return the name that a call imports, if it is a constant."""
    named = call.args[0] if call.args else None
    if isinstance(named, ast.Constant) and isinstance(named.value, str):
        return named.value
    return None


def _called_name(node: ast.Call) -> str:
    function = node.func
    return function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")


def _executed_nodes(tree: ast.Module, *, with_expressions: bool) -> Iterator[ast.AST]:
    """Yield every statement except those below `if TYPE_CHECKING`, with expressions if asked."""
    waiting: list[ast.AST] = [tree]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.If) and _is_for_types(node.test):
            waiting += node.orelse
            continue
        yield node
        children = ast.iter_child_nodes(node)
        if with_expressions:
            waiting += children
        else:
            waiting += [child for child in children if isinstance(child, _STATEMENTS)]


def _is_for_types(test: ast.expr) -> bool:
    return any(
        getattr(node, "id", getattr(node, "attr", None)) == "TYPE_CHECKING"
        for node in ast.walk(test)
    )


ROOTS = ("app", "chalicelib", "functions")
"""The top-level names that are the project's own and may be in a bundle."""


@dataclass(frozen=True, slots=True)
class _Module:
    """A module's file, the modules that it imports, and the data files that it names."""

    file: Path
    imported: frozenset[str]
    data: tuple[Path, ...]


class SourceTree:
    """The sources of one project, each read once however many modules reach it."""

    def __init__(
        self,
        project: Path,
        roots: Collection[str] = ROOTS,
        open_ended: Collection[str] = (),
    ) -> None:
        """Read modules below `roots` of `project`, which does not change meanwhile.

        Args:
            project: the folder of the project.
            roots: the top-level names that are the project's own.
            open_ended: modules whose imports by name are not followed, as the caller does so.
        """
        self.project = project
        self._roots = roots
        self._open_ended = open_ended
        self._modules: dict[str, _Module] = {}

    def closure(self, module: str) -> list[Path]:
        """Return the source files that importing `module` can reach, packages included, sorted.

        Raises:
            PackagingError: there is no such module, or an import by name cannot be followed.
        """
        return sorted(each.file for each in self._reached(module))

    def named_data(self, module: str) -> list[Path]:
        """Return the data files that strings of `module`, and of its imports, name beside them.

        Modules are not data files.
        """
        return sorted({file for each in self._reached(module) for file in each.data})

    def _reached(self, module: str) -> list[_Module]:
        seen: dict[str, _Module] = {}
        waiting = [module]
        while waiting:
            name = waiting.pop()
            if name in seen:
                continue
            seen[name] = self._of(name, module)
            waiting += [each for each in seen[name].imported if each not in seen]
        return list(seen.values())

    def _of(self, name: str, module: str) -> _Module:
        if name not in self._modules:
            file = self._file_of(name)
            if file is None:
                raise PackagingError(
                    f"There is no module {name} in {self.project}, which {module} needs."
                )
            source = ModuleSource.read(name, file)
            names = frozenset([*_parents(name), *self._imported_modules(source)])
            self._modules[name] = _Module(file, names, tuple(_data_files(source)))
        return self._modules[name]

    def _imported_modules(self, source: ModuleSource) -> Iterator[str]:
        """Yield the project modules that a module imports."""
        for name in source.imports():
            if not isinstance(name, CallByName):
                if self._file_of(name):
                    yield name
            elif source.name not in self._open_ended:
                yield from self._by_name(source, name)

    def _by_name(self, source: ModuleSource, call: CallByName) -> set[str]:
        beside = {f"{source.package}.{text}" for text in source.strings() if _is_dotted_name(text)}
        modules = {name for name in beside if self._file_of(name)}
        if not modules:
            raise PackagingError(
                f"{source.file}, line {call.line}: a module is imported by a name that cannot be "
                "read off the source. Write the name, or the names of modules beside it, as "
                "strings in that file."
            )
        return modules

    def _file_of(self, name: str) -> Path | None:
        """Return the file of a module or package of the project, or None for any other name."""
        if name.partition(".")[0] not in self._roots:
            return None
        path = self.project.joinpath(*name.split("."))
        for file in (path / "__init__.py", path.with_name(f"{path.name}.py")):
            if file.is_file():
                return file
        return None


def _data_files(source: ModuleSource) -> Iterator[Path]:
    """Yield the data files beside a module that one of its strings names."""
    beside = [
        file for file in source.file.parent.iterdir() if file.is_file() and file.suffix != ".py"
    ]
    if beside:
        named = set(source.strings())
        yield from (file for file in beside if file.name in named)


def _is_dotted_name(text: str) -> bool:
    return all(part.isidentifier() for part in text.split("."))


def _parents(name: str) -> Iterator[str]:
    while name := name.rpartition(".")[0]:
        yield name
