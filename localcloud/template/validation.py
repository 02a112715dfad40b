"""Checks of a template before anything is created, and the order in which resources are."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from graphlib import CycleError, TopologicalSorter
from typing import Any, Protocol

from infra.cloudformation.errors import TemplateError
from infra.cloudformation.intrinsics import references

Json = Any

_TEMPLATE_MEMBERS = frozenset(
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
_RESOURCE_MEMBERS = frozenset(
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
"""The two policies say what a deletion keeps. Nothing is ever deleted here, so they hold."""


class PropertyRules(Protocol):
    """The properties that a CloudFormation type has here, and those that it requires."""

    @property
    def known(self) -> frozenset[str]: ...

    @property
    def required(self) -> frozenset[str]: ...


def check_template(template: Mapping[str, Json], types: Mapping[str, PropertyRules]) -> None:
    """Check that the local cloud knows every section, type and property of a template.

    Raises:
        TemplateError: It does not; the message names the section, type or property.
    """
    _check_members("The template", set(template) - _TEMPLATE_MEMBERS)
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
    _check_members(f"Resource {logical_id}", set(resource) - _RESOURCE_MEMBERS)
    name, properties = resource["Type"], resource.get("Properties", {})
    rules = types.get(name)
    if rules is None:
        raise TemplateError(
            f"Template format error: Unrecognized resource types: [{name}] "
            f"({logical_id}). The local cloud knows {', '.join(sorted(types))}."
        )
    prefix = f"Properties validation failed for resource {logical_id}: "
    if not isinstance(properties, dict):
        raise TemplateError(f"{prefix}Properties must be an object.")
    unknown = sorted(set(properties) - rules.known)
    if unknown:
        raise TemplateError(
            f"{prefix}extraneous key [{', '.join(unknown)}] is not known for {name}."
        )
    missing = sorted(rules.required - set(properties))
    if missing:
        raise TemplateError(f"{prefix}required key [{', '.join(missing)}] not found.")


def _check_members(where: str, unknown: set[str]) -> None:
    if unknown:
        raise TemplateError(f"{where} has unknown members: {', '.join(sorted(unknown))}.")


def creation_order(resources: Mapping[str, Json], declared: Iterable[str]) -> list[str]:
    """Return the logical ids of `resources`, each after all that it depends on.

    Args:
        resources: The resources whose conditions hold, by logical id.
        declared: All logical ids of the template. As in CloudFormation, a DependsOn on one
            whose condition does not hold is ignored.

    Raises:
        TemplateError: There is a circle, or a DependsOn names nothing.
    """
    declared_ids = set(declared)
    graph: TopologicalSorter[str] = TopologicalSorter()
    for logical_id, resource in resources.items():
        depends_on = resource.get("DependsOn", [])
        explicit = {depends_on} if isinstance(depends_on, str) else set(depends_on)
        if explicit - declared_ids:
            raise TemplateError(
                f"Template format error: Unresolved resource dependencies "
                f"[{', '.join(sorted(explicit - declared_ids))}] in the Resources block of the "
                "template."
            )
        dependencies = explicit | references(resource.get("Properties", {}))
        graph.add(logical_id, *dependencies & set(resources))
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
