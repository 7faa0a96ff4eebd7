"""Reports as CSV: RFC 4180, UTF-8, a header, one line a row."""

import csv
from io import StringIO
from typing import Final

from api.dialects.masetra.report_document import Cell, Document

#: With these a spreadsheet takes a text for a formula; the full-width ones it reads as the others.
_RUN: Final = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")


def rendered(it: Document) -> bytes:
    """Return the first sheet: it has every figure."""
    sheet = it.sheets[0]
    text = StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(map(harmless, sheet.header))
    writer.writerows(map(harmless, row) for row in sheet.rows)
    return text.getvalue().encode()


def harmless(cell: Cell) -> Cell:
    """Return a cell that no spreadsheet runs."""
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(_RUN) else cell
