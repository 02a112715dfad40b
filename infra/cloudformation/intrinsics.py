"""CloudFormation's intrinsic functions and conditions, resolved for one template.

https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/intrinsic-function-reference.html
"""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Mapping
from typing import Any

from infra.cloudformation.errors import TemplateError
from infra.cloudformation.parameters import parameter_values

Json = Any
NO_VALUE = object()
"""The value of `AWS::NoValue`. Members and list items that resolve to it are left out."""

_PLACEHOLDER = re.compile(r"\$\{([^}!][^}]*)\}|\$\{!([^}]*)\}")
_CONDITIONS = frozenset({"Condition", "Fn::And", "Fn::Equals", "Fn::Not", "Fn::Or"})


def scalar_text(value: Json, where: str) -> str:
    """Return a scalar as CloudFormation renders it as text.

    `where` is the position of the value, for the error message.

    Raises:
        TemplateError: The value is a list or a map.
    """
    if value is NO_VALUE:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if not isinstance(value, str | int | float):
        raise TemplateError(f"{where} needs text, not {type(value).__name__}.")
    return str(value)


class TemplateScope:
    """Resolver of template expressions against parameters, mappings and created resources."""

    def __init__(
        self, template: Mapping[str, Json], values: Mapping[str, str], pseudo: Mapping[str, str]
    ) -> None:
        """Read the template's parameters, conditions and mappings.

        Args:
            template: The whole template.
            values: Parameter values by name; defaults fill in the rest.
            pseudo: Pseudo parameters such as `AWS::Region`.

        Raises:
            TemplateError: A parameter is missing, not declared, or not allowed.
        """
        self._conditions = template.get("Conditions", {})
        self._mappings = template.get("Mappings", {})
        parameters = parameter_values(template.get("Parameters", {}), values)
        self._refs: dict[str, Json] = {"AWS::NoValue": NO_VALUE, **pseudo, **parameters}
        self._attributes: dict[str, Mapping[str, Json]] = {}
        self._pending_conditions: list[str] = []

    def add_resource(self, logical_id: str, ref: Json, attributes: Mapping[str, Json]) -> None:
        """Add a created resource, so that `Ref` and `Fn::GetAtt` can refer to it."""
        self._refs[logical_id] = ref
        self._attributes[logical_id] = attributes

    def condition_holds(self, name: str) -> bool:
        """Return whether a condition of the template holds.

        Raises:
            TemplateError: The condition is not declared, malformed, or depends on itself.
        """
        if name not in self._conditions:
            raise TemplateError(f"Unresolved condition dependency {name}.")
        if name in self._pending_conditions:
            raise TemplateError(
                f"Circular dependency between conditions: {[*self._pending_conditions, name]}."
            )
        self._pending_conditions.append(name)
        try:
            return self._evaluate(self._conditions[name])
        finally:
            self._pending_conditions.pop()

    def _evaluate(self, expression: Json) -> bool:
        single = isinstance(expression, dict) and len(expression) == 1
        name, argument = next(iter(expression.items())) if single else ("", "")
        if name == "Condition":
            return self.condition_holds(argument)
        if name == "Fn::Equals":
            left, right = (self.resolve(item) for item in _list(name, argument, 2, 2))
            return bool(_comparable(left) == _comparable(right))
        if name == "Fn::Not":
            return not self._evaluate(_list(name, argument, 1, 1)[0])
        if name in ("Fn::And", "Fn::Or"):
            results = [self._evaluate(item) for item in _list(name, argument, 2, 10)]
            return all(results) if name == "Fn::And" else any(results)
        raise TemplateError(
            f"A condition is one of {', '.join(sorted(_CONDITIONS))}, not {expression!r}."
        )

    def resolve(self, value: Json) -> Json:
        """Return `value` with every intrinsic function replaced by its result.

        Raises:
            TemplateError: A function is unknown or malformed, or names something unknown.
        """
        if isinstance(value, dict):
            if len(value) == 1:
                name, argument = next(iter(value.items()))
                if name == "Ref":
                    return self._ref(argument)
                if name.startswith("Fn::"):
                    return self._function(name, argument)
            resolved = {key: self.resolve(item) for key, item in value.items()}
            return {key: item for key, item in resolved.items() if item is not NO_VALUE}
        if isinstance(value, list):
            items = [self.resolve(item) for item in value]
            return [item for item in items if item is not NO_VALUE]
        return value

    def _ref(self, name: Json) -> Json:
        if not isinstance(name, str) or name not in self._refs:
            raise TemplateError(f"Unresolved resource dependency {name}.")
        return self._refs[name]

    def _function(self, name: str, argument: Json) -> Json:
        if name in _CONDITIONS:
            raise TemplateError(f"{name} belongs in Conditions; name its condition in an Fn::If.")
        function = _FUNCTIONS.get(name)
        if function is None:
            raise TemplateError(
                f"The local cloud does not know the intrinsic function {name}; "
                f"it knows Ref, {', '.join(sorted({*_FUNCTIONS, *_CONDITIONS}))}."
            )
        return function(self, argument)

    def get_att(self, argument: Json) -> Json:
        """Return the result of Fn::GetAtt, written as a list or as `Resource.Attribute`."""
        if isinstance(argument, str):
            logical_id, _, attribute = argument.partition(".")
        else:
            logical_id, attribute = _list("Fn::GetAtt", argument, 2, 2)
        attribute = self.resolve(attribute)
        known = self._attributes.get(logical_id)
        if known is None:
            raise TemplateError(f"Unresolved resource dependency {logical_id}.")
        if attribute not in known:
            raise TemplateError(
                f"{logical_id} has no attribute {attribute}; "
                f"it has {', '.join(sorted(known)) or 'none'}."
            )
        return known[attribute]

    def sub(self, argument: Json) -> str:
        """Return the result of Fn::Sub, with or without a map of further names."""
        template, extra = _sub_parts(argument)
        names = {key: self.resolve(item) for key, item in extra.items()}

        def replacement(found: re.Match[str]) -> str:
            name, literal = found.groups()
            if literal is not None:
                return f"${{{literal}}}"
            if name in names:
                return scalar_text(names[name], f"Fn::Sub of {name}")
            value = self.get_att(name) if "." in name else self._ref(name)
            return scalar_text(value, f"Fn::Sub of {name}")

        return _PLACEHOLDER.sub(replacement, template)

    def join(self, argument: Json) -> str:
        """Return the result of Fn::Join."""
        separator, items = _list("Fn::Join", argument, 2, 2)
        resolved = self.resolve(items)
        if not isinstance(separator, str) or not isinstance(resolved, list):
            raise TemplateError("Fn::Join takes a separator and a list.")
        return separator.join(scalar_text(item, "Fn::Join") for item in resolved)

    def split(self, argument: Json) -> list[str]:
        """Return the result of Fn::Split."""
        separator, source = _list("Fn::Split", argument, 2, 2)
        if not isinstance(separator, str) or not separator:
            raise TemplateError("Fn::Split takes a separator, which is not empty.")
        return scalar_text(self.resolve(source), "Fn::Split").split(separator)

    def select(self, argument: Json) -> Json:
        """Return the result of Fn::Select."""
        index, items = (self.resolve(item) for item in _list("Fn::Select", argument, 2, 2))
        if not re.fullmatch(r"\d+", str(index)) or not isinstance(items, list):
            raise TemplateError("Fn::Select takes a number from 0 and a list.")
        if int(index) >= len(items):
            raise TemplateError(f"Fn::Select index {index} is outside a list of {len(items)}.")
        return items[int(index)]

    def find_in_map(self, argument: Json) -> Json:
        """Return the result of Fn::FindInMap."""
        keys = [self.resolve(item) for item in _list("Fn::FindInMap", argument, 3, 3)]
        top, first, second = (scalar_text(key, "Fn::FindInMap") for key in keys)
        try:
            return self._mappings[top][first][second]
        except KeyError as error:
            raise TemplateError(f"Mappings has no {top}.{first}.{second}.") from error

    def if_(self, argument: Json) -> Json:
        """Return the result of Fn::If; the other branch is not resolved."""
        name, then, otherwise = _list("Fn::If", argument, 3, 3)
        return self.resolve(then if self.condition_holds(name) else otherwise)

    def base64(self, argument: Json) -> str:
        """Return the result of Fn::Base64."""
        return base64.b64encode(scalar_text(self.resolve(argument), "Fn::Base64").encode()).decode()


