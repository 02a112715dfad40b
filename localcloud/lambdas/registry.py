"""The functions that exist, and how a caller may name them."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterable
from dataclasses import dataclass

from localcloud.errors import AwsError, unsupported
from localcloud.lambdas.spec import LATEST, FunctionSpec
from localcloud.service import Surroundings

_ARN = re.compile(
    r"(?:arn:[^:]+:lambda:(?P<region>[^:]+):)?(?:(?P<account>\d{12}):)?(?:function:)?"
    r"(?P<name>[a-zA-Z0-9-_]+)(?::(?P<qualifier>[$a-zA-Z0-9-_]+))?"
)


@dataclass(frozen=True, slots=True)
class Registered:
    """A function as it stands now. `generation` grows whenever its definition changes."""

    spec: FunctionSpec
    arn: str
    generation: int
    modified: str


class Registry:
    """Functions by name; safe from any thread."""

    def __init__(self, surroundings: Surroundings) -> None:
        """Begin with no function."""
        self._surroundings = surroundings
        self._functions: dict[str, Registered] = {}
        self._guard = threading.Lock()

    def put(self, spec: FunctionSpec, modified: str) -> bool:
        """Add or replace a function; return whether its definition changed."""
        with self._guard:
            known = self._functions.get(spec.name)
            if known and known.spec == spec:
                return False
            arn = self._surroundings.arn("lambda", f"function:{spec.name}")
            generation = known.generation + 1 if known else 1
            self._functions[spec.name] = Registered(spec, arn, generation, modified)
            return True

    def knows(self, name: str) -> bool:
        """Tell whether function `name` is registered."""
        with self._guard:
            return name in self._functions

    def callers(self) -> frozenset[str]:
        """Return the functions whose environment names another one: they are told it to call it."""
        with self._guard:
            names = self._functions.keys()
            return frozenset(
                name
                for name, function in self._functions.items()
                if (names - {name}) & set(function.spec.environment.values())
            )

    def all(self) -> Iterable[Registered]:
        """Return every function, by name."""
        with self._guard:
            return sorted(self._functions.values(), key=lambda each: each.spec.name)

    def find(self, reference: str, qualifier: str | None = None) -> Registered:
        """Return the function that a name, partial ARN or ARN means.

        Raises ResourceNotFoundException as AWS words it; any version or alias but `$LATEST`
        is refused, for functions come from the template and are not published here.
        """
        match = _ARN.fullmatch(reference)
        if match is None:
            raise AwsError(
                "ValidationException",
                f"1 validation error detected: Value '{reference}' at 'functionName' failed to "
                "satisfy constraint: Member must satisfy a function name pattern",
            )
        wanted = match["qualifier"] or qualifier or LATEST
        if qualifier and match["qualifier"] and qualifier != match["qualifier"]:
            raise AwsError(
                "InvalidParameterValueException",
                "The derived qualifier from the function name does not match the specified "
                "qualifier.",
            )
        if wanted != LATEST:
            raise unsupported("Lambda", f"the version or alias {wanted!r} of {match['name']}")
        with self._guard:
            found = self._functions.get(match["name"])
        if found is None or not self._is_here(match):
            arn = self._surroundings.arn("lambda", f"function:{match['name']}")
            raise AwsError(
                "ResourceNotFoundException", f"Function not found: {arn}", 404, Type="User"
            )
        return found

    def _is_here(self, match: re.Match[str]) -> bool:
        region, account = match["region"], match["account"]
        return region in (None, self._surroundings.region) and account in (
            None,
            self._surroundings.account_id,
        )
