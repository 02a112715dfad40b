"""The part of Jinja's language that prompt templates may use, as a list of what is allowed.

Output, `if`, `for`, `set` of a plain name, comparisons, arithmetic, slices, `range`, `loop`,
and our
own filters and tests. Everything else (macros, includes, attributes, calls, blocks, powers, joining
by `~`) is refused with its line when a prompt is saved, so that a template cannot reach Python even
before the sandbox has to refuse anything.
https://jinja.palletsprojects.com/en/stable/templates/
"""

from __future__ import annotations

import inspect
import math
import re
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any, cast

from jinja2 import Environment, nodes
from jinja2.exceptions import TemplateSyntaxError

from chalicelib.contracts.prompts import MAX_INTEGER, MAX_TEMPLATE_CHARACTERS
from chalicelib.errors import InvalidInput

MAX_NODES = 5_000
MAX_DEPTH = 40
MAX_NESTED_LOOPS = 4
LOOP = ("index", "index0", "revindex", "revindex0", "first", "last", "length")
RESERVED = frozenset(
    {"loop", "range", "true", "false", "none", "and", "or", "not", "is", "in", "if", "else"}
    | {"elif", "for", "endfor", "endif", "set", "self", "answer", "varargs", "kwargs", "caller"}
    | {"context", "environment", "missing", "recursive", "import", "with", "without"}
)
"""Names with a meaning of their own, in templates or beside them."""
_HALF = re.compile("[\\ud800-\\udfff]")

_PLAIN = (
    *(nodes.Template, nodes.Output, nodes.TemplateData, nodes.If, nodes.CondExpr, nodes.Compare),
    *(nodes.Operand, nodes.And, nodes.Or, nodes.Not, nodes.Neg, nodes.Pos, nodes.Add, nodes.Sub),
    *(nodes.Mul, nodes.Div, nodes.FloorDiv, nodes.Mod, nodes.Getitem, nodes.Slice, nodes.Keyword),
)
_REFUSALS: Mapping[type[nodes.Node], str] = {
    nodes.Concat: "`~` is not part of the language; put pieces side by side: {{ a }}{{ b }}",
    nodes.Pow: "`**` is not part of the language",
    nodes.AssignBlock: "`set` takes one expression here",
    nodes.Dict: "there are no dictionaries here",
    nodes.Macro: "macros are not part of the language",
    nodes.CallBlock: "`call` is not part of the language",
    nodes.Include: "a template includes no other",
    nodes.Import: "a template imports nothing",
    nodes.FromImport: "a template imports nothing",
    nodes.Extends: "a template extends no other",
    nodes.Block: "`block` is not part of the language",
    nodes.FilterBlock: "a filter stands behind a value: {{ value|filter }}",
}


def parse_template(source: str, environment: Environment, field: str) -> nodes.Template:
    """Return the template's syntax tree.

    Raises:
        InvalidInput: it is too large, is not valid Jinja, or uses what is not allowed; the message
            names the line.
    """
    if len(source) > MAX_TEMPLATE_CHARACTERS:
        raise InvalidInput(
            f"The template has {len(source)} characters; at most {MAX_TEMPLATE_CHARACTERS} can be.",
            field=field,
            limit=str(MAX_TEMPLATE_CHARACTERS),
        )
    try:
        tree = environment.parse(source)
    except TemplateSyntaxError as error:
        raise InvalidInput(f"Line {error.lineno}: {error.message}", field=field) from error
    except RecursionError as error:
        raise _too_deep(1, field) from error
    except ValueError as error:  # Python reads no whole number of more than 4,300 digits
        raise InvalidInput("A number of the template has too many digits.", field=field) from error
    for node, line in _walk(tree, field):
        complaint = _refusal(node, environment)
        if complaint:
            raise InvalidInput(f"Line {line}: {complaint}.", field=field)
    return tree


def check_names(tree: nodes.Template, known: Collection[str], field: str) -> None:
    """Raise `InvalidInput` if the template uses a name that it neither knows nor sets.

    The message names the line.
    """
    own = {name.name for name in tree.find_all(nodes.Name) if name.ctx == "store"}
    for name in tree.find_all(nodes.Name):
        if name.ctx == "store" and name.name in known:
            raise InvalidInput(
                f"Line {name.lineno}: {name.name!r} is a variable; a template does not set it.",
                field=field,
            )
        if name.name not in own and name.name not in known and name.name not in ("loop", "range"):
            listed = ", ".join(sorted(known)) or "none"
            raise InvalidInput(
                f"Line {name.lineno}: there is no variable {name.name!r}; known are {listed}.",
                field=field,
            )


def find_name(tree: nodes.Template, names: Collection[str]) -> tuple[str, int] | None:
    """Return the first of `names` that the template uses, and its line, or None."""
    found = (name for name in tree.find_all(nodes.Name) if name.name in names)
    return next(((name.name, name.lineno) for name in found), None)


