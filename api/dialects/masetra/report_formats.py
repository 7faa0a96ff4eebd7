"""A report in the form that is asked for."""

import asyncio
from collections.abc import Callable
from typing import Final, NamedTuple

import msgspec

from api.accept import liked
from api.access_facts import exported
from api.call import Call
from api.dialects.masetra import report_csv, report_svg, report_xlsx
from api.dialects.masetra.report_document import Document, document
from api.dialects.masetra.report_shapes import CapaReport, Dashboard, DeviationReport, Format
from api.reply import Reply

JSON: Final = "application/json"


class _File(NamedTuple):
    """A form beside JSON: its media type, what makes it, and what it comes with."""

    media_type: str
    rendered: Callable[[Document], bytes]
    parameter: str = ""
    disposition: str = "attachment"
    headers: tuple[tuple[str, str], ...] = ()


#: A drawing that is opened by itself is a page of ours: it may load, run and send nothing.
_SHOWN_ALONE = (("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; sandbox"),)
_FILES: Final[dict[Format, _File]] = {
    "csv": _File("text/csv", report_csv.rendered, "; charset=utf-8"),
    "xlsx": _File("application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", report_xlsx.rendered),
    "svg": _File("image/svg+xml", report_svg.rendered, "", "inline", _SHOWN_ALONE),
}
#: The media types of the forms beside JSON.
MEDIA: Final = tuple(file.media_type for file in _FILES.values())
_BY_MEDIA: Final[dict[str, Format]] = {
    **{file.media_type: name for name, file in _FILES.items()},
    **dict.fromkeys((JSON, "application/*", "*/*"), "json"),
}


async def formed(
    call: Call,
    asked: Format | None,
    title: str,
    shape: type[DeviationReport] | type[CapaReport] | type[Dashboard],
    body: bytes,
) -> Reply:
    """Return a report's ready JSON as it is, or as the file that is asked for: by the query, else by Accept."""
    preferred: Format = liked(call.headers.get("accept", ""), _BY_MEDIA, "json")
    wanted = asked or preferred
    file = _FILES.get(wanted)
    if file is None:
        return Reply(body=body)
    if not call.head:
        await exported(call, "report", wanted)
    async with call.doors.reports.making:
        stem, content = await asyncio.to_thread(_rendered, file, title, shape, body)
    disposition = ("Content-Disposition", f'{file.disposition}; filename="{stem}.{wanted}"')
    return Reply(body=content, media_type=file.media_type + file.parameter, headers=(disposition, *file.headers))


def _rendered(
    file: _File, title: str, shape: type[DeviationReport] | type[CapaReport] | type[Dashboard], body: bytes
) -> tuple[str, bytes]:
    made = document(title, msgspec.json.decode(body, type=shape))
    return made.stem, file.rendered(made)
