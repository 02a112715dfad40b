"""Templates, checked and compiled once, and rendered within limits any number of times."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from types import CodeType, TracebackType
from typing import TYPE_CHECKING, Final, cast

from jinja2 import Template, nodes
from jinja2.exceptions import TemplateError
from jinja2.visitor import NodeTransformer

from chalicelib.errors import HeadraceError, InvalidInput
from chalicelib.prompts.language import check_names, parse_template
from chalicelib.prompts.sandbox import COUNT_ROUNDS, SLICE, RenderBudget, Sandbox

if TYPE_CHECKING:
    from chalicelib.prompts.variables import Value

_FILE = "<template>"
_NO_BUDGET: Final = RenderBudget(0, 0, 0)
"""The budget of the sandbox that only parses and compiles."""


@dataclass(frozen=True, slots=True)
class RenderedText:
    """The text of a template, and the number of fenced pieces in it."""

    text: str
    fences: int


@dataclass(frozen=True, slots=True)
class CompiledTemplate:
    """A checked template, which renders again without parsing; `field` is its place, for errors."""

    field: str
    code: CodeType
    tree: nodes.Template

    @property
    def names(self) -> frozenset[str]:
        """Return the names that the template uses."""
        return frozenset(name.name for name in self.tree.find_all(nodes.Name))

    def render(
        self,
        values: Mapping[str, Value],
        fence: str,
        *,
        fenced_in: bool = True,
        budget: RenderBudget | None = None,
    ) -> RenderedText:
        """Return the text; raise `InvalidInput`, which names the line."""
        sandbox = Sandbox(budget or RenderBudget(), fence, fenced_in=fenced_in)
        template = Template.from_code(sandbox, self.code, dict(sandbox.globals))
        context = template.new_context(dict(values), shared=False)
        try:
            text = _join_pieces(template.root_render_func(context), sandbox)
        except HeadraceError as error:
            raise self._at(template, error, error.message, error.limit) from error
        except (TemplateError, ArithmeticError, LookupError, TypeError, ValueError) as error:
            raise self._at(template, error, str(error), None) from error
        return RenderedText(text, sandbox.fences)

    def _at(
        self, template: Template, error: Exception, message: str, limit: str | None
    ) -> InvalidInput:
        line = _template_line(template, error.__traceback__)
        return InvalidInput(f"Line {line}: {message}.", field=self.field, limit=limit)


def compile_template(source: str, field: str, known: Collection[str]) -> CompiledTemplate:
    """Return the template at `field`, which may use the names in `known`.

    Raises:
        InvalidInput: it is not valid, or uses what is not allowed; the message names the line.
    """
    sandbox = Sandbox(_NO_BUDGET)
    tree = parse_template(source, sandbox, field)
    check_names(tree, known, field)
    counted = _CountingTransformer(sandbox).visit(parse_template(source, sandbox, field))
    code = sandbox.compile(counted, filename=_FILE)
    return CompiledTemplate(field, code, tree)


class _CountingTransformer(NodeTransformer):
    """Inserts our filters where Jinja would let Python continue without the sandbox."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox

    def visit_For(self, node: nodes.For) -> nodes.Node:  # noqa: N802 - Jinja's name
        """Have the rounds of a loop counted."""
        node.iter = self._filter(cast("nodes.Expr", node.iter), COUNT_ROUNDS, [], node.lineno)
        return self.generic_visit(node)

    def visit_Getitem(self, node: nodes.Getitem) -> nodes.Node:  # noqa: N802
        """Have a slice made by the sandbox."""
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


def _join_pieces(pieces: Iterable[str], sandbox: Sandbox) -> str:
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


def _template_line(template: Template, traceback: TracebackType | None) -> int:
    """Return the line of the template that raised an error, 1 if unknown."""
    line = 1
    while traceback is not None:
        if traceback.tb_frame.f_code.co_filename == _FILE:
            line = template.get_corresponding_lineno(traceback.tb_lineno)
        traceback = traceback.tb_next
    return line
