"""Applying a template: in order of dependency, once for each change, nothing ignored."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from localcloud.lambdas.service import LambdaService
from localcloud.lambdas.spec import FunctionSpec
from localcloud.service import Surroundings
from localcloud.template.errors import TemplateError
from localcloud.template.intrinsics import Scope, references

Json = Any
Clients = Callable[[str], Any]
_log = logging.getLogger(__name__)

_TOP_LEVEL = frozenset(
    {
        "AWSTemplateFormatVersion",
        "Description",
        "Metadata",
        "Parameters",
        "Mappings",
        "Conditions",
        "Resources",
        "Outputs",
    }
)
_RESOURCE = frozenset(
    {
        "Type",
        "Properties",
        "DependsOn",
        "Condition",
        "Metadata",
        "DeletionPolicy",
        "UpdateReplacePolicy",
    }
)


@dataclass(frozen=True, slots=True)
class Created:
    """What a resource came to be: what `Ref` yields, and what `Fn::GetAtt` yields."""

    ref: str
    attributes: Mapping[str, Json] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Workshop:
    """What creators work with. `client` gives boto3 clients aimed at the front door."""

    name: str
    surroundings: Surroundings
    client: Clients
    lambdas: LambdaService
    code: Callable[[str], Path]
    environment: Mapping[str, str]

    def physical_name(self, logical_id: str) -> str:
        """Return the name of a resource that the template does not name; stable, lower case."""
        digest = hashlib.sha256(f"{self.name}/{logical_id}".encode()).hexdigest()[:8]
        return f"{self.name}-{logical_id}-{digest}".lower()[:63]

    def register(self, spec: FunctionSpec) -> None:
        """Hand a function to Lambda; it is code on this disk, so no API call can carry it."""
        self.lambdas.register(spec)


Creator = Callable[[Workshop, str, Mapping[str, Json]], Created]


@dataclass(frozen=True, slots=True)
class ResourceType:
    """How one CloudFormation type is made here, and which of its properties are known.

    `every_start` marks what lives in memory only and is made anew at each start.
    """

    properties: frozenset[str]
    create: Creator
    every_start: bool = False


def check(template: Mapping[str, Json], types: Mapping[str, ResourceType]) -> None:
    """Refuse what the local cloud does not know, before anything is made.

    Raises TemplateError naming the section, type or property.
    """
    _refuse("The template", set(template) - _TOP_LEVEL)
    for logical_id, resource in template["Resources"].items():
        _refuse(f"Resource {logical_id}", set(resource) - _RESOURCE)
        kind = types.get(resource["Type"])
        if kind is None:
            raise TemplateError(
                f"Template format error: Unrecognized resource types: [{resource['Type']}] "
                f"({logical_id}). The local cloud knows {', '.join(sorted(types))}."
            )
        unknown = set(resource.get("Properties", {})) - kind.properties
        if unknown:
            raise TemplateError(
                f"Properties validation failed for resource {logical_id}: "
                f"extraneous key [{', '.join(sorted(unknown))}] is not known for {resource['Type']}"
            )


def _refuse(where: str, unknown: set[str]) -> None:
    if unknown:
        raise TemplateError(f"{where} has unknown members: {', '.join(sorted(unknown))}.")


def in_order(resources: Mapping[str, Json]) -> list[str]:
    """Return the logical ids so that each comes after all it depends on.

    Raises TemplateError for a circle and for a dependency that does not exist.
    """
    needs = {}
    for logical_id, resource in resources.items():
        declared = resource.get("DependsOn", [])
        named = {declared} if isinstance(declared, str) else set(declared)
        if named - set(resources):
            raise TemplateError(
                f"Unresolved resource dependencies {sorted(named - set(resources))}."
            )
        needs[logical_id] = named | (references(resource.get("Properties", {})) & set(resources))
    ordered: list[str] = []
    while needs:
        ready = sorted(name for name, wanted in needs.items() if wanted <= set(ordered))
        if not ready:
            raise TemplateError(f"Circular dependency between resources: {sorted(needs)}.")
        ordered += ready
        for name in ready:
            del needs[name]
    return ordered


class Stack:
    """One template applied to the local cloud, remembering what it has made."""

    def __init__(self, workshop: Workshop, types: Mapping[str, ResourceType]) -> None:
        """Open the stack's memory in the data directory."""
        self._workshop = workshop
        self._types = types
        self._file = workshop.surroundings.folder("template") / f"{workshop.name}.json"
        self._made: dict[str, Json] = (
            json.loads(self._file.read_text()) if self._file.exists() else {}
        )

    def apply(self, template: Mapping[str, Json], values: Mapping[str, str]) -> dict[str, Json]:
        """Make what the template lists, change what changed, and return its outputs."""
        check(template, self._types)
        surroundings = self._workshop.surroundings
        pseudo = {
            "AWS::Region": surroundings.region,
            "AWS::AccountId": surroundings.account_id,
            "AWS::Partition": "aws",
            "AWS::URLSuffix": "amazonaws.com",
            "AWS::StackName": self._workshop.name,
            "AWS::StackId": surroundings.arn(
                "cloudformation", f"stack/{self._workshop.name}/local"
            ),
        }
        scope = Scope(template, {**values, **pseudo})
        resources = {
            name: resource
            for name, resource in template["Resources"].items()
            if "Condition" not in resource or scope.condition(resource["Condition"])
        }
        for logical_id in in_order(resources):
            self._make(scope, logical_id, resources[logical_id])
        self._mention_leftovers(resources)
        outputs = template.get("Outputs", {})
        return {name: scope.resolve(output["Value"]) for name, output in outputs.items()}

    def _make(self, scope: Scope, logical_id: str, resource: Mapping[str, Json]) -> None:
        kind = self._types[resource["Type"]]
        properties = scope.resolve(resource.get("Properties", {}))
        fingerprint = hashlib.sha256(
            json.dumps(
                [resource["Type"], properties, self._workshop.surroundings.endpoint_url],
                sort_keys=True,
            ).encode()
        ).hexdigest()
        made = self._made.get(logical_id)
        if made is None or made["fingerprint"] != fingerprint or kind.every_start:
            created = kind.create(self._workshop, logical_id, properties)
            made = {
                "fingerprint": fingerprint,
                "ref": created.ref,
                "attributes": dict(created.attributes),
            }
            self._made[logical_id] = made
            self._remember()
        scope.add(logical_id, made["ref"], made["attributes"])

    def _remember(self) -> None:
        draft = self._file.with_suffix(".new")
        draft.write_text(json.dumps(self._made))
        draft.replace(self._file)

    def _mention_leftovers(self, resources: Mapping[str, Json]) -> None:
        for logical_id in sorted(set(self._made) - set(resources)):
            _log.warning("%s is no longer in the template; what it made is left", logical_id)
