"""Texts of strangers that a terminal, a page, XML, SQL or a spreadsheet might obey."""

import unicodedata
import xml.etree.ElementTree as ET

HTML_TRICK = """<script>alert(1)</script>"'&<img src=x onerror=alert(2)>"""
HOSTILE = [
    "\x1b[2J\x1b]0;title\x07",
    "\x1b]8;;http://evil\x1b\\click\x1b]8;;\x1b\\",
    "\r\rverdict   PASSED",
    "\x00\x01\x02",
    "\x7f\x80\x9b2J",
    "\udce9t\udce9",
    "\ud800",
    "\udfff\ud800",
    "\u202eDESSAP",
    "\u2066\u2069",
    "\u2028\u2029",
    "\ufeff",
    "a\u200bb\u2060c",
    "\U000e0041\U000e007f",
    "\ufffe\uffff",
    "<script>alert(1)</script>",
    "![](http://evil/x.png) [a](javascript:b)",
    "| a | b |\n| --- | --- |",
    '=HYPERLINK("http://evil")',
    "@SUM(1)",
    "+1-1",
    "'; DROP TABLE runs; --",
    "]]>",
]


def is_visible(text: str) -> bool:
    """Whether a text has no control character but those of white space, and is no broken one."""
    return not any(unicodedata.category(letter) in ("Cc", "Cs") and letter not in "\n\t\r" for letter in text)


def is_plain(text: str) -> bool:
    """Whether a terminal, XML and UTF-8 take a text as it is."""
    text.encode()
    ET.fromstring(f"<a>{text.replace('&', '').replace('<', '').replace(']]>', '')}</a>")
    return not any(unicodedata.category(letter) in ("Cc", "Cs") and letter not in "\n\t" for letter in text)
