"""reStructuredText is read without its marks, and what it defines stays together."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.documents.pages import Block, page_of
from functions.read_document.text import plain_text, rst
from functions.read_document.text.drawn_tables import drawn_table

DOCUMENT = """\
======
 Pump
======

.. A remark that nobody sees.
.. _weight: https://example.org/

The *pump* of `the mill <https://example.org>`_ weighs ``41 kg``, see :ref:`its page <page>`,
:class:`~mill.Pump` and weight_. Not 2*3*4 or *.py [1]_.

Use
===

Run this::

  start --now

.. note:: Only at night.

.. code-block:: yaml
   :linenos:

   # rate
   rate: 3

.. option:: -v, --verbose

   Says more.

.. versionadded:: 2.1

.. image:: a.png
   :alt: The pump from above

.. [1] As measured.
"""


def test_should_be_read_as_it_is_seen() -> None:
    assert rst.blocks(DOCUMENT) == [
        Block("Pump", 1),
        Block(
            "The pump of the mill weighs 41 kg, see its page,\n"
            "Pump and weight. Not 2*3*4 or *.py [1]."
        ),
        Block("Use", 2),
        Block("Run this:"),
        Block("    start --now"),
        Block("Note: Only at night."),
        Block("    # rate\n    rate: 3"),
        Block("-v, --verbose\n   Says more."),
        Block("New in version 2.1"),
        Block("The pump from above"),
        Block("[1] As measured."),
    ]


GRID = """\
+------+-------+
| Part | Count |
+======+=======+
| bolt | 12    |
| long |       |
+------+-------+
| both columns |
+------+-------+"""
SIMPLE = """\
=====  =====
Part   Count
=====  =====
bolt   12
       left
nut    7
=====  ====="""


@pytest.mark.parametrize("read", [rst.blocks, plain_text.blocks])
@pytest.mark.parametrize(
    ("drawn", "table"),
    [
        (GRID, "| Part | Count |\n| - | - |\n| bolt long | 12 |\n| both columns |  |"),
        (SIMPLE, "| Part | Count |\n| - | - |\n| bolt | 12 left |\n| nut | 7 |"),
    ],
)
def test_should_read_a_drawn_table_as_one(read: object, drawn: str, table: str) -> None:
    assert callable(read)
    assert read(f"Above.\n\n{drawn}\n\nBelow.") == [
        Block("Above."),
        Block(table, opens=True),
        Block("Below."),
    ]


@pytest.mark.parametrize(
    "text",
    ["+--+\n| a", "+--+--+\n| a   +--+\n|    | b |\n+--+--+", "== ==\na  b", "+--+\n+--+", "="],
)
def test_should_leave_what_is_no_regular_table_as_text(text: str) -> None:
    assert drawn_table(text.split("\n"), 0) is None
    assert [block.text for block in plain_text.blocks(text)] == [text]


MARKS = st.text(alphabet=st.sampled_from("a1 \n.:=-+|`*_[]<>\\~"), max_size=200)


@given(MARKS | st.text())
def test_should_read_any_text(text: str) -> None:
    page_of(1, rst.blocks(text))
    page_of(1, plain_text.blocks(text))


@pytest.mark.parametrize(
    "unit", ["`", "*a ", "== ==\n", "+-+\n", "| a |\n", ".. a::\n", "a_ ", "x::\n\n  y\n\n", "``a "]
)
def test_should_read_a_long_text_in_one_pass(unit: str) -> None:
    assert rst.blocks(unit * 20_000) is not None
