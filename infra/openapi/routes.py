"""Declared routes of the API: views of the app, and paths of the template."""

from __future__ import annotations

import ast
import importlib
import inspect
import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from chalicelib.contracts.operations import Operation

PROJECT = Path(__file__).resolve().parents[2]
_STREAMS = {
    "/v1/ask/stream": "functions.stream_answer.core",
    "/v1/chat/completions": "functions.stream_chat.chat",
    "/v1/responses": "functions.stream_chat.responses",
    "/v1/embeddings": "functions.stream_chat.embeddings",
    "/v1/images/generations": "functions.stream_chat.images",
    "/v1/audio/transcriptions": "functions.stream_chat.transcriptions",
    "/v1/audio/translations": "functions.stream_chat.transcriptions:TRANSLATION",
}
"""The modules of functions that own a path of the template, and what declares it there.

That is `OPERATION` where nothing else is named.
"""


class UndeclaredRouteError(Exception):
    """Raised when a route does not declare what it takes and answers."""


@dataclass(frozen=True, slots=True)
class ApiRoute:
    """One method of one path. `keyed` means that the authorizer requires a key."""

    path: str
    method: str
    operation_id: str
    operation: Operation
    text: str
    keyed: bool

    @property
    def summary(self) -> str:
        """Return the first line of the description."""
        return self.text.partition("\n")[0].removesuffix(".")

    @property
    def description(self) -> str:
        """Return the whole description."""
        return self.text


def routes_of_app(routes: Mapping[str, Mapping[str, Any]]) -> Iterator[ApiRoute]:
    """Yield the routes of a Chalice app.

    Raises:
        UndeclaredRouteError: a view has no operation, or no docstring.
    """
    for path, methods in routes.items():
        for method, entry in methods.items():
            view = entry.view_function
            operation, text = vars(view).get("operation"), inspect.getdoc(view)
            if not isinstance(operation, Operation) or not text:
                raise UndeclaredRouteError(
                    f"{method} {path}: give the view {entry.view_name} a docstring, and say by "
                    "@serve_operation(blueprint, Operation(…)) what it takes and answers."
                )
            keyed = entry.authorizer is not None
            yield ApiRoute(path, method, entry.view_name.rpartition(".")[2], operation, text, keyed)


def routes_of_template(paths: Mapping[str, Mapping[str, Any]]) -> Iterator[ApiRoute]:
    """Yield the routes that the written template adds to the app's.

    Raises:
        UndeclaredRouteError: the path belongs to no known function.
    """
    for path, methods in paths.items():
        for method, definition in methods.items():
            if path not in _STREAMS:
                raise UndeclaredRouteError(
                    f"{method} {path}: name in {__name__} the room that it belongs to."
                )
            module, attribute = _declaration(path)
            name = path.removeprefix("/v1/").replace("/", "_")
            text = _docstring(Path(str(module.__file__)), attribute)
            keyed = bool(definition.get("security"))
            operation: Operation = getattr(module, attribute)
            yield ApiRoute(path, method.upper(), name, operation, text, keyed)


def streamed_operation(path: str) -> Operation | None:
    """Return the declared operation of a template path, or None if it has no function."""
    if path not in _STREAMS:
        return None
    operation: Operation = getattr(*_declaration(path))
    return operation


def _declaration(path: str) -> tuple[ModuleType, str]:
    """Return the module that declares a path of the template, and the name under which it does."""
    module, _, attribute = _STREAMS[path].partition(":")
    return importlib.import_module(module), attribute or "OPERATION"


def field_texts(file: Path) -> Mapping[str, Mapping[str, str]]:
    """Return the docstrings below the attributes of each class of a module.

    Attributes of the module itself are those of the class "".
    """
    tree = ast.parse(file.read_text(encoding="utf-8"))
    classes = {node.name: node.body for node in tree.body if isinstance(node, ast.ClassDef)}
    return {name: dict(_texts(body)) for name, body in {"": tree.body, **classes}.items()}


def _texts(body: list[ast.stmt]) -> Iterator[tuple[str, str]]:
    for node, following in itertools.pairwise(body):
        target = node.targets[0] if isinstance(node, ast.Assign) else getattr(node, "target", None)
        if (
            isinstance(target, ast.Name)
            and isinstance(following, ast.Expr)
            and isinstance(following.value, ast.Constant)
            and isinstance(following.value.value, str)
        ):
            yield target.id, inspect.cleandoc(following.value.value)


def _docstring(file: Path, name: str) -> str:
    text = field_texts(file)[""].get(name)
    if not text:
        raise UndeclaredRouteError(f"{file.name}: say below {name} what it is.")
    return text
