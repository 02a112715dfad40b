"""SnapStart for chosen functions of a plain template: versions, and an alias `live`.

A snapshot is taken of a published version and never of `$LATEST`, so each chosen function gets a
version, which changes whenever the function does, and the alias. Wherever the rest of the template
refers to the function's name or ARN, it then refers to the alias's ARN: URIs, rules, queues,
machines, environments, and the policies that permit them.

https://docs.aws.amazon.com/lambda/latest/dg/snapstart.html
https://docs.aws.amazon.com/lambda/latest/dg/snapstart-activate.html
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from chalicelib.generation.catalogue import Catalogue
from infra.costs.idle import SECONDS

Template = dict[str, Any]
Json = Any

ALIAS = "live"
ALIAS_SUFFIX = "Live"
"""The suffix of an alias's logical id, after the id of its function."""
_FUNCTION = "AWS::Lambda::Function"
_STORAGE_MB = 512
_RUNTIME = re.compile(r"python3\.(\d+)")
_OLDEST_PYTHON = 12


class SnapStartError(ValueError):
    """Raised when no snapshot can be taken of a function; the message says why."""


def snap_start(template: Template, chosen: Sequence[str]) -> None:
    """Give each function in `chosen`, by logical id, a version with a snapshot and an alias.

    It must see the final code of every function, whose hash is part of the version's id: only so
    does new code get a new version.

    Raises:
        SnapStartError: a function does not exist, or no snapshot can be taken of it.
    """
    names = sorted(set(chosen))
    for name in names:
        _check(template, name)
    resources = template["Resources"]
    aliases = {name: f"{name}{ALIAS_SUFFIX}" for name in names}
    versions = {name: _version(template, name) for name in names}
    for name, resource in resources.items():
        own = {other: alias for other, alias in aliases.items() if other != name}
        resources[name] = _called_by_alias(resource, own)
    if "Outputs" in template:
        template["Outputs"] = _called_by_alias(template["Outputs"], aliases)
    _deploy_anew(template, names)
    for name, (version_id, version) in versions.items():
        resources[name]["Properties"]["SnapStart"] = {"ApplyOn": "PublishedVersions"}
        resources[version_id] = version
        resources[aliases[name]] = {
            "Type": "AWS::Lambda::Alias",
            "Properties": {
                "Name": ALIAS,
                "FunctionName": {"Ref": name},
                "FunctionVersion": {"Fn::GetAtt": [version_id, "Version"]},
            },
        }


def _check(template: Template, name: str) -> None:
    resource = template["Resources"].get(name, {})
    if resource.get("Type") != _FUNCTION:
        there = sorted(_eligible_functions(template))
        raise SnapStartError(f"There is no function {name}; SnapStart is for {', '.join(there)}.")
    reason = _why_impossible(resource["Properties"])
    if reason:
        raise SnapStartError(f"{name} {reason}; leave it out.")


def _eligible_functions(template: Template) -> Iterator[str]:
    for name, resource in template["Resources"].items():
        if resource["Type"] == _FUNCTION and not _why_impossible(resource["Properties"]):
            yield name


def _why_impossible(properties: Mapping[str, Json]) -> str:
    """Return why no snapshot of a function can be taken, or nothing if it can."""
    python = _RUNTIME.fullmatch(str(properties.get("Runtime")))
    if python is None or int(python[1]) < _OLDEST_PYTHON:
        return f"runs on {properties.get('Runtime')}, and SnapStart needs python3.12 or newer"
    size = properties.get("EphemeralStorage", {}).get("Size", _STORAGE_MB)
    if not isinstance(size, int) or size > _STORAGE_MB:
        return f"has {size} MB of EphemeralStorage, and SnapStart allows {_STORAGE_MB}"
    if "FileSystemConfigs" in properties:
        return "mounts a file system, which SnapStart does not allow"
    variables = properties.get("Environment", {}).get("Variables", {})
    if "AWS_LAMBDA_EXEC_WRAPPER" in variables:
        return "runs a loop of its own, which is not told when a snapshot is taken or restored"
    return ""


