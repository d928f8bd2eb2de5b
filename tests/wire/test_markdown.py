"""Texts of boards in Markdown: shown as they are by a renderer, and readable in a mail, where nothing renders them."""

import re
from html import unescape

import pytest
from markdown_it import MarkdownIt

from bench.report.rendering import markdown_text


@pytest.mark.parametrize(
    "text",
    [
        "expected 'OK', got \"ERROR\"",
        "a & c > d",
        "#XGETADDRINFO: <hostname>",
        "R&amp;D",
        "> quoted",
        "&#x27;",
        "<script>alert(1)</script>",
        "[a](javascript:alert(1))",
        "**bold** _it_",
    ],
)
def test_a_text_is_shown_as_it_is(text: str) -> None:
    shown = MarkdownIt("commonmark", {"html": True}).render(markdown_text(text))
    assert unescape(re.sub("</?p>", "", shown)).strip() == text


@pytest.mark.parametrize("text", ["expected 'OK', got \"ERROR\"", "a & c > d", "p99 > 5 ms & more"])
def test_a_mail_shows_no_entity(text: str) -> None:
    assert markdown_text(text) == text