def _walk(tree: nodes.Template, field: str) -> Iterator[tuple[nodes.Node, int]]:
    """Yield every node with its line, without recursion, because the depth is being checked.

    Some nodes have no line; theirs is that of their parent.
    """
    waiting: list[tuple[nodes.Node, int, int, int]] = [(tree, 1, 0, 0)]
    seen = 0
    while waiting:
        node, above, depth, loops = waiting.pop()
        line = node.lineno or above
        seen += 1
        loops += isinstance(node, nodes.For)
        if depth > MAX_DEPTH:
            raise _too_deep(line, field)
        if loops > MAX_NESTED_LOOPS:
            raise InvalidInput(
                f"Line {line}: loops stand within loops more than {MAX_NESTED_LOOPS} deep.",
                field=field,
                limit=str(MAX_NESTED_LOOPS),
            )
        if seen > MAX_NODES:
            raise InvalidInput(
                f"The template has more than {MAX_NODES} parts.", field=field, limit=str(MAX_NODES)
            )
        yield node, line
        within = [(child, line, depth + 1, loops) for child in node.iter_child_nodes()]
        waiting += reversed(within)


def _too_deep(line: int, field: str) -> InvalidInput:
    return InvalidInput(
        f"Line {line}: what stands within one another goes more than {MAX_DEPTH} deep.",
        field=field,
        limit=str(MAX_DEPTH),
    )


def _refusal(node: nodes.Node, environment: Environment) -> str:
    """Return why the node is not allowed, "" if it is; its children are checked on their own."""
    if isinstance(node, nodes.Filter):
        return _refuse_arguments(node, "filter", environment.filters)
    if isinstance(node, nodes.Test):
        tests = cast("Mapping[str, Callable[..., Any]]", environment.tests)
        return _refuse_arguments(node, "test", tests)
    rule = _RULES.get(type(node))
    if rule is not None:
        return rule(node)
    if isinstance(node, _PLAIN):
        return ""
    return _REFUSALS.get(type(node), f"{type(node).__name__} is not part of the language")


def _refuse_arguments(
    node: nodes.Filter | nodes.Test, kind: str, known: Mapping[str, Callable[..., Any]]
) -> str:
    """Return why a filter or test is refused: it is unknown, or takes other arguments.

    Two parameters of each are not given by a template: the value, and the account of characters.
    """
    if node.name not in known:
        listed = ", ".join(sorted(name for name in known if name.isidentifier()))
        return f"there is no {kind} {node.name!r}; there are {listed}"
    if node.dyn_args is not None or node.dyn_kwargs is not None:
        return f"the {kind} {node.name} takes its arguments one by one"
    parameters = [*inspect.signature(known[node.name]).parameters.values()][2:]
    # They are keywords, which is more than Jinja's own types know.
    named = {each.key: each.value for each in cast("list[nodes.Keyword]", node.kwargs)}
    try:
        inspect.Signature(parameters).bind(*node.args, **named)
    except TypeError:
        listed = ", ".join(each.name for each in parameters) or "nothing"
        return f"the {kind} {node.name} takes {listed}"
    return ""


def _refuse_name(node: Any) -> str:
    is_taken = node.ctx == "store" and node.name in RESERVED
    return f"{node.name!r} cannot be set" if is_taken else ""


def _refuse_constant(node: Any) -> str:
    value = node.value
    if isinstance(value, str):
        return "half of a surrogate pair is no character" if _HALF.search(value) else ""
    if not isinstance(value, (int, float)):
        return ""
    fits = abs(value) <= MAX_INTEGER if isinstance(value, int) else math.isfinite(value)
    return "" if fits else f"whole numbers go up to {MAX_INTEGER}, others to 1.7e308"


def _refuse_loop(node: Any) -> str:
    if node.recursive:
        return "a loop cannot be recursive"
    return "" if isinstance(node.target, nodes.Name) else "a loop gives one plain name"


def _refuse_assignment(node: Any) -> str:
    return "" if isinstance(node.target, nodes.Name) else "`set` takes one plain name"


def _refuse_list(node: Any) -> str:
    plain = all(isinstance(each, nodes.Const) for each in node.items)
    return "" if plain else "a list in a template holds constants only"


def _refuse_call(node: Any) -> str:
    named = isinstance(node.node, nodes.Name) and node.node.name == "range"
    others = node.kwargs or node.dyn_args is not None or node.dyn_kwargs is not None
    return "" if named and not others else "nothing can be called but range"


def _refuse_attribute(node: Any) -> str:
    if isinstance(node.node, nodes.Name) and node.node.name == "loop" and node.attr in LOOP:
        return ""
    return f"there is no attribute {node.attr!r}; only loop has some: {', '.join(LOOP)}"


_RULES: Mapping[type[nodes.Node], Callable[[Any], str]] = {
    nodes.Name: _refuse_name,
    nodes.Const: _refuse_constant,
    nodes.For: _refuse_loop,
    nodes.Assign: _refuse_assignment,
    nodes.List: _refuse_list,
    nodes.Tuple: _refuse_list,
    nodes.Call: _refuse_call,
    nodes.Getattr: _refuse_attribute,
}
