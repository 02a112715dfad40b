"""The import statements of one module, read off its source.

Imports inside functions count: they run later. Imports for type checkers do not.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_BY_NAME = ("import_module", "__import__")
_STATEMENTS = (ast.stmt, ast.excepthandler, ast.match_case)


@dataclass(frozen=True, slots=True)
class CallByName:
    """An import of a module by a name that the source does not spell out."""

    line: int


@dataclass(frozen=True, slots=True)
class ModuleSource:
    """One module, parsed. `name` is dotted."""

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
        """Return the package that the module is in, or is."""
        is_package = self.file.name == "__init__.py"
        return self.name if is_package else self.name.rpartition(".")[0]

    def imports(self) -> Iterator[str | CallByName]:
        """Yield every name that may be a module, and each call that imports by another name."""
        calls = any(name.encode() in self.text for name in _BY_NAME)
        for node in _running(self.tree, with_expressions=calls):
            if isinstance(node, ast.Import):
                yield from (alias.name for alias in node.names)
            elif isinstance(node, ast.ImportFrom):
                base = self._base(node)
                yield base
                yield from (f"{base}.{alias.name}" for alias in node.names)
            elif isinstance(node, ast.Call) and _called(node) in _BY_NAME:
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
    """Return the name that a call imports, if it is written there."""
    named = call.args[0] if call.args else None
    if isinstance(named, ast.Constant) and isinstance(named.value, str):
        return named.value
    return None


def _called(node: ast.Call) -> str:
    function = node.func
    return function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")


def _running(tree: ast.Module, *, with_expressions: bool) -> Iterator[ast.AST]:
    """Yield every statement but those below `if TYPE_CHECKING`, and expressions if asked for."""
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
