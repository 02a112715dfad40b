"""Invoices, statements, forms, receipts and contracts as PDF, with the truth of every value."""

from models.datasets.business_documents.documents import KINDS, documents, draw_document
from models.datasets.business_documents.generated_document import (
    GeneratedDocument,
    TrueList,
    TruePlace,
    TrueValue,
)
from models.datasets.business_documents.scans import scanned

__all__ = [
    "KINDS",
    "GeneratedDocument",
    "TrueList",
    "TruePlace",
    "TrueValue",
    "documents",
    "draw_document",
    "scanned",
]
