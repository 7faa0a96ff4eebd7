"""Reports as drawings: SVG that is whole in itself, with no script, style sheet or font of elsewhere.

Columns stand for what came and went, a line for what was open; colours are of the set of Okabe and Ito, which people
with any kind of colour vision tell apart.
"""

import re
from collections.abc import Iterator, Sequence
from html import escape
from math import ceil, floor, log10
from typing import Final, NamedTuple

from api.dialects.masetra.report_document import Document, Plot, Sheet

BARS: Final = ("#0072B2", "#56B4E9")
LINE: Final = "#D55E00"

_WIDTH, _HEIGHT = 960, 440
_LEFT, _RIGHT, _TOP, _BOTTOM = 64, 40, 84, 64
_INK, _PALE, _GRID = "#222222", "#595959", "#D9D9D9"
#: How much of the width a letter of a label takes, how many a line of small print holds, and ticks of the scale.
_LETTER, _LINE_LETTERS, _TICKS = 8, 120, 5
#: What XML can not hold, however it is written.
_NOT_XML: Final = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


class _Scale(NamedTuple):
    """How values lie on the drawing."""

    step: int
    top: int
    slots: int

    def y(self, value: float) -> float:
        """Where a value lies from above."""
        return _HEIGHT - _BOTTOM - (_HEIGHT - _TOP - _BOTTOM) * value / self.top

    @property
    def slot(self) -> float:
        """How wide a row's place is."""
        return (_WIDTH - _LEFT - _RIGHT) / self.slots

    def middle(self, number: int) -> float:
        """Where the middle of a row's place lies from the left."""
        return _LEFT + (number + 0.5) * self.slot


def rendered(it: Document) -> bytes:
    """Return the drawings of a document's sheets, one under the other."""
    drawn = [(sheet, sheet.plot) for sheet in it.sheets if sheet.plot is not None]
    height = _HEIGHT * len(drawn)
    says = "; ".join(f"{name}: {value}" for name, value in it.notes)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" width="{_WIDTH}" height="{height}"',
        f' font-family="sans-serif" font-size="13" fill="{_INK}" role="img" aria-labelledby="title says">',
        f'<title id="title">{_text(it.title)}</title><desc id="says">{_text(says)}</desc>',
        f'<rect width="{_WIDTH}" height="{height}" fill="#FFFFFF"/>',
    ]
    for place, (sheet, plot) in enumerate(drawn):
        parts += [f'<g transform="translate(0 {place * _HEIGHT})">', *_drawing(sheet, plot, says), "</g>"]
    return "\n".join([*parts, "</svg>\n"]).encode()


def legend(name: str) -> str:
    """Return what a column is called where people read it."""
    return name.replace("_", " ").capitalize()


def printable(text: str) -> str:
    """Return text with what XML can not hold replaced."""
    return _NOT_XML.sub("\ufffd", text)


def _drawing(sheet: Sheet, plot: Plot, says: str) -> Iterator[str]:
    values = [_numbers(sheet, name) for name in (*plot.columns, plot.line)]
    scale = _scale(max(map(max, values)), len(sheet.rows))
    small = says if len(says) <= _LINE_LETTERS else f"{says[: _LINE_LETTERS - 1]}…"
    yield f'<text x="{_LEFT}" y="28" font-size="18" font-weight="bold">{_text(plot.title)}</text>'
    yield f'<text x="{_LEFT}" y="48" fill="{_PALE}">{_text(small)}</text>'
    yield from _legend(plot)
    yield from _grid(scale)
    yield from _labels(plot, scale)
    yield from _bars(plot, values[:-1], scale)
    yield from _line(plot, values[-1][: plot.begun], scale)


def _numbers(sheet: Sheet, name: str) -> list[int]:
    return [value for value in sheet.column(name) if isinstance(value, int)]


def _scale(most: int, slots: int) -> _Scale:
    """Return a scale from 0 in steps of 1, 2 or 5 times a power of ten."""
    rough = max(most, 1) / _TICKS
    power = 10 ** max(floor(log10(rough)), 0)
    step = next(factor * power for factor in (1, 2, 5, 10) if factor * power >= rough)
    return _Scale(step, step * -(-max(most, 1) // step), slots)


def _grid(scale: _Scale) -> Iterator[str]:
    for value in range(0, scale.top + 1, scale.step):
        y = scale.y(value)
        yield f'<path d="M{_LEFT} {y:.1f}H{_WIDTH - _RIGHT}" stroke="{_GRID if value else _PALE}"/>'
        yield f'<text x="{_LEFT - 8}" y="{y + 4:.1f}" text-anchor="end" fill="{_PALE}">{value}</text>'


def _labels(plot: Plot, scale: _Scale) -> Iterator[str]:
    every = ceil((len(plot.labels[0]) + 2) * _LETTER / scale.slot)
    for number in range(0, scale.slots, every):
        x, y = scale.middle(number), _HEIGHT - _BOTTOM + 20
        yield f'<text x="{x:.1f}" y="{y}" text-anchor="middle" fill="{_PALE}">{_text(plot.labels[number])}</text>'


def _legend(plot: Plot) -> Iterator[str]:
    x, y = _LEFT, _HEIGHT - 18
    for name, colour in zip(plot.columns, BARS, strict=True):
        yield f'<rect x="{x}" y="{y - 11}" width="14" height="12" fill="{colour}"/>'
        yield f'<text x="{x + 20}" y="{y}">{legend(name)}</text>'
        x += 120
    yield f'<path d="M{x} {y - 5}h24" stroke="{LINE}" stroke-width="2.5"/>'
    yield f'<circle cx="{x + 12}" cy="{y - 5}" r="3.5" fill="{LINE}"/>'
    yield f'<text x="{x + 32}" y="{y}">{legend(plot.line)}</text>'


def _bars(plot: Plot, series: Sequence[Sequence[int]], scale: _Scale) -> Iterator[str]:
    """Draw a group of columns for each row; pointing at one tells its number."""
    width = min(scale.slot * 0.7 / len(series), 32)
    for place, (name, colour, values) in enumerate(zip(plot.columns, BARS, series, strict=True)):
        yield f'<g fill="{colour}">'
        for number, value in enumerate(values):
            if value:
                x = scale.middle(number) + (place - len(series) / 2) * width
                y = scale.y(value)
                yield (
                    f'<rect x="{x:.2f}" y="{y:.1f}" width="{width * 0.94:.2f}" height="{scale.y(0) - y:.1f}">'
                    f"<title>{_text(plot.labels[number])}: {value} {name}</title></rect>"
                )
        yield "</g>"


def _line(plot: Plot, values: Sequence[int], scale: _Scale) -> Iterator[str]:
    points = [(scale.middle(number), scale.y(value)) for number, value in enumerate(values)]
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    width, radius = (2.5, 4) if scale.slot > 4 * _LETTER else (1.25, 1.5)
    yield f'<polyline points="{path}" fill="none" stroke="{LINE}" stroke-width="{width}" stroke-linejoin="round"/>'
    yield f'<g fill="{LINE}">'
    for (x, y), label, value in zip(points, plot.labels, values, strict=False):
        title = f"{_text(label)}: {value} {plot.line.replace('_', ' ')}"
        yield f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{radius}"><title>{title}</title></circle>'
    yield "</g>"


def _text(text: str) -> str:
    return escape(printable(text))
