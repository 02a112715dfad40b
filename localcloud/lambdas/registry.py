"""The functions that exist, their published versions and aliases, and how a caller may name them.

The code of every version lies in the one folder on this disk, so a version that is still named
runs what the function is now. A template names one version at a time.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Iterable
from dataclasses import dataclass, replace

from localcloud.errors import AwsError
from localcloud.lambdas.spec import LATEST, FunctionSpec
from localcloud.service import CloudContext

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

    @property
    def reference(self) -> str:
        """Return the function's name, with the version or alias that a caller named."""
        return self.arn.partition(":function:")[2]


class Registry:
    """Functions by name; safe from any thread."""

    def __init__(self, context: CloudContext) -> None:
        """Begin with no function."""
        self._context = context
        self._functions: dict[str, Registered] = {}
        self._versions: dict[str, Registered] = {}
        self._aliases: dict[str, str] = {}
        self._guard = threading.Lock()

    def put(self, spec: FunctionSpec, modified: str) -> bool:
        """Add or replace a function; return whether its definition changed."""
        with self._guard:
            known = self._functions.get(spec.name)
            if known and known.spec == spec:
                return False
            arn = self._context.arn("lambda", f"function:{spec.name}")
            generation = known.generation + 1 if known else 1
            self._functions[spec.name] = Registered(spec, arn, generation, modified)
            return True

    def publish(self, name: str, number: str) -> Registered:
        """Give what the function `name` is now the version `number`."""
        latest = self.find(name)
        version = replace(
            latest, spec=replace(latest.spec, version=number), arn=f"{latest.arn}:{number}"
        )
        with self._guard:
            self._versions[version.reference] = version
        return version

    def point(self, name: str, alias: str, number: str) -> Registered:
        """Let `alias` of the function `name` mean its version `number`, which is there."""
        found = self.find(name, number)
        with self._guard:
            self._aliases[f"{found.spec.name}:{alias}"] = found.reference
        return self.find(name, alias)

    def knows(self, reference: str) -> bool:
        """Tell whether a function is registered, with the version or alias that is named."""
        return reference in self.references()

    def references(self) -> frozenset[str]:
        """Return how every function, version and alias is called."""
        with self._guard:
            return frozenset((*self._functions, *self._versions, *self._aliases))

    def callers(self) -> frozenset[str]:
        """Return the functions whose environment names another one: they are told it to call it."""
        with self._guard:
            names = self._functions.keys()
            return frozenset(
                name
                for name, function in self._functions.items()
                if (names - {name}) & set(map(_name, function.spec.environment.values()))
            )

    def all(self) -> Iterable[Registered]:
        """Return every function, by name."""
        with self._guard:
            return sorted(self._functions.values(), key=lambda each: each.spec.name)

    def find(self, reference: str, qualifier: str | None = None) -> Registered:
        """Return the function that a name, partial ARN or ARN means.

        Raises ResourceNotFoundException as AWS words it.
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
        suffix = "" if wanted == LATEST else f":{wanted}"
        found = self._named(match["name"] + suffix)
        arn = self._context.arn("lambda", f"function:{match['name']}{suffix}")
        if found is None or not self._is_here(match):
            raise AwsError(
                "ResourceNotFoundException", f"Function not found: {arn}", 404, Type="User"
            )
        return replace(found, arn=arn)

    def _named(self, reference: str) -> Registered | None:
        with self._guard:
            version = self._versions.get(self._aliases.get(reference, reference))
            return version or self._functions.get(reference)

    def _is_here(self, match: re.Match[str]) -> bool:
        region, account = match["region"], match["account"]
        return region in (None, self._context.region) and account in (
            None,
            self._context.account_id,
        )


def _name(value: str) -> str:
    """Return the name in what may be a reference to a function, or the value itself."""
    match = _ARN.fullmatch(value)
    return match["name"] if match else value
