"""Templates checked and compiled once, and rendered within bounds any number of times."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from types import CodeType, TracebackType
from typing import TYPE_CHECKING, Final, cast

from jinja2 import Template, nodes
from jinja2.exceptions import TemplateError
from jinja2.visitor import NodeTransformer

from chalicelib.errors import HeadraceError, InvalidInput
from chalicelib.prompting.budget import Budget
from chalicelib.prompting.language import check_names, parsed
from chalicelib.prompting.sandbox import EACH, SLICE, Sandbox

if TYPE_CHECKING:
    from chalicelib.prompting.fencing import Value

_FILE = "<template>"
_NO_BUDGET: Final = Budget(0, 0, 0)
"""Of the sandbox that only parses and compiles."""


@dataclass(frozen=True, slots=True)
class Rendered:
    """The text of a template, and how many fenced pieces are in it."""

    text: str
    fences: int


@dataclass(frozen=True, slots=True)
class Compiled:
    """A template that was checked; rendering it again costs no parsing.

    `field` is where it stands, for errors.
    """

    field: str
    code: CodeType
    tree: nodes.Template

    @property
    def names(self) -> frozenset[str]:
        """Return the names that the template speaks of."""
        return frozenset(name.name for name in self.tree.find_all(nodes.Name))

    def render(
        self,
        values: Mapping[str, Value],
        fence: str,
        *,
        fenced_in: bool = True,
        budget: Budget | None = None,
    ) -> Rendered:
        """Return the text. Raises `InvalidInput`, which names the line."""
        sandbox = Sandbox(budget or Budget(), fence, fenced_in=fenced_in)
        template = Template.from_code(sandbox, self.code, dict(sandbox.globals))
        context = template.new_context(dict(values), shared=False)
        try:
            text = _joined(template.root_render_func(context), sandbox)
        except HeadraceError as error:
            raise self._at(template, error, error.message, error.limit) from error
        except (TemplateError, ArithmeticError, LookupError, TypeError, ValueError) as error:
            raise self._at(template, error, str(error), None) from error
        return Rendered(text, sandbox.fences)

    def _at(
        self, template: Template, error: Exception, message: str, limit: str | None
    ) -> InvalidInput:
        line = _line(template, error.__traceback__)
        return InvalidInput(f"Line {line}: {message}.", field=self.field, limit=limit)


def compiled(source: str, field: str, known: Collection[str]) -> Compiled:
    """Return the template at `field`, which may speak of `known` names.

    Raises:
        InvalidInput: it is no template, or uses what is not allowed; the line is named.
    """
    sandbox = Sandbox(_NO_BUDGET)
    tree = parsed(source, sandbox, field)
    check_names(tree, known, field)
    counted = _Counting(sandbox).visit(parsed(source, sandbox, field))
    code = sandbox.compile(counted, filename=_FILE)
    return Compiled(field, code, tree)


class _Counting(NodeTransformer):
    """Puts the filters of ours where Jinja would let Python go on without asking the sandbox."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox

    def visit_For(self, node: nodes.For) -> nodes.Node:  # noqa: N802 - Jinja's name
        """Let the rounds of a loop be counted."""
        node.iter = self._filter(cast("nodes.Expr", node.iter), EACH, [], node.lineno)
        return self.generic_visit(node)

    def visit_Getitem(self, node: nodes.Getitem) -> nodes.Node:  # noqa: N802
        """Let a slice be made by the sandbox."""
        within = self.generic_visit(node)
        if not isinstance(node.arg, nodes.Slice):
            return within
        ends = [
            end or nodes.Const(None, lineno=node.lineno, environment=self._sandbox)
            for end in (node.arg.start, node.arg.stop, node.arg.step)
        ]
        return self._filter(node.node, SLICE, ends, node.lineno)

    def _filter(
        self, value: nodes.Expr, name: str, given: list[nodes.Expr], line: int
    ) -> nodes.Filter:
        return nodes.Filter(
            value, name, given, [], None, None, lineno=line, environment=self._sandbox
        )


def _joined(pieces: Iterable[str], sandbox: Sandbox) -> str:
    """Return the pieces as one text, in which fences have lines of their own."""
    out: list[str] = []
    behind_fence = False
    for piece in pieces:
        sandbox.budget.write(len(piece))
        if not piece:
            continue
        begins = sandbox.fenced_in and piece.startswith(sandbox.fence)
        joins = bool(out) and not out[-1].endswith("\n") and not piece.startswith("\n")
        if joins and (begins or behind_fence):
            out.append("\n")
        out.append(piece)
        behind_fence = begins
    return "".join(out)


def _line(template: Template, traceback: TracebackType | None) -> int:
    """Return the line of the template in which an error was raised, 1 where none is known."""
    line = 1
    while traceback is not None:
        if traceback.tb_frame.f_code.co_filename == _FILE:
            line = template.get_corresponding_lineno(traceback.tb_lineno)
        traceback = traceback.tb_next
    return line
