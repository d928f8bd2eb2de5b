"""Which image is tried next, and what is found: pure logic, no board and no file.

The images are in order, from an old one to a new one. The first is taken to be good and the last to be bad; both are
tried, for a search between two good ones finds nothing. One that nobody can judge (the lab fails each time) is passed
over: what is found may then be a group of neighbours instead of one image.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum


class Judgement(StrEnum):
    """What a try of an image shows."""

    GOOD = "good"
    BAD = "bad"
    UNKNOWN = "cannot tell"


@dataclass(frozen=True)
class Found:
    """The end of a search.

    Attributes:
        last_good: the place of the last image that is good, before the first bad one.
        suspects: places of the images of which one is the first bad one: one image, or several where some of them could
            not be judged. The last of them is bad.
        why: why there is nothing to find; empty where there is.
    """

    last_good: int = -1
    suspects: Sequence[int] = ()
    why: str = ""


@dataclass(frozen=True)
class Search:
    """A search among images.

    Attributes:
        count: how many there are; at least 2.
        tries: how often an image is tried that nobody could judge.
    """

    count: int
    tries: int = 3

    def next(self, seen: Mapping[int, Sequence[Judgement]]) -> "int | Found":
        """Return the place of the image to try next, or what is found.

        Args:
            seen: judgements by place, in the order in which they were made.
        """
        first, last = 0, self.count - 1
        for place, wanted in ((first, Judgement.GOOD), (last, Judgement.BAD)):
            judged = self._judge(seen.get(place, ()))
            if judged is None:
                return place
            if judged is not wanted:
                return Found(why=_wrong_end(place == first, judged))
        judged_all = {place: self._judge(judgements) for place, judgements in seen.items()}
        good = max(place for place, judged in judged_all.items() if judged is Judgement.GOOD)
        bad = min(place for place, judged in judged_all.items() if judged is Judgement.BAD and place > good)
        contradiction = [place for place, one in judged_all.items() if one is Judgement.BAD and place < good]
        if contradiction:
            return Found(why=f"image {min(contradiction) + 1} is bad, but image {good + 1}, which comes later, is good")
        between = [place for place in range(good + 1, bad) if judged_all.get(place) is not Judgement.UNKNOWN]
        if not between:
            return Found(good, range(good + 1, bad + 1))
        middle = (good + bad) / 2
        return min(between, key=lambda place: (abs(place - middle), place))

    def steps_left(self, seen: Mapping[int, Sequence[Judgement]]) -> int:
        """Return how many more images are tried at most, if each can be judged at once."""
        judged = {place: self._judge(judgements) for place, judgements in seen.items()}
        ends = sum(judged.get(place) is None for place in (0, self.count - 1))
        good = max((place for place, one in judged.items() if one is Judgement.GOOD), default=0)
        bad = min((place for place, one in judged.items() if one is Judgement.BAD), default=self.count - 1)
        return ends + max(0, bad - good - 1).bit_length()

    def _judge(self, judgements: Sequence[Judgement]) -> Judgement | None:
        """Return what tries show together: the last one that could tell; None while it has to be tried (again)."""
        told = [one for one in judgements if one is not Judgement.UNKNOWN]
        if told:
            return told[-1]
        return Judgement.UNKNOWN if len(judgements) >= self.tries else None


def _wrong_end(first: bool, judged: Judgement) -> str:
    which, wanted = ("first", "good") if first else ("last", "bad")
    if judged is Judgement.UNKNOWN:
        return f"nobody can tell whether the {which} image is {wanted}: see its runs"
    return f"the {which} image is {judged}, not {wanted}: there is nothing to find between these images"
