"""What kind of content a file is, by its name and by what its sender says."""

from collections.abc import Collection, Mapping

from domain.errors import UnsupportedMedia
from domain.quality.file_names import suffix_of

#: What a sender says who does not know; or nothing at all.
_BYTES = "application/octet-stream"
_PROGRAM, _SCRIPT = "application/x-msdownload", "application/x-sh"
_OPEN = "application/vnd.openxmlformats-officedocument"
#: By the suffix of a name. Programs are here so that they are known for what they are, whatever their sender says.
_BY_SUFFIX: Mapping[str, str] = {
    "7z": "application/x-7z-compressed",
    "apk": "application/vnd.android.package-archive",
    "avi": "video/x-msvideo",
    "bmp": "image/bmp",
    "css": "text/css",
    "csv": "text/csv",
    "doc": "application/msword",
    "docm": "application/vnd.ms-word.document.macroenabled.12",
    "docx": f"{_OPEN}.wordprocessingml.document",
    "eml": "message/rfc822",
    "gif": "image/gif",
    "gz": "application/gzip",
    "heic": "image/heic",
    "htm": "text/html",
    "html": "text/html",
    "jar": "application/java-archive",
    "jpeg": "image/jpeg",
    "jpg": "image/jpeg",
    "js": "text/javascript",
    "json": "application/json",
    "log": "text/plain",
    "md": "text/markdown",
    "mjs": "text/javascript",
    "mov": "video/quicktime",
    "mp3": "audio/mpeg",
    "mp4": "video/mp4",
    "msg": "application/vnd.ms-outlook",
    "odp": "application/vnd.oasis.opendocument.presentation",
    "ods": "application/vnd.oasis.opendocument.spreadsheet",
    "odt": "application/vnd.oasis.opendocument.text",
    "pdf": "application/pdf",
    "png": "image/png",
    "ppt": "application/vnd.ms-powerpoint",
    "pptm": "application/vnd.ms-powerpoint.presentation.macroenabled.12",
    "pptx": f"{_OPEN}.presentationml.presentation",
    "rar": "application/vnd.rar",
    "rtf": "application/rtf",
    "svg": "image/svg+xml",
    "swf": "application/x-shockwave-flash",
    "tar": "application/x-tar",
    "tif": "image/tiff",
    "tiff": "image/tiff",
    "txt": "text/plain",
    "wav": "audio/wav",
    "webm": "video/webm",
    "webp": "image/webp",
    "xhtml": "application/xhtml+xml",
    "xls": "application/vnd.ms-excel",
    "xlsm": "application/vnd.ms-excel.sheet.macroenabled.12",
    "xlsx": f"{_OPEN}.spreadsheetml.sheet",
    "xml": "application/xml",
    "zip": "application/zip",
    **dict.fromkeys(("bash", "py", "pl", "rb", "sh", "zsh"), _SCRIPT),
    **dict.fromkeys(
        ("bat", "cmd", "com", "cpl", "dll", "exe", "hta", "jse", "lnk", "msi", "pif", "ps1", "reg", "scr", "sys"),
        _PROGRAM,
    ),
    **dict.fromkeys(("vbe", "vbs", "wsf", "wsh"), _PROGRAM),
}
#: What some senders call a type that has another name.
_ALIASES: Mapping[str, str] = {
    "application/x-pdf": "application/pdf",
    "application/x-zip-compressed": "application/zip",
    "image/jpg": "image/jpeg",
    "image/pjpeg": "image/jpeg",
    "image/x-png": "image/png",
    "text/xml": "application/xml",
}


def media_type_of(name: str, declared: str, allowed: Collection[str]) -> str:
    """Return a file's media type: what its suffix says, else what its sender does.

    Raises UnsupportedMedia where either says a type that is not allowed, or neither says any, unless that is allowed.
    """
    said = _ALIASES.get(declared, declared) or _BYTES
    meant = _BY_SUFFIX.get(suffix_of(name), said)
    for one in (meant, said):
        if one not in allowed and one != _BYTES:
            raise UnsupportedMedia(f"Files of the type {one} are not taken here.")
    if meant not in allowed:
        raise UnsupportedMedia("What kind of file this is can not be told: give it a Content-Type, or a suffix.")
    return meant
