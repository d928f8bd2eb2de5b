"""The page of a bisection: the first bad image, and the evidence on both sides."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.bisect.measured import LEAST_BLOCKS
from bench.bisect.record import BisectRecord
from bench.bisect.search import Found, Judgement
from bench.number_text import counted
from bench.report.rendering import render_html

FILE = "bisect.html"
_TONES = {Judgement.GOOD: "good", Judgement.BAD: "bad", Judgement.UNKNOWN: "unsure"}
_MOST_RUNS = 4


@dataclass(frozen=True)
class ImageView:
    """An image, for the page.

    Attributes:
        suspect: ``first bad``, or ``may be the first bad``; empty for others.
        reasons: of its tries, the last one first.
        runs: (name, path) of the pages of its runs, the last ones.
    """

    number: int
    name: str
    sha256: str
    judgement: str
    tone: str
    suspect: str
    reasons: Sequence[str]
    runs: Sequence[tuple[str, str]]


@dataclass(frozen=True)
class BisectView:
    """A bisection, for the page."""

    title: str
    tone: str
    text: str
    sought: str
    simulated: bool
    tried: str
    ended: str
    how: str
    images: Sequence[ImageView]


def result_text(record: BisectRecord, found: Found) -> str:
    """Return what was found, in a sentence."""
    if found.why:
        return f"Nothing was found: {found.why}."
    names = [f"{record.images[place].name} (image {place + 1})" for place in found.suspects]
    good = f"{record.images[found.last_good].name} (image {found.last_good + 1}) is the last good one"
    if len(names) == 1:
        return f"{names[0]} is the first bad image; {good}."
    return f"The first bad image is one of {', '.join(names)}: nobody could judge those before the last; {good}."


def write_page(folder: Path, record: BisectRecord, found: Found | None, *, simulated: bool) -> Path:
    """Write the page of a bisection, also of one that is not at its end; return its path."""
    page = folder / FILE
    page.write_text(render_html("bisect.html", view=_view(record, found, simulated)), encoding="utf-8")
    return page


def _view(record: BisectRecord, found: Found | None, simulated: bool) -> BisectView:
    if found is None:
        title, tone, text = "Bisection goes on", "unsure", "It has not come to its end."
    else:
        one = len(found.suspects) == 1
        title = "Nothing found" if found.why else "First bad image found" if one else "First bad image not certain"
        tone, text = "unsure" if found.why or not one else "good", result_text(record, found)
    blocks = f", {counted(len(record.blocks), 'block')}" if record.blocks else ""
    return BisectView(
        title,
        tone,
        text,
        record.wanted.sought,
        simulated,
        f"{counted(len(record.tries), 'image')}{blocks}",
        record.tries[-1].utc if record.tries and found is not None else "",
        _HOW_MEASURED if record.wanted.measurement else _HOW_TESTED,
        [_image(record, place, found) for place in range(len(record.images))],
    )


_HOW_TESTED = "An image is bad where the test failed on it. Where the lab failed, it was tried again."
_HOW_MEASURED = (
    "Each image was played in blocks between two runs of the first image, on the same boards; at least"
    f" {LEAST_BLOCKS} blocks. The change is that of the typical value against the first image, with its 95 % interval."
    " An image is bad where it is nearer to the last image than to the first."
)


def _image(record: BisectRecord, place: int, found: Found | None) -> ImageView:
    image = record.images[place]
    tries = [one for one in record.tries if one.place == place]
    suspects = list(found.suspects) if found is not None else []
    suspect = "" if place not in suspects else "first bad" if len(suspects) == 1 else "may be the first bad"
    runs = [one.run for one in tries if one.run]
    runs += [run for block in record.blocks if block.place == place for run in block.runs]
    named = list(dict.fromkeys(runs))[-_MOST_RUNS:]
    return ImageView(
        place + 1,
        image.name,
        image.sha256,
        str(tries[-1].judgement) if tries else "not tried",
        _TONES[tries[-1].judgement] if tries else "skipped",
        suspect,
        [one.reason for one in reversed(tries)],
        [(run, f"{run}/verdict.html") for run in named],
    )
