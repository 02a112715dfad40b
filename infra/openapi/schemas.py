"""JSON Schemas of the contracts, in OpenAPI 3.1's form."""

from __future__ import annotations

import functools
import inspect
import json
import re
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue, models_json_schema
from pydantic_core import core_schema

from infra.openapi.routes import field_texts

REFERENCE = "#/components/schemas/{model}"
_NAMED = re.compile(r"#/components/schemas/([\w.-]+)")


class _Schemas(GenerateJsonSchema):
    """Schema generator: an answer requires all fields except optional ones; no titles."""

    def field_is_required(
        self,
        field: core_schema.ModelField | core_schema.DataclassField | core_schema.TypedDictField,
        total: bool,
    ) -> bool:
        if self.mode == "serialization":
            return "serialization_exclude_if" not in field
        return super().field_is_required(field, total)

    def field_title_should_be_set(self, schema: Any) -> bool:
        return False

    def default_schema(self, schema: core_schema.WithDefaultSchema) -> JsonSchemaValue:
        result = super().default_schema(schema)
        if self.mode == "serialization" or result.get("default", ...) is None:
            result.pop("default", None)
        return result

    def model_schema(self, schema: core_schema.ModelSchema) -> JsonSchemaValue:
        result = super().model_schema(schema)
        result.pop("title", None)
        for name, text in _texts_of(schema["cls"]).items():
            field = result.get("properties", {}).get(name)
            if field is not None and "description" not in field:
                field["description"] = text
        return result


def schemas(
    taken: Collection[type[BaseModel]], given: Collection[type[BaseModel]]
) -> Mapping[str, Any]:
    """Return the schemas, by name, of models `taken` in requests and `given` in answers."""
    wanted = [
        *((model, "validation") for model in sorted(taken, key=lambda model: model.__name__)),
        *((model, "serialization") for model in sorted(given, key=lambda model: model.__name__)),
    ]
    _, document = models_json_schema(
        wanted,  # type: ignore[arg-type]
        ref_template=REFERENCE,
        schema_generator=_Schemas,
    )
    definitions: Mapping[str, Any] = document.get("$defs", {})
    names = {model.__name__ for model in (*taken, *given)}
    return {name: definitions[name] for name in sorted(_reached(definitions, names))}


def _reached(found: Mapping[str, Any], names: Collection[str]) -> set[str]:
    """Return `names`, and all names that they refer to."""
    reached: set[str] = set()
    waiting = [*names]
    while waiting:
        name = waiting.pop()
        if name not in reached:
            reached.add(name)
            waiting += _NAMED.findall(json.dumps(found[name]))
    return reached


def _texts_of(model: type[BaseModel]) -> Mapping[str, str]:
    """Return the descriptions of the fields of `model`, by their names in JSON."""
    texts: dict[str, str] = {}
    for each in reversed(model.__mro__):
        if issubclass(each, BaseModel) and each is not BaseModel:
            texts |= _module_texts(Path(inspect.getfile(each))).get(each.__name__, {})
    return {
        (field.serialization_alias or field.alias or name): texts[name]
        for name, field in model.model_fields.items()
        if name in texts
    }


_module_texts = functools.cache(field_texts)
