"""Intrinsic functions, parameters and conditions.

https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/intrinsic-function-reference.html
"""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Mapping
from typing import Any

from localcloud.template.errors import TemplateError

Json = Any
NO_VALUE = object()
"""What `AWS::NoValue` resolves to; members and properties that have it are left out."""

_PLACEHOLDER = re.compile(r"\$\{([^}!][^}]*)\}|\$\{!([^}]*)\}")


class Scope:
    """The names that a template's expressions may use, filled as resources come to be."""

    def __init__(self, template: Mapping[str, Json], values: Mapping[str, str]) -> None:
        """Take parameter `values` (and defaults) and the pseudo parameters among them."""
        self._conditions = template.get("Conditions", {})
        self._mappings = template.get("Mappings", {})
        self._refs: dict[str, Json] = {"AWS::NoValue": NO_VALUE, **_parameters(template, values)}
        self._attributes: dict[str, Mapping[str, Json]] = {}

    def add(self, logical_id: str, ref: Json, attributes: Mapping[str, Json]) -> None:
        """Make a created resource known."""
        self._refs[logical_id] = ref
        self._attributes[logical_id] = attributes

    def condition(self, name: str) -> bool:
        """Tell whether the condition `name` holds."""
        if name not in self._conditions:
            raise TemplateError(f"Unresolved condition dependency {name}.")
        return bool(self.resolve(self._conditions[name]))

    def resolve(self, value: Json) -> Json:
        """Return `value` with every intrinsic function replaced by what it yields."""
        if isinstance(value, dict):
            if len(value) == 1:
                name, argument = next(iter(value.items()))
                if name == "Ref":
                    return self._ref(argument)
                if name == "Condition" and isinstance(argument, str):
                    return self.condition(argument)
                if name.startswith("Fn::"):
                    return self._function(name, argument)
            resolved = {key: self.resolve(item) for key, item in value.items()}
            return {key: item for key, item in resolved.items() if item is not NO_VALUE}
        if isinstance(value, list):
            items = [self.resolve(item) for item in value]
            return [item for item in items if item is not NO_VALUE]
        return value

    def _ref(self, name: str) -> Json:
        if name not in self._refs:
            raise TemplateError(f"Unresolved resource dependency {name}.")
        return self._refs[name]

    def _function(self, name: str, argument: Json) -> Json:
        function = _FUNCTIONS.get(name)
        if function is None:
            raise TemplateError(f"The local cloud does not know the intrinsic function {name}.")
        return function(self, argument)

    def get_att(self, argument: Json) -> Json:
        """Fn::GetAtt, as a list or as `Resource.Attribute`."""
        logical_id, _, attribute = (
            argument.partition(".") if isinstance(argument, str) else (argument[0], "", argument[1])
        )
        known = self._attributes.get(logical_id)
        if known is None:
            raise TemplateError(f"Unresolved resource dependency {logical_id}.")
        if attribute not in known:
            raise TemplateError(
                f"{logical_id} has no attribute {attribute}; it has {', '.join(sorted(known))}."
            )
        return known[attribute]

    def sub(self, argument: Json) -> str:
        """Fn::Sub, with or without a map of further names."""
        text, extra = (argument, {}) if isinstance(argument, str) else argument
        names = {key: self.resolve(item) for key, item in extra.items()}

        def replaced(found: re.Match[str]) -> str:
            name, literal = found.groups()
            if literal is not None:
                return f"${{{literal}}}"
            if name in names:
                return str(names[name])
            return str(self.get_att(name) if "." in name else self._ref(name))

        return _PLACEHOLDER.sub(replaced, text)

    def find_in_map(self, argument: Json) -> Json:
        """Fn::FindInMap."""
        top, first, second = (self.resolve(item) for item in argument)
        try:
            return self._mappings[top][first][second]
        except KeyError as error:
            raise TemplateError(f"Mappings has no {top}.{first}.{second}.") from error

    def choose(self, argument: Json) -> Json:
        """Fn::If; only the branch taken is resolved."""
        name, then, otherwise = argument
        return self.resolve(then if self.condition(name) else otherwise)


def _parameters(template: Mapping[str, Json], values: Mapping[str, str]) -> dict[str, Json]:
    declared = template.get("Parameters", {})
    found: dict[str, Json] = {k: v for k, v in values.items() if k.startswith("AWS::")}
    for name, parameter in declared.items():
        if name not in values and "Default" not in parameter:
            raise TemplateError(f"Parameters: [{name}] must have values.")
        value = values.get(name, parameter.get("Default"))
        allowed = parameter.get("AllowedValues")
        if allowed and value not in allowed:
            raise TemplateError(f"Parameter {name} must be one of {allowed}, not {value!r}.")
        found[name] = value
    return found


def _split(scope: Scope, argument: Json) -> list[str]:
    separator, text = argument[0], scope.resolve(argument[1])
    return str(text).split(separator)


def _select(scope: Scope, argument: Json) -> Json:
    index, items = int(scope.resolve(argument[0])), scope.resolve(argument[1])
    if not 0 <= index < len(items):
        raise TemplateError(f"Fn::Select index {index} is outside a list of {len(items)}.")
    return items[index]


_FUNCTIONS: Mapping[str, Callable[[Scope, Json], Json]] = {
    "Fn::GetAtt": lambda scope, argument: scope.get_att(argument),
    "Fn::Sub": lambda scope, argument: scope.sub(argument),
    "Fn::Join": lambda scope, a: str(a[0]).join(str(i) for i in scope.resolve(a[1])),
    "Fn::Split": _split,
    "Fn::Select": _select,
    "Fn::FindInMap": lambda scope, argument: scope.find_in_map(argument),
    "Fn::If": lambda scope, argument: scope.choose(argument),
    "Fn::Equals": lambda scope, a: scope.resolve(a[0]) == scope.resolve(a[1]),
    "Fn::Not": lambda scope, a: not scope.resolve(a[0]),
    "Fn::And": lambda scope, a: all(scope.resolve(item) for item in a),
    "Fn::Or": lambda scope, a: any(scope.resolve(item) for item in a),
    "Fn::Base64": lambda scope, a: base64.b64encode(str(scope.resolve(a)).encode()).decode(),
}


def references(value: Json) -> set[str]:
    """Return every name that `value` refers to, whether resource, parameter or pseudo."""
    if isinstance(value, list):
        return set().union(*map(references, value))
    if not isinstance(value, dict):
        return set()
    found: set[str] = set()
    for key, item in value.items():
        if key == "Ref" and isinstance(item, str):
            found.add(item)
        elif key == "Fn::GetAtt":
            found.add(item.partition(".")[0] if isinstance(item, str) else item[0])
        elif key == "Fn::Sub":
            text, extra = (item, {}) if isinstance(item, str) else item
            names = {m.group(1).partition(".")[0] for m in _PLACEHOLDER.finditer(text) if m[1]}
            found |= (names - set(extra)) | references(extra)
        else:
            found |= references(item)
    return found
