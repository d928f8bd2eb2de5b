"""The result stream: whatever becomes of its file while a run goes on, it is noticed."""

import os
from pathlib import Path

import pytest

from bench.evidence import EvidenceLost, ResultStream, RowReader
from bench.evidence.rows import PlanRow
from bench.evidence.stream import FILE


@pytest.fixture
def stream(tmp_path: Path) -> ResultStream:
    stream = ResultStream(tmp_path, "r")
    for number in range(20):
        stream.add(PlanRow(test=f"test_{number}"))
    return stream


def reading(stream: ResultStream) -> RowReader:
    reader = RowReader(stream.folder)
    assert len(list(reader.new_rows())) == 20
    assert (reader.missing(), reader.changed()) == ("", "")
    return reader


def remove(file: Path) -> None:
    file.unlink()


def empty(file: Path) -> None:
    os.truncate(file, 0)


def exchange(file: Path) -> None:
    other = file.with_name("other")
    other.write_bytes(file.read_bytes() * 3)
    other.replace(file)


def remove_the_folder(file: Path) -> None:
    file.unlink()
    file.parent.rmdir()


@pytest.mark.parametrize(
    ("harm", "told"),
    [
        (remove, "is gone: No such file or directory"),
        (empty, "was cut short"),
        (exchange, "was replaced by another file"),
        (remove_the_folder, "is gone: No such file or directory"),
    ],
)
def test_a_glance_tells(stream: ResultStream, harm: object, told: str) -> None:
    reader = reading(stream)
    harm(stream.folder / FILE)  # type: ignore[operator]
    assert told in reader.missing()
    assert told in reader.changed()


def test_what_was_changed_in_its_place_is_told_in_the_end(stream: ResultStream) -> None:
    reader = reading(stream)
    file = stream.folder / FILE
    with file.open("r+b") as written:
        written.write(file.read_bytes().replace(b"test_7", b"test_8"))
    assert reader.missing() == "", "a glance does not read it"
    assert "was changed by somebody else" in reader.changed()


def test_rows_that_come_later_change_nothing(stream: ResultStream) -> None:
    reader = reading(stream)
    stream.add(PlanRow(test="one more"))
    assert reader.changed() == ""
    assert [row.test for row in reader.new_rows()] == ["one more"]  # type: ignore[union-attr]


@pytest.mark.parametrize("harm", [remove, remove_the_folder])
def test_no_process_begins_a_second_file(stream: ResultStream, harm: object) -> None:
    other = ResultStream(stream.folder, "r", "dk-1", begins=False)
    harm(stream.folder / FILE)  # type: ignore[operator]
    for writer in (stream, other):
        with pytest.raises(EvidenceLost, match="No such file"):
            writer.add(PlanRow(test="late"))


def test_a_planted_link_is_not_followed(tmp_path: Path) -> None:
    target = tmp_path / "target"
    (tmp_path / FILE).symlink_to(target)
    with pytest.raises(EvidenceLost):
        ResultStream(tmp_path, "r").add(PlanRow(test="t"))
    assert not target.exists()
