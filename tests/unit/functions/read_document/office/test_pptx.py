from __future__ import annotations

import pytest

from functions.read_document.office import pptx
from tests.unit.functions.read_document.office_files import changed

_A = "http://schemas.openxmlformats.org/drawingml/2006/main"
_P = "http://schemas.openxmlformats.org/presentationml/2006/main"
_MC = "http://schemas.openxmlformats.org/markup-compatibility/2006"


def slide(*shapes: str) -> tuple[str, tuple[str, ...]]:
    """Return the text of the first slide if it shows these shapes, and the notices."""
    xml = (
        f'<p:sld xmlns:p="{_P}" xmlns:a="{_A}" xmlns:mc="{_MC}"><p:cSld><p:spTree>'
        + "".join(shapes)
        + "</p:spTree></p:cSld></p:sld>"
    )
    read = pptx.extract(changed("induction.pptx", ppt__slides__slide1_xml=xml))
    return read.pages[0].text, read.notices


def shape(*paragraphs: str, placeholder: str = "") -> str:
    body = "".join(f"<a:p>{paragraph}</a:p>" for paragraph in paragraphs)
    properties = f"<p:nvSpPr><p:nvPr>{placeholder}</p:nvPr></p:nvSpPr>"
    return f"<p:sp>{properties}<p:txBody>{body}</p:txBody></p:sp>"


def run(text: str) -> str:
    return f"<a:r><a:t>{text}</a:t></a:r>"


def test_the_title_should_come_first_wherever_it_stands() -> None:
    title = shape(run("Pumps"), placeholder='<p:ph type="title"/>')
    assert slide(shape(run("text")), title)[0] == "Pumps\n\ntext"


def test_lists_should_be_told_from_paragraphs() -> None:
    none, dot = "<a:pPr><a:buNone/></a:pPr>", '<a:pPr><a:buChar char="•"/></a:pPr>'
    body = shape(run("one"), run("two"), none + run("plain"), placeholder='<p:ph idx="1"/>')
    free = shape(run("free"), dot + run("marked"))
    assert slide(body, free)[0] == "- one\n- two\n\nplain\n\nfree\n\n- marked"


def test_groups_and_alternatives_should_be_read_once_in_their_place() -> None:
    group = f"<p:grpSp>{shape(run('in a group'))}</p:grpSp>"
    either = (
        f"<mc:AlternateContent><mc:Choice>{shape(run('new'))}</mc:Choice>"
        f"<mc:Fallback>{shape(run('old'))}</mc:Fallback></mc:AlternateContent>"
    )
    assert slide(group, either, shape(run("last")))[0] == "in a group\n\nnew\n\nlast"


@pytest.mark.parametrize("kind", ["dt", "ftr", "sldNum"])
def test_what_stands_on_every_slide_should_be_left_out(kind: str) -> None:
    foot = shape(run("7"), placeholder=f'<p:ph type="{kind}"/>')
    assert slide(foot, shape(run("text")))[0] == "text"


def test_line_breaks_should_be_kept() -> None:
    assert slide(shape(run("a") + "<a:br/>" + run("b")))[0] == "a\nb"


def test_slides_of_pictures_should_be_said() -> None:
    text, notices = slide("<p:pic/>")
    assert text == ""
    assert "Nothing is read of slides that show pictures only: 1." in notices


def test_an_alternative_without_a_choice_should_be_nothing() -> None:
    assert slide("<mc:AlternateContent/>", shape(run("text")))[0] == "text"
