"""The part of Jinja's language that templates of prompts may use, as a list of what is allowed.

Output, `if`, `for`, `set` of a plain name, comparisons, arithmetic, slices, `range`, `loop`, and
the filters and tests of ours. What is not on the list (macros, includes, attributes, calls, blocks,
powers, joining by `~`) is refused when a prompt is saved, with its line: so nothing of Python is in
reach of a template before the sandbox has to refuse anything.
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
MAX_LOOPS_WITHIN = 4
LOOP = ("index", "index0", "revindex", "revindex0", "first", "last", "length")
RESERVED = frozenset(
    {"loop", "range", "true", "false", "none", "and", "or", "not", "is", "in", "if", "else"}
    | {"elif", "for", "endfor", "endif", "set", "self", "answer", "varargs", "kwargs", "caller"}
    | {"context", "environment", "missing", "recursive", "import", "with", "without"}
)
"""Names that mean something else, in templates or beside them."""
_HALF = re.compile("[\\ud800-\\udfff]")

_PLAIN = (
    *(nodes.Template, nodes.Output, nodes.TemplateData, nodes.If, nodes.CondExpr, nodes.Compare),
    *(nodes.Operand, nodes.And, nodes.Or, nodes.Not, nodes.Neg, nodes.Pos, nodes.Add, nodes.Sub),
    *(nodes.Mul, nodes.Div, nodes.FloorDiv, nodes.Mod, nodes.Getitem, nodes.Slice, nodes.Keyword),
)
_INSTEAD: Mapping[type[nodes.Node], str] = {
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


def parsed(source: str, environment: Environment, field: str) -> nodes.Template:
    """Return the template's tree.

    Raises:
        InvalidInput: it is too large, is no Jinja, or uses what is not allowed; the line is named.
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
        raise _deep(1, field) from error
    except ValueError as error:  # Python reads no whole number of more than 4,300 digits
        raise InvalidInput("A number of the template has too many digits.", field=field) from error
    for node, line in _walked(tree, field):
        complaint = _complaint(node, environment)
        if complaint:
            raise InvalidInput(f"Line {line}: {complaint}.", field=field)
    return tree


def check_names(tree: nodes.Template, known: Collection[str], field: str) -> None:
    """See that the template speaks of `known` names only, beside those that it sets itself.

    Raises `InvalidInput`, which names the line.
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


def line_of(tree: nodes.Template, names: Collection[str]) -> tuple[str, int] | None:
    """Return the first of `names` that the template speaks of, and its line, or None."""
    found = (name for name in tree.find_all(nodes.Name) if name.name in names)
    return next(((name.name, name.lineno) for name in found), None)


def _walked(tree: nodes.Template, field: str) -> Iterator[tuple[nodes.Node, int]]:
    """Yield every node with its line, without recursion of our own: the depth is what is checked.

    Some nodes know no line; theirs is that of what they stand in.
    """
    waiting: list[tuple[nodes.Node, int, int, int]] = [(tree, 1, 0, 0)]
    seen = 0
    while waiting:
        node, above, depth, loops = waiting.pop()
        line = node.lineno or above
        seen += 1
        loops += isinstance(node, nodes.For)
        if depth > MAX_DEPTH:
            raise _deep(line, field)
        if loops > MAX_LOOPS_WITHIN:
            raise InvalidInput(
                f"Line {line}: loops stand within loops more than {MAX_LOOPS_WITHIN} deep.",
                field=field,
                limit=str(MAX_LOOPS_WITHIN),
            )
        if seen > MAX_NODES:
            raise InvalidInput(
                f"The template has more than {MAX_NODES} parts.", field=field, limit=str(MAX_NODES)
            )
        yield node, line
        within = [(child, line, depth + 1, loops) for child in node.iter_child_nodes()]
        waiting += reversed(within)


def _deep(line: int, field: str) -> InvalidInput:
    return InvalidInput(
        f"Line {line}: what stands within one another goes more than {MAX_DEPTH} deep.",
        field=field,
        limit=str(MAX_DEPTH),
    )


def _complaint(node: nodes.Node, environment: Environment) -> str:
    """Return why the node is not allowed, "" where it is; what is in it is looked at by itself."""
    if isinstance(node, nodes.Filter):
        return _of_named(node, "filter", environment.filters)
    if isinstance(node, nodes.Test):
        tests = cast("Mapping[str, Callable[..., Any]]", environment.tests)
        return _of_named(node, "test", tests)
    rule = _RULES.get(type(node))
    if rule is not None:
        return rule(node)
    if isinstance(node, _PLAIN):
        return ""
    return _INSTEAD.get(type(node), f"{type(node).__name__} is not part of the language")


def _of_named(
    node: nodes.Filter | nodes.Test, kind: str, known: Mapping[str, Callable[..., Any]]
) -> str:
    """Look at a filter or a test: that there is one, and that it takes what it is given.

    Each has two parameters that a template does not give: the value, and what accounts for it.
    """
    if node.name not in known:
        listed = ", ".join(sorted(name for name in known if name.isidentifier()))
        return f"there is no {kind} {node.name!r}; there are {listed}"
    if node.dyn_args is not None or node.dyn_kwargs is not None:
        return f"the {kind} {node.name} takes its arguments one by one"
    takes = [*inspect.signature(known[node.name]).parameters.values()][2:]
    # They are keywords, which is more than Jinja's own types know.
    named = {each.key: each.value for each in cast("list[nodes.Keyword]", node.kwargs)}
    try:
        inspect.Signature(takes).bind(*node.args, **named)
    except TypeError:
        listed = ", ".join(each.name for each in takes) or "nothing"
        return f"the {kind} {node.name} takes {listed}"
    return ""


def _of_name(node: Any) -> str:
    is_taken = node.ctx == "store" and node.name in RESERVED
    return f"{node.name!r} cannot be set" if is_taken else ""


def _of_constant(node: Any) -> str:
    value = node.value
    if isinstance(value, str):
        return "half of a surrogate pair is no character" if _HALF.search(value) else ""
    if not isinstance(value, (int, float)):
        return ""
    fits = abs(value) <= MAX_INTEGER if isinstance(value, int) else math.isfinite(value)
    return "" if fits else f"whole numbers go up to {MAX_INTEGER}, others to 1.7e308"


def _of_loop(node: Any) -> str:
    if node.recursive:
        return "a loop cannot be recursive"
    return "" if isinstance(node.target, nodes.Name) else "a loop gives one plain name"


def _of_assignment(node: Any) -> str:
    return "" if isinstance(node.target, nodes.Name) else "`set` takes one plain name"


def _of_list(node: Any) -> str:
    plain = all(isinstance(each, nodes.Const) for each in node.items)
    return "" if plain else "a list in a template holds constants only"


def _of_call(node: Any) -> str:
    named = isinstance(node.node, nodes.Name) and node.node.name == "range"
    others = node.kwargs or node.dyn_args is not None or node.dyn_kwargs is not None
    return "" if named and not others else "nothing can be called but range"


def _of_attribute(node: Any) -> str:
    if isinstance(node.node, nodes.Name) and node.node.name == "loop" and node.attr in LOOP:
        return ""
    return f"there is no attribute {node.attr!r}; only loop has some: {', '.join(LOOP)}"


_RULES: Mapping[type[nodes.Node], Callable[[Any], str]] = {
    nodes.Name: _of_name,
    nodes.Const: _of_constant,
    nodes.For: _of_loop,
    nodes.Assign: _of_assignment,
    nodes.List: _of_list,
    nodes.Tuple: _of_list,
    nodes.Call: _of_call,
    nodes.Getattr: _of_attribute,
}
