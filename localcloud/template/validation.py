"""What may stand in a template, and in which order its resources come to be."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from graphlib import CycleError, TopologicalSorter
from typing import Any, Protocol

from infra.cloudformation.errors import TemplateError
from infra.cloudformation.intrinsics import references

Json = Any

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
"""The two policies say what a deletion keeps; nothing is ever deleted here, so they hold."""


class PropertyRules(Protocol):
    """Which properties a CloudFormation type has here, and which it must have."""

    @property
    def known(self) -> frozenset[str]: ...

    @property
    def required(self) -> frozenset[str]: ...


def check_template(template: Mapping[str, Json], types: Mapping[str, PropertyRules]) -> None:
    """Refuse what the local cloud does not know, before anything is made.

    Raises TemplateError naming the section, type or property.
    """
    _refuse("The template", set(template) - _TOP_LEVEL)
    resources = template.get("Resources")
    if not isinstance(resources, dict) or not resources:
        raise TemplateError("Template format error: At least one Resources member must be defined.")
    for logical_id, resource in resources.items():
        _check_resource(logical_id, resource, types)


def _check_resource(logical_id: str, resource: Json, types: Mapping[str, PropertyRules]) -> None:
    if not isinstance(resource, dict) or not isinstance(resource.get("Type"), str):
        raise TemplateError(
            f"Template format error: [/Resources/{logical_id}] Every Resources object must "
            "contain a Type member."
        )
    _refuse(f"Resource {logical_id}", set(resource) - _RESOURCE)
    name, properties = resource["Type"], resource.get("Properties", {})
    kind = types.get(name)
    if kind is None:
        raise TemplateError(
            f"Template format error: Unrecognized resource types: [{name}] "
            f"({logical_id}). The local cloud knows {', '.join(sorted(types))}."
        )
    failed = f"Properties validation failed for resource {logical_id}: "
    if not isinstance(properties, dict):
        raise TemplateError(f"{failed}Properties must be an object.")
    unknown = sorted(set(properties) - kind.known)
    if unknown:
        raise TemplateError(
            f"{failed}extraneous key [{', '.join(unknown)}] is not known for {name}."
        )
    missing = sorted(kind.required - set(properties))
    if missing:
        raise TemplateError(f"{failed}required key [{', '.join(missing)}] not found.")


def _refuse(where: str, unknown: set[str]) -> None:
    if unknown:
        raise TemplateError(f"{where} has unknown members: {', '.join(sorted(unknown))}.")


def creation_order(resources: Mapping[str, Json], declared: Iterable[str]) -> list[str]:
    """Return the ids of `resources` so that each comes after all it depends on.

    `declared` are all ids of the template; a DependsOn on one whose condition does not hold
    is left aside, as CloudFormation does. Raises TemplateError for a circle and for a
    DependsOn that names nothing.
    """
    known = set(declared)
    graph: TopologicalSorter[str] = TopologicalSorter()
    for logical_id, resource in resources.items():
        named = resource.get("DependsOn", [])
        wanted = {named} if isinstance(named, str) else set(named)
        if wanted - known:
            raise TemplateError(
                f"Template format error: Unresolved resource dependencies "
                f"[{', '.join(sorted(wanted - known))}] in the Resources block of the template."
            )
        graph.add(
            logical_id, *(wanted | references(resource.get("Properties", {}))) & set(resources)
        )
    try:
        graph.prepare()
    except CycleError as error:
        names = ", ".join(sorted(set(error.args[1])))
        raise TemplateError(f"Circular dependency between resources: [{names}]") from error
    ordered: list[str] = []
    while graph.is_active():
        ready = sorted(graph.get_ready())
        ordered += ready
        graph.done(*ready)
    return ordered
