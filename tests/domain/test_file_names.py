"""Names of files: whatever is given, what is kept is safe."""

import unicodedata

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from domain.quality.file_names import safe_name, suffix_of

NASTY = st.text(
    alphabet="./\\ :%\t\n\x00\x85\u00a0\u2028\u200b\u202e\u0301e\u0344\u1100\u1161\u11a8CONnulaux1\u00b9\ud800",
    max_size=40,
)


@pytest.mark.parametrize(
    ("name", "safe"),
    [
        ("report.pdf", "report.pdf"),
        ("Übersicht “Kühlung”.pdf", "Übersicht “Kühlung”.pdf"),
        ("冷蔵庫.pdf", "冷蔵庫.pdf"),
        ("95% of it; $5.csv", "95% of it; $5.csv"),
        ("/etc/passwd", "passwd"),
        ("..\\..\\windows\\system32\\cmd.exe", "cmd.exe"),
        ("C:\\Users\\ana\\log.txt", "log.txt"),
        ("..", "file"),
        ("", "file"),
        ("dir/", "file"),
        (".htaccess", "htaccess"),
        ("a. . .", "a"),
        ("annexe\u202efdp.exe", "annexefdp.exe"),
        ("zero\u200bwidth.pdf", "zerowidth.pdf"),
        ("two\r\nlines.pdf", "two lines.pdf"),
        ("nul\x00byte.pdf", "nulbyte.pdf"),
        ('a<b>:"c|d?e*.pdf', "a_b___c_d_e_.pdf"),
        ("CON", "_CON"),
        ("nul.txt", "_nul.txt"),
        ("Com1 .tar.gz", "_Com1 .tar.gz"),
        ("LPT\u00b2", "_LPT\u00b2"),
        ("CONFERENCE.pdf", "CONFERENCE.pdf"),
        ("e\u0301te\u0301.pdf", "\u00e9t\u00e9.pdf"),
        ("x" * 300 + ".pdf", "x" * 196 + ".pdf"),
        ("é" * 150 + ".pdf", "é" * 98 + ".pdf"),
        ("x." + "y" * 300, "x." + "y" * 198),
    ],
)
def test_a_name_is_made_safe(name: str, safe: str) -> None:
    assert safe_name(name) == safe


@settings(max_examples=300, deadline=None)
@given(st.text(max_size=400) | NASTY)
@example("0 \x1b\r0")
def test_every_name_is_safe_and_what_is_safe_stays_as_it_is(name: str) -> None:
    safe = safe_name(name)
    assert safe_name(safe) == safe
    assert 0 < len(safe.encode()) <= 200
    assert safe == safe.strip(" .")
    assert not set(safe) & set('/\\<>:"|?*')
    assert not {unicodedata.category(char) for char in safe} & {"Cc", "Cf", "Cs", "Zl", "Zp"}
    assert unicodedata.is_normalized("NFC", safe)


def test_a_suffix_is_what_stands_behind_the_last_dot_of_a_name() -> None:
    assert [suffix_of(name) for name in ("a.PDF", "a.tar.gz", "a", ".pdf", "a.")] == ["pdf", "gz", "", "", ""]
