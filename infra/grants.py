"""Table of the permissions of each role: `python -m infra.grants` writes it.

The table stands in `docs/permissions.md`; a test fails when the page differs.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from infra.synthesis.template import plain_template

PROJECT = Path(__file__).resolve().parent.parent
PAGE = PROJECT / "docs" / "permissions.md"
BEGIN, END = "<!-- grants: begin -->", "<!-- grants: end -->"
STAGE = "prod"
"""Stages differ in names alone, which the table leaves out."""

Template = Mapping[str, Any]

_ARN = re.compile(r"^arn:[^:]*:[^:]*:[^:]*:[^:]*:")
_NAME = re.compile(r"\$\{(?:AWS::)?(\w+)(?:\.\w+)?\}")


@dataclass(frozen=True, slots=True)
class GrantStatement:
    """One statement of the role of `owner`, the function or state machine that assumes it."""

    owner: str
    sid: str
    effect: str
    actions: tuple[str, ...]
    resources: tuple[str, ...]
    condition: str = ""


def owners(template: Template) -> dict[str, list[str]]:
    """Return the functions and state machines that assume each role, by its logical id."""
    owners_by_role: dict[str, list[str]] = {
        name: []
        for name, resource in template["Resources"].items()
        if resource["Type"] == "AWS::IAM::Role"
    }
    for name, resource in template["Resources"].items():
        properties = resource.get("Properties", {})
        given = properties.get("Role", properties.get("RoleArn"))
        role = given.get("Fn::GetAtt", [""])[0] if isinstance(given, Mapping) else ""
        if role in owners_by_role:
            owners_by_role[role].append(name)
    return owners_by_role


def statements(template: Template) -> Iterator[GrantStatement]:
    """Yield the statements of all roles, ordered by their owners.

    Statements under a condition are included: enabling the feature grants them.
    """
    named = owners(template)
    for role in sorted(named, key=lambda each: (named[each] or [each])[0]):
        owner = ", ".join(named[role]) or role
        for policy in _policies(template, role):
            for each in _unconditional(policy):
                for statement in _listed(each["PolicyDocument"]["Statement"]):
                    for given in _unconditional(statement):
                        yield _statement(owner, given)


def _policies(template: Template, role: str) -> Iterator[Any]:
    """Yield the policies of a role: its own, and those that are attached to it."""
    yield from template["Resources"][role]["Properties"].get("Policies", [])
    for resource in template["Resources"].values():
        added = resource["Type"] == "AWS::IAM::RolePolicy"
        if added and resource["Properties"]["RoleName"] == {"Ref": role}:
            yield resource["Properties"]


def _statement(owner: str, given: Mapping[str, Any]) -> GrantStatement:
    return GrantStatement(
        owner,
        str(given.get("Sid", "")),
        given["Effect"],
        tuple(str(action) for action in _listed(given["Action"])),
        tuple(
            text
            for each in _listed(given["Resource"])
            for text in map(describe_resource, _unconditional(each))
        ),
        _condition(given.get("Condition", {})),
    )


def _condition(block: Mapping[str, Any]) -> str:
    return "; ".join(
        f"{key} {operator} {', '.join(describe_resource(value) for value in _listed(values))}"
        for operator, keys in block.items()
        for key, values in keys.items()
    )


def _unconditional(value: Any) -> Iterator[Any]:
    """Yield all branches of an `Fn::If`, except `AWS::NoValue`."""
    if isinstance(value, Mapping) and "Fn::If" in value:
        for branch in value["Fn::If"][1:]:
            yield from _unconditional(branch)
    elif value != {"Ref": "AWS::NoValue"}:
        yield value


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def describe_resource(resource: Any) -> str:
    """Return a short form of a resource: logical ids for references, no account or region."""
    if isinstance(resource, Mapping):
        ((kind, value),) = resource.items()
        if kind == "Fn::Split":
            return describe_resource(value[1])
        if kind == "Fn::GetAtt":
            return str(value[0] if isinstance(value, list) else value.partition(".")[0])
        text = str(value[0] if isinstance(value, list) else value)
        return describe_resource(text) if kind == "Fn::Sub" else text
    return _NAME.sub(r"\1", _ARN.sub("", str(resource)))


def grant_table(template: Template) -> str:
    """Return the permissions as a Markdown table: owner, purpose, actions, resources."""
    lines = ["| function or machine | for | may | on |", "| --- | --- | --- | --- |"]
    before = ""
    for each in statements(template):
        owner = f"`{each.owner}`" if each.owner != before else ""
        before = each.owner
        actions = ", ".join(f"`{action}`" for action in each.actions)
        resources = ", ".join(f"`{resource}`" for resource in each.resources)
        only = f", only where {each.condition}" if each.condition else ""
        lines.append(f"| {owner} | {each.sid} | {actions} | {resources}{only} |")
    return "\n".join(lines)


def main(arguments: list[str] | None = None) -> int:
    """Write the table of `docs/permissions.md`."""
    parser = argparse.ArgumentParser(prog="python -m infra.grants", description=main.__doc__)
    parser.parse_args(arguments)
    text = PAGE.read_text()
    before, after = text.partition(BEGIN)[0], text.partition(END)[2]
    table = grant_table(plain_template(PROJECT, STAGE, "us-east-1"))
    PAGE.write_text(f"{before}{BEGIN}\n\n{table}\n\n{END}{after}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
