"""AWS's dialect of JSONPath: Jayway's semantics.

A definite path (names and single indices only) gives the value; any other gives a list.
https://docs.aws.amazon.com/step-functions/latest/dg/amazon-states-language-paths.html
"""

from __future__ import annotations

from localcloud.stepfunctions.language.values import Environment, Json


class PathSyntaxError(Exception):
    """The text is not a path; `str()` says why and where."""


class PathMissing(Exception):  # noqa: N818 - it is a result, not always an error
    """A definite path leads to nothing."""


def check_path(path: str, *, reference: bool = False) -> None:
    """Raise `PathSyntaxError` unless `path` is a path, or a reference path (one definite node)."""
    raise NotImplementedError


def read(path: str, value: Json, environment: Environment) -> Json:
    """Return what `path` selects: from `value` (`$`), the context (`$$`) or a variable (`$name`).

    Raises `PathMissing` if a definite path leads to nothing, `PathSyntaxError` for bad text.
    """
    raise NotImplementedError


def insert(path: str, target: Json, value: Json) -> Json:
    """Return a copy of `target` with `value` at reference path `path`, as ResultPath does.

    Raises `StatesError` (`States.ResultPathMatchFailure`) where `target` cannot hold it.
    """
    raise NotImplementedError
