"""Titles of scenarios and suites: words for people, from docstrings and names."""

from enum import Enum, IntEnum

import pytest

from bench.report.titles import first_sentence, scenario_title, suite_title, value_text


@pytest.mark.parametrize(
    ("docstring", "sentence"),
    [
        (None, ""),
        ("   ", ""),
        ("DNS: names become addresses. Specification: #XGETADDRINFO.", "DNS: names become addresses"),
        (
            "TLS 1.2 client sockets against TLS peers. Specification: #XSSOCKET.",
            "TLS 1.2 client sockets against TLS peers",
        ),
        (
            "Power: what PSM does. 3GPP TS 27.007 sections 7.38.\n\nMore.",
            "Power: what PSM does. 3GPP TS 27.007 sections 7.38",
        ),
        ("It holds\n    over two lines.\n\n    And more.", "It holds over two lines"),
        ("No full stop", "No full stop"),
        ("Ends in a question? Yes.", "Ends in a question? Yes"),
    ],
)
def test_the_first_sentence(docstring: str | None, sentence: str) -> None:
    assert first_sentence(docstring) == sentence


@pytest.mark.parametrize(
    ("docstring", "function", "classes", "parameters", "title"),
    [
        ("What was sent comes back.", "test_echo", (), {}, "What was sent comes back"),
        ("What was sent comes back.", "test_echo", ("TestA",), {"size": "5"}, "What was sent comes back [size 5]"),
        (None, "test_a_literal_is_its_own_address", (), {}, "A literal is its own address"),
        (None, "test_by_address", ("TestConnect",), {}, "Connect: by address"),
        (None, "test_resets", ("TestPeerEnds", "TestTLS"), {}, "Peer ends: TLS: resets"),
        (None, "test_sends", (), {"size": "1", "kind": "STREAM"}, "Sends [size 1, kind STREAM]"),
        (None, "test_sends", (), {"data": "x" * 100}, f"Sends [data {'x' * 36} ...]"),
        (None, "test_sends", (), {"data": "a\n  b"}, "Sends [data a b]"),
        ("", "test_", (), {}, ""),
        ("", "check_odd__name", (), {}, "Check odd name"),
    ],
)
def test_the_title_of_a_scenario(
    docstring: str | None, function: str, classes: tuple[str, ...], parameters: dict[str, str], title: str
) -> None:
    assert scenario_title(docstring, function, classes, parameters) == title


def test_the_title_of_a_suite() -> None:
    assert suite_title("Mixed: all of it. Nothing else.", "test_mixed") == "Mixed: all of it"
    assert suite_title(None, "test_my_own_suite") == "My own suite"


class Kind(Enum):
    STREAM = 1


class Number(IntEnum):
    ONE = 1


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("99.7", "99.7"), (5, "5"), (None, "None"), (1.5, "1.5"), (b"a\x00", "a\\x00"), (Kind.STREAM, "STREAM"),
        (Number.ONE, "ONE"), ((1, "a"), "(1, 'a')"),
    ],
)  # fmt: skip
def test_a_value_has_no_quotes(value: object, text: str) -> None:
    assert value_text(value) == text
