"""Sources of the template: `infra/template.yaml`, and the files in `infra/template/`.

`template.yaml` holds the parts of the whole: parameters, globals, outputs. A stage's resources lie
in one file per room; no two files may name the same one. Each is tagged with its room.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from infra.synthesis.transforms import tag_resources

Template = dict[str, Any]


class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """YAML loader with CloudFormation's short forms, as Chalice's own packaging reads it."""


def _long_form(loader: yaml.SafeLoader, name: str, node: yaml.Node) -> Template:
    """Return the long form of a short form such as `!GetAtt a.b`."""
    value: Any
    if isinstance(node, yaml.SequenceNode):
        value = loader.construct_sequence(node, deep=True)
    elif isinstance(node, yaml.MappingNode):
        value = loader.construct_mapping(node, deep=True)
    else:
        value = loader.construct_scalar(node)  # type: ignore[arg-type]  # there is no other kind
    if name == "GetAtt" and isinstance(value, str):
        value = value.split(".", 1)
    return {name if name in ("Ref", "Condition") else f"Fn::{name}": value}


_Loader.add_multi_constructor("!", _long_form)


def read_yaml(file: Path) -> Template:
    """Return the content of a template file; raise ValueError if it is not YAML."""
    try:
        read: Template = yaml.load(file.read_text(), _Loader)  # noqa: S506 - a SafeLoader
    except yaml.YAMLError as error:
        raise ValueError(f"{file} is not YAML: {error}") from error
    return read or {}


def files_of(project: Path) -> list[Path]:
    """Return the files of the template: `template.yaml` first, then the rooms by name."""
    return [
        project / "infra" / "template.yaml",
        *sorted((project / "infra" / "template").glob("*.yaml")),
    ]


def read_sources(project: Path) -> Template:
    """Return the whole SAM template of `project`, before Chalice's part is merged in.

    Addresses of state machines, relative to the file that names them, become absolute.

    Raises:
        ValueError: two files give the same name.
    """
    whole: Template = {}
    for file in files_of(project):
        read = read_yaml(file)
        _find_definitions(read, file)
        tag_resources(read.get("Resources") or {}, file.stem)
        for section, content in read.items():
            _add(whole, section, content, file)
    return whole


def _add(whole: Template, section: str, content: Any, file: Path) -> None:
    if not isinstance(content, dict):
        if section in whole:
            raise ValueError(f"{file}: {section} is given a second time.")
        whole[section] = content
        return
    twice = sorted(whole.setdefault(section, {}).keys() & content.keys())
    if twice:
        raise ValueError(f"{file}: {section} has a second {', '.join(twice)}.")
    whole[section].update(content)


def _find_definitions(template: Template, file: Path) -> None:
    for resource in (template.get("Resources") or {}).values():
        properties = resource.get("Properties", {})
        if resource["Type"] == "AWS::Serverless::StateMachine":
            properties["DefinitionUri"] = str((file.parent / properties["DefinitionUri"]).resolve())


def add_defaults(template: Template, project: Path, stage: str) -> None:
    """Set the parameter defaults that `infra/defaults.yaml` has for `stage`.

    Raises:
        ValueError: the template has no such parameter.
    """
    file = project / "infra" / "defaults.yaml"
    if not file.exists():
        return
    for name, value in read_yaml(file).get(stage, {}).items():
        if name not in template["Parameters"]:
            raise ValueError(f"{file}: {stage} has a default for {name}, which is no parameter.")
        template["Parameters"][name]["Default"] = value
