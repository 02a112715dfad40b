"""Manual pages and Python's documentation, as judged collections read them."""

from __future__ import annotations

import gzip
from pathlib import Path

from models.judged_search import manpages, python_docs

STRTOK = r"""'\" t
.\" A comment.
.TH strtok 3 2024-06-16
.SH NAME
strtok, strtok_r \- extract tokens from strings
.SH SYNOPSIS
.B #include <string.h>
.SH DESCRIPTION
The
.BR strtok ()
function breaks a \fIstring\fP into "tokens" \" see below
.P
.I delim
names the delimiters, as in
.IR "char *" strtok (3).
.SH BUGS
Be cautious.
"""
FAQ = """\
==================
Design and History
==================

.. contents::
   :local:

Why are Python strings immutable?
---------------------------------

There are several advantages. One is :ref:`performance <speed>`: knowing that a string
is *immutable* means that ``len()`` of it is known, and space can be laid out at once.

.. index:: single: storage

Another is that strings are as elemental as numbers, says :func:`~builtins.str`.

Too short
---------

Nothing.
"""


def test_a_page_is_what_it_is_for_and_its_description(tmp_path: Path) -> None:
    folder = tmp_path / "man3"
    folder.mkdir()
    (folder / "strtok.3.gz").write_bytes(gzip.compress(STRTOK.encode()))
    (folder / "strtok_r.3.gz").write_bytes(gzip.compress(STRTOK.encode()))
    (page,) = manpages.pages(tmp_path)
    assert (page.id, page.purpose) == ("strtok.3", "extract tokens from strings")
    assert page.text == (
        'The strtok() function breaks a string into "tokens"\n\n'
        "delim names the delimiters, as in char *strtok(3)."
    )


def test_a_question_of_the_faq_has_the_text_below_it(tmp_path: Path) -> None:
    folder = tmp_path / "faq"
    folder.mkdir()
    (folder / "design.rst.txt").write_text(FAQ, "utf-8")
    (section,) = python_docs.sections(tmp_path)
    assert section.is_question
    assert section.title == "Why are Python strings immutable?"
    assert section.text.startswith("There are several advantages. One is performance: knowing")
    assert section.text.endswith(
        "Another is that strings are as elemental as numbers, says builtins.str."
    )
