from __future__ import annotations

from chalicelib.contracts.ingest import Page
from functions.read_document.extraction import extract
from functions.read_document.file_types.detection import identify_by_magika
from functions.read_document.text.yaml_paths import MIN_LINES, yaml_page


def headings(page: Page) -> list[tuple[str, str]]:
    """Return the line at each heading, and the heading."""
    return [(page.text[at:].split("\n", 1)[0].strip(), trail) for at, trail in page.headings]


def values(indent: str, count: int = MIN_LINES) -> str:
    return "".join(f"{indent}value{number}: {number}\n" for number in range(count))


def test_large_mappings_should_have_their_path_as_heading() -> None:
    text = (
        "name: plant\nturbines:\n  north:\n" + values("    ") + "  # The old one.\n"
        "  south:\n" + values("    ") + "  crew: 4\nsmall:\n  a: 1\nlast: 2\n"
    )
    page = yaml_page(text)
    assert page.text == text.rstrip("\n")
    assert headings(page) == [
        ("turbines:", "turbines › north"),  # noqa: RUF001
        ("# The old one.", "turbines › south"),  # noqa: RUF001
        ("crew: 4", "turbines"),
        ("small:", ""),
    ]


def test_lists_at_the_indent_of_their_key_should_be_below_it() -> None:
    text = "steps:\n" + "- run: make\n  shell: sh\n" * MIN_LINES + "after: 1\n"
    assert headings(yaml_page(text)) == [("steps:", "steps"), ("after: 1", "")]


def test_block_texts_should_have_no_keys() -> None:
    lines = "".join(f"    note: {number}\n" for number in range(MIN_LINES))
    text = "script: |\n  inner:\n" + lines + "\n  end\nnext: 1\n"
    assert headings(yaml_page(text)) == []


def test_templates_should_be_read_as_well() -> None:
    text = "{{- if .Values.on }}\nspec:\n" + values("  ") + "{{- end }}\n"
    assert headings(yaml_page(text))[0] == ("spec:", "spec")


def test_a_file_should_be_read_by_its_suffix() -> None:
    data = ("plant:\n" + values("  ")).encode()
    (page,) = extract(data, "plant.yaml", identify_by_magika).pages
    assert headings(page) == [("plant:", "plant")]


def test_deep_nesting_should_be_bounded() -> None:
    text = "".join(f"{' ' * depth}k{depth}:\n" for depth in range(3_000))
    page = yaml_page(text)
    assert all(len(trail) <= 200 for _, trail in page.headings)
