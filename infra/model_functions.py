"""The stage's functions that run models, put in where the template says `!Ref ModelFunctions`.

Which they are, `models/served.json` says. In a policy it stands for their ARNs, elsewhere for what
the catalogue and Lambda call each: `generate_image=headrace-local-generate-image …`. So one more
function takes a resource of its own and an entry in that file, and nothing at those who ask it.
"""

from __future__ import annotations

from typing import Any

from chalicelib.generation.model_file import served_models
from chalicelib.generation.models import FunctionBackend

_MARK = {"Ref": "ModelFunctions"}


def model_functions() -> tuple[str, ...]:
    """Return what the catalogue calls the functions, in the order of the file."""
    backends = [model.backend for model in served_models().models.values()]
    names = [each.function for each in backends if isinstance(each, FunctionBackend)]
    return tuple(dict.fromkeys(names))


def logical_id(function: str) -> str:
    """Return what the template calls the function that the catalogue calls `function`."""
    return "".join(word.capitalize() for word in function.split("_"))


def name_functions(template: Any) -> None:
    """Replace each `!Ref ModelFunctions`, anywhere in `template`."""
    places = enumerate(template) if isinstance(template, list) else list(template.items())
    for place, found in places:
        if found == _MARK:
            template[place] = _arns() if place == "Resource" else _names()
        elif isinstance(found, dict | list):
            name_functions(found)


def _arns() -> list[dict[str, Any]]:
    return [{"Fn::GetAtt": [logical_id(each), "Arn"]} for each in model_functions()]


def _names() -> dict[str, str]:
    return {"Fn::Sub": " ".join(f"{each}=${{{logical_id(each)}}}" for each in model_functions())}
