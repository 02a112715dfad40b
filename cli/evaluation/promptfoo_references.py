"""References within promptfoo's configuration: `$ref`, mostly to `assertionTemplates`.

https://www.promptfoo.dev/docs/configuration/guide/#reusing-assertions-with-templates-and-references
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cli.failures import UsageError

REF = "$ref"
MAX_DEPTH = 40


def with_references(value: Any, root: Mapping[str, Any], depth: int = 0) -> Any:
    """Return a value with what it refers to in the place of each `{"$ref": "#/a/b"}`.

    Keys beside `$ref` take the place of those of what it refers to, such as another weight.

    Args:
        value: the configuration, or a part of it.
        root: the configuration, which references begin at.
        depth: how deep the value lies, references counted.

    Raises:
        UsageError: a reference leads nowhere, to another file, or back to itself.
    """
    if depth > MAX_DEPTH:
        raise UsageError(f"The configuration is deeper than {MAX_DEPTH}, or a {REF} leads back.")
    if isinstance(value, Mapping):
        own = {
            key: with_references(each, root, depth + 1) for key, each in value.items() if key != REF
        }
        if REF not in value:
            return own
        target = with_references(_referred(value[REF], root), root, depth + 1)
        if not own:
            return target
        if not isinstance(target, Mapping):
            raise UsageError(f"{REF} {value[REF]} is no mapping, and so takes no {min(own)}.")
        return {**target, **own}
    if isinstance(value, list):
        return [with_references(each, root, depth + 1) for each in value]
    return value


def _referred(reference: Any, root: Mapping[str, Any]) -> Any:
    """Return what a JSON pointer (RFC 6901) stands for."""
    if not isinstance(reference, str) or not reference.startswith("#/"):
        raise UsageError(
            f"{REF} {reference} leads out of the file, which is not read; write what it stands for "
            "into this file, and refer to it as #/assertionTemplates/NAME."
        )
    found: Any = root
    for part in reference.removeprefix("#/").split("/"):
        key = part.replace("~1", "/").replace("~0", "~")
        if isinstance(found, Mapping) and key in found:
            found = found[key]
        elif isinstance(found, list) and key.isdecimal() and int(key) < len(found):
            found = found[int(key)]
        else:
            known = ", ".join(map(str, found)) if isinstance(found, Mapping) else "none"
            raise UsageError(f"{REF} {reference}: there is no {key}; there are {known}.")
    return found
