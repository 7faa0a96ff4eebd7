"""Reports as workbooks: typed cells, a chart, and what the report says of itself."""

from io import BytesIO
from typing import Any, Final

from api.dialects.masetra.report_document import Cell, Document, Sheet
from api.dialects.masetra.report_svg import BARS, LINE, legend, printable

#: Text is text, whatever it looks like; nothing is written to the disk on the way.
_OPTIONS: Final = {
    "in_memory": True,
    "strings_to_formulas": False,
    "strings_to_urls": False,
    "strings_to_numbers": False,
}
_WIDTHS: Final = (11, 40)


def rendered(it: Document) -> bytes:
    """Return the workbook: a sheet and a chart for each table, then one of what is to be said."""
    import xlsxwriter  # noqa: PLC0415 - a process that nobody asks for workbooks does not pay for them

    file = BytesIO()
    with xlsxwriter.Workbook(file, _OPTIONS) as book:
        book.set_properties({"title": printable(it.title)})
        formats = {
            "bold": book.add_format({"bold": True, "bg_color": "#E8EEF4", "bottom": 1}),
            "day": book.add_format({"num_format": "yyyy-mm-dd"}),
            "total": book.add_format({"bold": True, "top": 1}),
            "total day": book.add_format({"bold": True, "top": 1, "num_format": "yyyy-mm-dd"}),
        }
        for sheet in it.sheets:
            _table(book.add_worksheet(sheet.name), sheet, formats)
        for sheet in it.sheets:
            if sheet.plot is not None:
                _chart(book, sheet)
        about = book.add_worksheet("About")
        about.set_column(0, 1, 24)
        for number, (name, says) in enumerate([("Report", it.title), *it.notes]):
            about.write_string(number, 0, name, formats["bold"])
            about.write_string(number, 1, printable(says))
    return file.getvalue()


def _table(page: Any, sheet: Sheet, formats: dict[str, Any]) -> None:
    page.freeze_panes(1, 0)
    for place, name in enumerate(sheet.header):
        page.set_column(place, place, min(max(len(name) + 1, _WIDTHS[0]), _WIDTHS[1]))
        page.write_string(0, place, printable(name), formats["bold"])
    for number, row in enumerate(sheet.rows, 1):
        for place, cell in enumerate(row):
            _cell(page, number, place, cell, formats["day"], None)
    for place, cell in enumerate(sheet.total or ()):
        _cell(page, len(sheet.rows) + 1, place, cell, formats["total day"], formats["total"])


def _cell(page: Any, number: int, place: int, cell: Cell, day: Any, plain: Any) -> None:
    if cell in (None, ""):
        page.write_blank(number, place, None, plain)
    elif isinstance(cell, str):
        page.write_string(number, place, printable(cell), plain)
    elif isinstance(cell, int | float):
        page.write_number(number, place, cell, plain)
    else:
        page.write_datetime(number, place, cell, day)


def _chart(book: Any, sheet: Sheet) -> None:
    """Add a page with the chart of a sheet: columns, and a line over them."""
    plot = sheet.plot
    assert plot is not None  # noqa: S101 - asked of sheets that are drawn
    chart = book.add_chart({"type": "column"})
    for name, colour in zip(plot.columns, BARS, strict=True):
        chart.add_series({**_series(sheet, name, len(sheet.rows)), "fill": {"color": colour}})
    if plot.begun:  # Of days to come there is nothing that a line could show.
        chart.combine(_line(book, _series(sheet, plot.line, plot.begun)))
    chart.set_title({"name": plot.title, "name_font": {"size": 14}})
    chart.set_legend({"position": "bottom"})
    chart.set_x_axis({"num_format": "yyyy-mm-dd", "text_axis": True})
    chart.set_y_axis({"min": 0, "major_gridlines": {"visible": True, "line": {"color": "#D9D9D9"}}})
    book.add_chartsheet(f"{sheet.name} chart").set_chart(chart)


def _line(book: Any, series: dict[str, Any]) -> Any:
    line = book.add_chart({"type": "line"})
    marker = {"type": "circle", "size": 5, "fill": {"color": LINE}, "border": {"color": LINE}}
    line.add_series({**series, "line": {"color": LINE, "width": 2}, "marker": marker})
    return line


def _series(sheet: Sheet, name: str, last: int) -> dict[str, Any]:
    place = sheet.header.index(name)
    return {
        "name": legend(name),
        "categories": [sheet.name, 1, 0, last, 0],
        "values": [sheet.name, 1, place, last, place],
    }
