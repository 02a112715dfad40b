"""Pages as Markdown: what a page has is kept, and nothing else becomes a mark."""

from __future__ import annotations

import pytest
from markdown_it import MarkdownIt

from chalicelib.documents.markdown import code_markdown, page_markdown
from chalicelib.documents.pages import Block, page_of
from chalicelib.documents.tables import table_blocks


def test_should_write_headings_tables_and_lists() -> None:
    table = table_blocks([["Month", "Days"], ["May | June", "31 *"]])
    page = page_of(
        1,
        [
            Block("Water", 1),
            Block("Gates", 2),
            Block("- One\n• Two\n3) Three"),
            *table,
            Block("End"),
        ],
    )
    assert page_markdown(page.text, page.headings) == (
        "# Water\n\n## Gates\n\n- One\n- Two\n3) Three\n\n"
        "| Month | Days |\n| - | - |\n| May \\| June | 31 \\* |\n\nEnd"
    )


def test_should_write_a_heading_within_a_paragraph() -> None:
    text = "Above\nPumps\nBelow\nPumps"
    headings = [(6, "Manual › Pumps")]  # noqa: RUF001 - as trails are written
    assert page_markdown(text, headings) == "Above\n\n## Pumps\n\nBelow\nPumps"
    assert page_markdown(text[6:], headings, 6) == "## Pumps\n\nBelow\nPumps"


@pytest.mark.parametrize(
    "text",
    [
        "<script>alert(1)</script>",
        "[a](javascript:alert(1)) ![b](http://example.org/b.png)",
        "# no heading",
        "+ ",
        "===",
        "---",
        "*a* _b_ `c` ~~d~~ &lt; \\*",
        "2011.",
        "    indented",
        "> quoted",
        "a | b",
    ],
)
def test_should_show_everything_else_as_it_is(text: str) -> None:
    markdown = page_markdown(f"Before\n\n{text}", [])
    tokens = MarkdownIt("gfm-like", {"linkify": False}).parse(markdown)
    inline = [token for token in tokens if token.type == "inline"]
    shown = "".join(child.content for token in inline for child in token.children or ())
    assert shown == f"Before{text.strip()}"
    assert {token.type for token in tokens} == {"paragraph_open", "inline", "paragraph_close"}
    kinds = {child.type for token in inline for child in token.children or ()}
    assert kinds <= {"text", "text_special"}


def test_should_fence_code_whatever_it_holds() -> None:
    assert code_markdown("a = '````'", "python") == "`````python\na = '````'\n`````"
    assert code_markdown("x", "c") == "```c\nx\n```"
