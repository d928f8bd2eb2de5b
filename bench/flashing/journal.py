"""What the journal of programming says of a board: the image that it holds, or that it may hold half of one.

It stands in the ledger. A row is written before a programmer begins, and made whole when the board has answered since.
"""

from bench.boards import BoardSpec, HeldImage, Ledger
from bench.errors import LabError
from bench.flashing.images import Image, ImageKind, said_by
from bench.modem import Identity


class HalfImage(LabError):
    """A board may hold half an image: its programming did not come to its end."""

    permanent = True


def refuse_half_image(ledger: Ledger, spec: BoardSpec) -> None:
    """Do nothing for a board whose programming came to its end.

    Raises:
        HalfImage: it did not.
    """
    for kind, held in ledger.images_of(spec.key).items():
        if not held.whole:
            option = "--image" if kind == ImageKind.APPLICATION else "--modem-image"
            raise HalfImage(
                f"{spec.slot} may hold half an image: the programming of {held.name} did not come to its end. Run with"
                f" {option} FILE, or `nrf91-bench boards flashed {spec.slot}` after you have programmed it by hand"
            )


def begin(ledger: Ledger, spec: BoardSpec, image: Image) -> None:
    """Note that a board is being programmed: from here on it may hold half an image."""
    ledger.keep_image(spec.key, image.kind, HeldImage(False, image.name, image.sha256, ""))


def finish(ledger: Ledger, spec: BoardSpec, image: Image, identity: Identity) -> None:
    """Note that a board holds an image, and what it says since."""
    held = HeldImage(True, image.name, image.sha256, said_by(identity, image.kind))
    ledger.keep_image(spec.key, image.kind, held)


def put_back(ledger: Ledger, spec: BoardSpec, image: Image, before: HeldImage | None) -> None:
    """Note that a programmer has not touched the board after all."""
    if before is None:
        ledger.forget_image(spec.key, image.kind)
    else:
        ledger.keep_image(spec.key, image.kind, before)


def forget(ledger: Ledger, spec: BoardSpec) -> None:
    """Forget what a board holds: it was programmed by hand."""
    for kind in ImageKind:
        ledger.forget_image(spec.key, kind)


def holds(ledger: Ledger, spec: BoardSpec, image: Image) -> HeldImage | None:
    """Return the journal's row when the board holds this very image; None when it does not, or nobody knows."""
    held = ledger.images_of(spec.key).get(image.kind)
    return held if held is not None and held.whole and held.sha256 == image.sha256 else None
