"""Text of strangers: no character of it reaches a terminal, a page, XML, SQL or a spreadsheet as more than text."""

import csv
import io
import json
import re
import sqlite3
import unicodedata
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.evidence import ResultStream, RowReader, reconcile
from bench.evidence.rows import AnyRow
from bench.report import write_pages
from bench.report.junit import junit
from bench.report.specification import Specification
from bench.visible import cell, visible, visible_line
from tests.support.hostile import HOSTILE, is_plain
from tests.support.rows import row


@pytest.mark.parametrize("text", HOSTILE)
def test_is_plain(text: str) -> None:
    shown = visible(text)
    assert is_plain(shown)
    assert visible(shown) == shown
    assert "\n" not in visible_line(text)


@given(st.text(st.characters(exclude_categories=())))
def test_anything_is_plain(text: str) -> None:
    shown = visible(text)
    assert is_plain(shown)
    assert visible(shown) == shown


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[31m", "\\x1b[31m"),
        ("\udce9", "\\udce9"),
        ("a\r\n", "a\\r\n"),
        ("µs, 日本, e\u0301, 👍🏽", "µs, 日本, e\u0301, 👍🏽"),
        ("a\tb\nc", "a\tb\nc"),
    ],
)
def test_what_a_person_sees(text: str, shown: str) -> None:
    assert visible(text) == shown


@pytest.mark.parametrize("text", HOSTILE)
def test_a_cell_is_not_computed(text: str) -> None:
    table = io.StringIO()
    csv.writer(table).writerow([cell(text), cell(-1.5), cell(3)])
    (first, negative, _) = next(csv.reader(io.StringIO(table.getvalue())))
    assert not first.startswith(("=", "+", "-", "@", "\t", "\r"))
    assert negative == "-1.5", "a number stays a number"


def rows_of(text: str) -> list[AnyRow]:
    """A run in which everything that a stranger can name has this name."""
    common: dict[str, object] = {"run": text, "slot": text}
    test = f"test_a.py::test_{text}"
    return [
        row("run", run=text, slots=[text], turns=[(1, [text])]),
        row("board", **common, part=text, modem_firmware=text, application=text, application_version=text, port=text,
            ids={"imei": text}, network={"access": text, "operator": text, "band": 1}),
        row("peers", **common, where=text, security=text),
        row("survey", **common, text=[text]),
        row("plan", **common, test=test, spec=[text]),
        row("plan", **common, test="test_b", spec=[text]),
        row("start", **common, test=test),
        row("measurement", **common, test=test, name=text, unit=text, value=1.0, limit=text, doc=text, beside=[text]),
        row("finding", **common, name=text, verdict=text, text=text),
        row("finish", **common, test=test, outcome="failed", message=text, transcript=text, log=text),
        row("finish", **common, test="test_b", outcome="passed", known_issue=True, message=text),
        row("incident", **common, what=text, text=text),
        row("script_error", **common, path=text, message=text),
        row("trouble", **common, why=text),
        row("lost", **common, why=text),
        row("earlier", **common, tests={test: text}),
        row("comparison", **common, baseline=text, verdict=text, reason=text, measurements=[
            {"measurement": text, "verdict": text, "why": text, "model": text, "change": 0.5}]),
        row("ended", **common),
        row("closed", run=text),
    ]  # fmt: skip


@pytest.mark.parametrize("text", HOSTILE)
def test_pages_take_it_wherever_it_stands(tmp_path: Path, text: str) -> None:
    """Also of a stream that another bench, or somebody else, has written."""
    summary = reconcile(rows_of(text))
    write_pages(tmp_path, summary, Specification([]))
    for page in ("verdict.html", "verdict.md"):
        written = (tmp_path / page).read_text(encoding="utf-8")
        assert not any(unicodedata.category(letter) == "Cc" and letter not in "\n\t" for letter in written), page
        assert "<script>" not in written
    assert written.endswith("\nDetails: [verdict.html](verdict.html)\n")
    outside_of_code = re.sub(r"`[^`]*`", "", written.removesuffix("[verdict.html](verdict.html)\n"))
    assert not re.search(r"(?<!\\)\]\(", outside_of_code), "a link of a stranger's in Markdown"
    assert ET.fromstring("".join(junit(summary))).tag == "testsuites"


@pytest.mark.parametrize("text", HOSTILE)
def test_the_stream_keeps_it_and_sql_takes_it(tmp_path: Path, text: str) -> None:
    stream = ResultStream(tmp_path, "r")
    for one in rows_of(text):
        stream.add(one)
    reader = RowReader(tmp_path)
    assert len(list(reader.new_rows())) == len(rows_of(text))
    assert (reader.damaged, reader.changed()) == (0, "")
    lines = (tmp_path / "results.jsonl").read_text(encoding="utf-8").splitlines()
    assert all(is_plain(str(value)) for line in lines for value in json.loads(line).values() if isinstance(value, str))
    with sqlite3.connect(":memory:") as base:
        assert base.execute("SELECT ?", (visible(text),)).fetchone() == (visible(text),)
