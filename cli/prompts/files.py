"""Prompt files: YAML whose plain scalars mean what they do in JSON.

YAML 1.1 reads `no` as false and a date as a date; here only `true`, `false`, `null` and numbers are
more than text (the core schema of YAML 1.2, https://yaml.org/spec/1.2.2/#103-core-schema).
"""

from __future__ import annotations

import re
from collections.abc import Hashable, Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from cli.failures import UsageError
from cli.output import Json

SUFFIXES = (".yaml", ".yml", ".json")
_WORDS = {
    "bool": (r"^(?:true|false)$", "tf"),
    "null": (r"^(?:null|)$", ["n", ""]),
    "int": (r"^-?(?:0|[1-9][0-9]*)$", "-0123456789"),
    "float": (r"^-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?$", "-0123456789"),
}


class _Loader(yaml.SafeLoader):
    """YAML loader that reads plain scalars as JSON does, and rejects duplicate keys."""

    yaml_implicit_resolvers: dict[str, Any] = {}  # noqa: RUF012 - as PyYAML declares it

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        seen: set[str] = set()
        for key, _ in node.value:
            if key.value in seen:
                raise yaml.constructor.ConstructorError(
                    None, None, f"the key {key.value!r} stands twice", key.start_mark
                )
            seen.add(key.value)
        return super().construct_mapping(node, deep)


for _name, (_pattern, _first) in _WORDS.items():
    _Loader.add_implicit_resolver(f"tag:yaml.org,2002:{_name}", re.compile(_pattern), list(_first))


class _Dumper(yaml.SafeDumper):
    """YAML dumper that writes texts of several lines as blocks."""


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    style = "|" if "\n" in text else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _text)


def prompt_files(path: Path) -> Iterator[Path]:
    """Yield the file, or the prompt files of the folder, by name.

    Raises:
        UsageError: there is none.
    """
    if not path.is_dir():
        yield path
        return
    files = sorted(each for each in path.rglob("*") if each.suffix in SUFFIXES and each.is_file())
    if not files:
        raise UsageError(f"{path} holds no prompts: no file ends in {', '.join(SUFFIXES)}.")
    yield from files


def read_prompt(file: Path) -> Json:
    """Return the prompt in a file; raise `UsageError` if it is not YAML or not a prompt."""
    content = read_yaml(file)
    if not isinstance(content, dict):
        raise UsageError(f"{file} is no prompt: it holds no keys.")
    return {"name": file.stem, **content}


def read_yaml(file: Path) -> Any:
    """Return the content of a YAML file; raise `UsageError`, which names the line."""
    try:
        return yaml.load(file.read_text(encoding="utf-8"), _Loader)  # noqa: S506 - a SafeLoader
    except OSError as error:
        raise UsageError(f"{file} cannot be read: {error.strerror}.") from error
    except (UnicodeDecodeError, yaml.YAMLError) as error:
        raise UsageError(f"{file} is no YAML in UTF-8: {error}") from error


def written(name: str, content: Json) -> str:
    """Return a version as a file that `prompts save` takes, without empty fields."""
    fields = {key: value for key, value in content.items() if value not in (None, "", [], {})}
    for key in ("parameters", "terms", "image", "verifier"):
        if key in fields:
            fields[key] = _without_empty(fields[key])
    if "variables" in fields:
        fields["variables"] = {
            variable: {"type": declared["type"], **_without_empty(declared, {"required": True})}
            for variable, declared in fields["variables"].items()
        }
    fields["turns"] = [_without_empty(turn, {"reasoning": False}) for turn in content["turns"]]
    return yaml.dump(
        {"name": name, **fields}, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=90
    )


def _without_empty(part: Json, usual: Mapping[str, Any] | None = None) -> Json:
    """Return the part without empty values and defaults."""
    unsaid = usual or {}
    return {
        key: value
        for key, value in part.items()
        if value not in (None, "", []) and (key not in unsaid or value != unsaid[key])
    }