_FUNCTIONS: Mapping[str, Callable[[TemplateScope, Json], Json]] = {
    "Fn::Base64": TemplateScope.base64,
    "Fn::FindInMap": TemplateScope.find_in_map,
    "Fn::GetAtt": TemplateScope.get_att,
    "Fn::If": TemplateScope.if_,
    "Fn::Join": TemplateScope.join,
    "Fn::Select": TemplateScope.select,
    "Fn::Split": TemplateScope.split,
    "Fn::Sub": TemplateScope.sub,
}


def _list(name: str, argument: Json, min_length: int, max_length: int) -> list[Json]:
    if not isinstance(argument, list) or not min_length <= len(argument) <= max_length:
        size = str(min_length) if min_length == max_length else f"{min_length} to {max_length}"
        raise TemplateError(f"{name} takes a list of {size}, not {argument!r}.")
    return argument


def _comparable(value: Json) -> Json:
    """Return a number or boolean as a parameter's text; return other values unchanged."""
    return scalar_text(value, "Fn::Equals") if isinstance(value, bool | int | float) else value


def _sub_parts(argument: Json) -> tuple[str, Mapping[str, Json]]:
    template, extra = (
        (argument, {}) if isinstance(argument, str) else _list("Fn::Sub", argument, 2, 2)
    )
    if not isinstance(template, str) or not isinstance(extra, dict):
        raise TemplateError("Fn::Sub takes text, or a list of text and a map.")
    return template, extra


def references(value: Json) -> set[str]:
    """Return every name that `value` refers to: resources, parameters and pseudo parameters."""
    if isinstance(value, list):
        return set().union(*map(references, value))
    if not isinstance(value, dict):
        return set()
    found: set[str] = set()
    for key, item in value.items():
        if key == "Ref" and isinstance(item, str):
            found.add(item)
        elif key == "Fn::GetAtt" and isinstance(item, str):
            found.add(item.partition(".")[0])
        elif key == "Fn::GetAtt" and isinstance(item, list):
            found |= {part for part in item[:1] if isinstance(part, str)} | references(item[1:])
        elif key == "Fn::Sub":
            template, extra = _sub_parts(item)
            names = {m[1].partition(".")[0] for m in _PLACEHOLDER.finditer(template) if m[1]}
            found |= (names - set(extra)) | references(extra)
        else:
            found |= references(item)
    return found