def _version(template: Template, name: str) -> tuple[str, Json]:
    """Return the id and the resource of a function's published version.

    A parameter that the function refers to changes it as well. Its value is in the description,
    whose change replaces the version; only then is a new one published.
    """
    function = template["Resources"][name]
    digest = hashlib.sha256(json.dumps(function, sort_keys=True).encode()).hexdigest()[:10]
    parameters = template.get("Parameters", {}).keys() - {
        "Stage"
    }  # another stage, another function
    used = sorted(_references(function) & parameters)
    description = {"Fn::Join": [" ", [{"Ref": parameter} for parameter in used]]}
    properties: dict[str, Json] = {"FunctionName": {"Ref": name}}
    if used:
        properties["Description"] = description
    return f"{name}Version{digest}", {"Type": "AWS::Lambda::Version", "Properties": properties}


def _deploy_anew(template: Template, names: Sequence[str]) -> None:
    """Rename each deployment of an API, whose id SAM derived from the functions called before.

    A deployment is a snapshot as well: without a new one, an API would go on as it was.
    """
    digest = hashlib.sha256(" ".join(names).encode()).hexdigest()[:6]
    resources = template["Resources"]
    renamed = {
        name: f"{name}{digest}"
        for name, resource in resources.items()
        if resource["Type"] == "AWS::ApiGateway::Deployment"
    }
    for old, new in renamed.items():
        resources[new] = resources.pop(old)
    for name, resource in resources.items():
        resources[name] = _called_by_alias(resource, renamed)


def _references(value: Json) -> set[str]:
    if isinstance(value, list):
        return set().union(*map(_references, value))
    if isinstance(value, str):
        return set(re.findall(r"\$\{(\w+)[.}]", value))
    if not isinstance(value, dict):
        return set()
    names = {value["Ref"]} if isinstance(value.get("Ref"), str) else set()
    return names.union(*map(_references, value.values()))


def _called_by_alias(value: Json, aliases: Mapping[str, str]) -> Json:
    """Return `value` with every reference to a function replaced by its alias.

    `Ref` of an alias is its ARN, which serves wherever a function's name or ARN does.
    """
    if isinstance(value, list):
        return [_called_by_alias(each, aliases) for each in value]
    if not isinstance(value, dict):
        return value
    if len(value) == 1:
        ((intrinsic, argument),) = value.items()
        alias = aliases.get(_function_of(intrinsic, argument))
        if alias:
            return {"Ref": alias}
        if intrinsic == "Fn::Sub":
            return {intrinsic: _substituted(argument, aliases)}
    return {key: _called_by_alias(each, aliases) for key, each in value.items()}


def _function_of(intrinsic: str, argument: Json) -> str:
    """Return the function that a `Ref`, or an `Fn::GetAtt` of an ARN, refers to."""
    if intrinsic == "Ref" and isinstance(argument, str):
        return argument
    if intrinsic == "Fn::GetAtt":
        name, _, attribute = (
            argument.partition(".") if isinstance(argument, str) else (argument[0], "", argument[1])
        )
        return str(name) if attribute == "Arn" else ""
    return ""


def _substituted(argument: Json, aliases: Mapping[str, str]) -> Json:
    if isinstance(argument, list):
        template, extra = argument
        return [_substituted(template, aliases), _called_by_alias(extra, aliases)]

    def led(found: re.Match[str]) -> str:
        alias = aliases.get(found[1])
        return f"${{{alias}}}" if alias else found[0]

    return re.sub(r"\$\{(\w+)(?:\.Arn)?\}", led, argument)


@dataclass(frozen=True, slots=True)
class SnapStartPrice:
    """Costs of a snapshot at list prices: dollars a month to keep, dollars for each start."""

    function: str
    memory_mb: int
    kept: Decimal
    restored: Decimal

    def __str__(self) -> str:
        """Return the price as one line of text."""
        return (
            f"SnapStart of {self.function} ({self.memory_mb:,} MB): ${self.kept:.2f} a month for "
            f"each version that is kept, ${self.restored:.6f} for each start"
        )


def snap_start_prices(
    template: Template, chosen: Sequence[str], catalogue: Catalogue
) -> list[SnapStartPrice]:
    """Return the costs of the snapshots of the functions in `chosen`, by their memory."""
    prices = []
    for name in sorted(set(chosen)):
        memory_mb = int(template["Resources"][name]["Properties"].get("MemorySize", 128))
        gigabytes = Decimal(memory_mb) / 1024
        storage = catalogue.price("lambda.snapstart.cache.gb_second").dollars * gigabytes * SECONDS
        restored = catalogue.price("lambda.snapstart.restore.gb").dollars * gigabytes
        prices.append(SnapStartPrice(name, memory_mb, storage, restored))
    return prices
