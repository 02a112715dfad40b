"""What is measured or risked in a process of its own."""

from __future__ import annotations

import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pypdfium2
import pytest
from fpdf import FPDF

from tests.cloud import PROJECT

MEBIBYTE = 1024
"""Kibibytes, in which Linux counts memory."""
MORE_FOR_MORE_PAGES = 8 * MEBIBYTE

PEAK = """
import sys
from pathlib import Path
from functions.read_document.pdf import pdf_document
from tests.data.formats.read_hostile import peak
path, pages = Path(sys.argv[1]), int(sys.argv[2])
assert pdf_document.plan(path).pages == pages
for first in range(1, pages + 1, 25):
    assert len(pdf_document.read_pages(path, first, first + 24).pages) == 25
print(peak())
"""


def test_300_pdfs_that_went_wrong_are_read_or_refused() -> None:
    outcomes = run("-m", "tests.data.formats.mutate_pdfs", "0", "300").split()
    assert len(outcomes) == 300
    assert set(outcomes) <= {"read", "InvalidInput", "Unsupported", "ModelFailure"}
    assert outcomes.count("read") > 100


def test_250_pages_take_hardly_more_memory_than_25(tmp_path: Path) -> None:
    few, many = (peak(tmp_path, pages) for pages in (25, 250))
    assert many < few + MORE_FOR_MORE_PAGES


def test_neither_the_reader_nor_the_handler_loads_what_only_recognising_needs() -> None:
    script = (
        "import sys\n"
        "import functions.read_document.pdf.pdf_document, functions.recognise_pages.handler\n"
        "print(sorted({'rapidocr', 'cv2', 'onnxruntime'} & set(sys.modules)))\n"
    )
    assert run("-c", script).strip() == "[]"


def peak(folder: Path, pages: int) -> int:
    """Return the kibibytes that a process held at most that read a PDF of so many pages."""
    path = folder / f"{pages}.pdf"
    one = FPDF()
    one.set_font("helvetica", size=11)
    one.add_page()
    one.multi_cell(w=0, text="On this page the river is high and the gates are open. " * 40)
    # Each page is an object of its own; laying out the text of each would take 12 seconds.
    source, made = pypdfium2.PdfDocument(bytes(one.output())), pypdfium2.PdfDocument.new()
    with closing(source), closing(made):
        made.import_pages(source, [0] * pages)
        made.save(path)
    return int(run("-c", PEAK, str(path), str(pages)))


def run(*arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, *arguments], cwd=PROJECT, capture_output=True, text=True, timeout=110
    )
    if done.returncode:
        pytest.fail(f"the process ended with {done.returncode}:\n{done.stdout}\n{done.stderr}")
    return done.stdout
