"""Which image is tried next, and what is found, whatever the lab does meanwhile."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.bisect.record import BisectRecord, Block, Try, Wanted, candidates
from bench.bisect.search import Found, Judgement, Search
from bench.errors import UsageError

GOOD, BAD, UNKNOWN = Judgement


def played(search: Search, judgements: dict[int, list[Judgement]]) -> tuple[Found, list[int]]:
    """Plays a search: each try of an image takes the next of its judgements, the last one for ever."""
    seen: dict[int, list[Judgement]] = {}
    order: list[int] = []
    while not isinstance(step := search.next(seen), Found):
        told = judgements[step]
        tried = seen.setdefault(step, [])
        tried.append(told[min(len(tried), len(told) - 1)])
        order.append(step)
        assert len(order) < 200
    return step, order


@given(st.integers(2, 300).flatmap(lambda count: st.tuples(st.just(count), st.integers(1, count - 1))))
def test_the_first_bad_image_is_found_in_few_steps(case: tuple[int, int]) -> None:
    count, first_bad = case
    found, order = played(Search(count), {place: [GOOD if place < first_bad else BAD] for place in range(count)})
    assert found == Found(first_bad - 1, range(first_bad, first_bad + 1))
    assert len(order) <= 2 + (count - 2).bit_length()
    assert len(order) == len(set(order)), "an image that was judged is not flashed again"


@given(
    st.integers(2, 40).flatmap(
        lambda count: st.tuples(
            st.just(count), st.integers(1, count - 1), st.sets(st.integers(1, count - 2) if count > 2 else st.nothing())
        )
    )
)
def test_images_that_nobody_can_judge_are_passed_over(case: tuple[int, int, set[int]]) -> None:
    count, first_bad, unknown = case
    judgements = {place: [GOOD if place < first_bad else BAD] for place in range(count)}
    judgements |= {place: [UNKNOWN] for place in unknown}
    found, order = played(Search(count, tries=2), judgements)
    assert first_bad in found.suspects or (first_bad in unknown and found.suspects)
    assert found.last_good == found.suspects[0] - 1
    assert judgements[found.last_good] == [GOOD]
    assert judgements[found.suspects[-1]] == [BAD]
    assert set(found.suspects[:-1]) <= unknown
    assert all(order.count(place) <= 2 for place in order)


def test_where_the_lab_fails_it_is_tried_again() -> None:
    judgements = {0: [GOOD], 1: [UNKNOWN, UNKNOWN, BAD], 2: [BAD]}
    found, order = played(Search(3), judgements)
    assert found.suspects == range(1, 2)
    assert order == [0, 2, 1, 1, 1]


@pytest.mark.parametrize(
    ("judgements", "words"),
    [
        ({0: [BAD], 1: [BAD]}, "the first image is bad, not good"),
        ({0: [GOOD], 1: [GOOD]}, "the last image is good, not bad"),
        ({0: [UNKNOWN], 1: [BAD]}, "nobody can tell whether the first image is good"),
        ({0: [GOOD], 1: [UNKNOWN]}, "nobody can tell whether the last image is bad"),
    ],
)
def test_between_other_ends_there_is_nothing_to_find(judgements: dict[int, list[Judgement]], words: str) -> None:
    found, _ = played(Search(2), judgements)
    assert words in found.why


def test_a_good_image_behind_a_bad_one_is_told() -> None:
    seen = {0: [GOOD], 7: [BAD], 3: [BAD], 5: [GOOD]}
    found = Search(8).next(seen)
    assert isinstance(found, Found)
    assert "image 4 is bad, but image 6, which comes later, is good" in found.why


def test_it_says_how_many_steps_are_left() -> None:
    search = Search(8)
    assert search.steps_left({}) == 5
    assert search.steps_left({0: [GOOD], 7: [BAD]}) == 3
    assert search.steps_left({0: [GOOD], 7: [BAD], 3: [GOOD], 5: [BAD]}) == 1
    assert search.steps_left({0: [GOOD], 7: [BAD], 4: [GOOD], 5: [BAD]}) == 0


class TestRecord:
    def images(self, folder: Path, count: int = 3) -> list[Path]:
        paths = [folder / f"{number}.hex" for number in range(count)]
        for number, path in enumerate(paths):
            path.write_text(f"image {number}")
        return paths

    def test_it_survives_on_disk(self, tmp_path: Path) -> None:
        record = BisectRecord(images=candidates(self.images(tmp_path)), wanted=Wanted(test="test_a", simulate=1))
        record = record.with_try(Try(place=1, judgement=BAD, reason="1 failed", run="try-1"))
        record = record.with_block(Block(place=2, difference=0.14, runs=["a", "b", "c"]))
        record.save(tmp_path)
        assert BisectRecord.load(tmp_path) == record
        assert BisectRecord.load(tmp_path).seen == {1: [BAD]}
        assert BisectRecord.load(tmp_path).differences(2) == [0.14]

    def test_another_file_in_the_place_of_an_image_is_refused(self, tmp_path: Path) -> None:
        paths = self.images(tmp_path)
        BisectRecord(images=candidates(paths), wanted=Wanted(test="x")).save(tmp_path)
        paths[1].write_text("built anew")
        with pytest.raises(UsageError, match=r"1\.hex is not the image any more"):
            BisectRecord.load(tmp_path)

    @pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"images": 3}', b"\xff"])
    def test_a_damaged_record_is_told(self, tmp_path: Path, content: bytes) -> None:
        (tmp_path / "bisect.json").write_bytes(content)
        with pytest.raises(UsageError, match="cannot be read"):
            BisectRecord.load(tmp_path)

    def test_images_that_make_no_list_are_refused(self, tmp_path: Path) -> None:
        paths = self.images(tmp_path)
        with pytest.raises(UsageError, match="at least two"):
            candidates(paths[:1])
        paths[1].write_text("image 0")
        with pytest.raises(UsageError, match="are the same image"):
            candidates(paths)
        with pytest.raises(UsageError, match="cannot read the image"):
            candidates([paths[0], tmp_path / "none.hex"])
