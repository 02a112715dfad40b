"""The registered functions with their versions and aliases, and how callers may name them.

The code of every version is in the one folder on this disk, so an older version runs what the
function is now. A template names one version at a time.
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from localcloud.errors import AwsError
from localcloud.lambdas.spec import LATEST, FunctionSpec
from localcloud.service import CloudContext

_ARN = re.compile(
    r"(?:arn:[^:]+:lambda:(?P<region>[^:]+):)?(?:(?P<account>\d{12}):)?(?:function:)?"
    r"(?P<name>[a-zA-Z0-9-_]+)(?::(?P<qualifier>[$a-zA-Z0-9-_]+))?"
)
_MAX_NAME = 64
"""https://docs.aws.amazon.com/lambda/latest/api/API_CreateFunction.html"""


@dataclass(frozen=True, slots=True)
class RegisteredFunction:
    """A function as it is now. `generation` grows whenever its definition changes."""

    spec: FunctionSpec
    arn: str
    generation: int
    modified: str

    @property
    def reference(self) -> str:
        """The function's name, with the version or alias that a caller named."""
        return self.arn.partition(":function:")[2]


class FunctionRegistry:
    """Functions by name; safe from any thread."""

    def __init__(self, context: CloudContext) -> None:
        """Begin with no function."""
        self._context = context
        self._functions: dict[str, RegisteredFunction] = {}
        self._versions: dict[str, RegisteredFunction] = {}
        self._aliases: dict[str, str] = {}
        self._generations: dict[str, int] = {}
        self._lock = threading.Lock()

    def register(self, spec: FunctionSpec, modified: str) -> bool:
        """Add or replace a function; return whether its definition changed."""
        with self._lock:
            known = self._functions.get(spec.name)
            if known and known.spec == spec:
                return False
            arn = self._context.arn("lambda", f"function:{spec.name}")
            generation = self._next_generation(spec.name)
            self._functions[spec.name] = RegisteredFunction(spec, arn, generation, modified)
            return True

    def remove(self, name: str) -> RegisteredFunction:
        """Remove a function; return what it was, of a generation that no environment has."""
        with self._lock:
            removed = self._functions.pop(name)
            return replace(removed, generation=self._next_generation(name))

    def _next_generation(self, name: str) -> int:
        """Count on, also past a removal: an environment of the old function may still be busy."""
        self._generations[name] = self._generations.get(name, 0) + 1
        return self._generations[name]

    def name_for_new(self, reference: str) -> str:
        """Return the name of a function that is to be created, given as a name or an ARN.

        Raises AwsError for what is no name of this account without a version or alias.
        """
        match = _match(reference)
        if match["qualifier"] or not self._is_in_account(match):
            raise AwsError(
                "InvalidParameterValueException",
                f"{reference!r} names no function that this account could create.",
            )
        return match["name"]

    def publish(self, name: str, number: str) -> RegisteredFunction:
        """Publish the function `name` as it is now as the version `number`."""
        latest = self.find(name)
        version = replace(
            latest, spec=replace(latest.spec, version=number), arn=f"{latest.arn}:{number}"
        )
        with self._lock:
            self._versions[version.reference] = version
        return version

    def point_alias(self, name: str, alias: str, number: str) -> RegisteredFunction:
        """Point `alias` of the function `name` at its existing version `number`."""
        found = self.find(name, number)
        with self._lock:
            self._aliases[f"{found.spec.name}:{alias}"] = found.reference
        return self.find(name, alias)

    def is_registered(self, reference: str) -> bool:
        """Return whether a function, with the version or alias that is named, is registered."""
        return reference in self.references()

    def references(self) -> frozenset[str]:
        """Return the references of all functions, versions and aliases."""
        with self._lock:
            return frozenset((*self._functions, *self._versions, *self._aliases))

    def callers(self) -> frozenset[str]:
        """Return the functions that call others: their environment variables name another."""
        with self._lock:
            names = self._functions.keys()
            return frozenset(
                name
                for name, function in self._functions.items()
                if (names - {name}) & set(map(_function_name, function.spec.environment.values()))
            )

    def all(self) -> Iterable[RegisteredFunction]:
        """Return every function, by name."""
        with self._lock:
            return sorted(self._functions.values(), key=lambda each: each.spec.name)

    def find(self, reference: str, qualifier: str | None = None) -> RegisteredFunction:
        """Return the function that a name, partial ARN or ARN refers to.

        Raises ResourceNotFoundException as AWS words it.
        """
        match = _match(reference)
        wanted = match["qualifier"] or qualifier or LATEST
        if qualifier and match["qualifier"] and qualifier != match["qualifier"]:
            raise AwsError(
                "InvalidParameterValueException",
                "The derived qualifier from the function name does not match the specified "
                "qualifier.",
            )
        suffix = "" if wanted == LATEST else f":{wanted}"
        found = self._look_up(match["name"] + suffix)
        arn = self._context.arn("lambda", f"function:{match['name']}{suffix}")
        if found is None or not self._is_in_account(match):
            raise AwsError(
                "ResourceNotFoundException", f"Function not found: {arn}", 404, Type="User"
            )
        return replace(found, arn=arn)

    def _look_up(self, reference: str) -> RegisteredFunction | None:
        with self._lock:
            version = self._versions.get(self._aliases.get(reference, reference))
            return version or self._functions.get(reference)

    def _is_in_account(self, match: re.Match[str]) -> bool:
        region, account = match["region"], match["account"]
        return region in (None, self._context.region) and account in (
            None,
            self._context.account_id,
        )


def _match(reference: str) -> re.Match[str]:
    match = _ARN.fullmatch(reference)
    if match is None or len(match["name"]) > _MAX_NAME:
        raise AwsError(
            "ValidationException",
            f"1 validation error detected: Value '{reference}' at 'functionName' failed to "
            "satisfy constraint: Member must satisfy a function name pattern",
        )
    return match


def _function_name(value: str) -> str:
    """Return the name in what may be a reference to a function, or the value itself."""
    match = _ARN.fullmatch(value)
    return match["name"] if match else value


class VersionNumbers:
    """Numbers of published versions, counted from 1 for each function, kept across restarts."""

    def __init__(self, file: Path) -> None:
        """Keep the numbers in `file`."""
        self._file = file
        self._numbers: dict[str, dict[str, int]] = {}
        if file.exists():
            self._numbers = json.loads(file.read_text())

    def number(self, function: str, key: str) -> str:
        """Return the number of the version that `key` identifies, a new one for a new key."""
        numbers = self._numbers.setdefault(function, {})
        if key not in numbers:
            numbers[key] = len(numbers) + 1
            draft = self._file.with_suffix(".new")
            draft.write_text(json.dumps(self._numbers))
            draft.replace(self._file)
        return str(numbers[key])
