"""Images into boards: what programs them, what the journal knows of them, and what they say afterwards."""

from bench.flashing.flash import FlashFailed, Flashing, FlashOutcome, FlashRequest, ImageResult, flash_board
from bench.flashing.images import Image, ImageKind, read_image, said_by
from bench.flashing.journal import HalfImage, forget, holds, refuse_half_image
from bench.flashing.programmers import PROGRAMMERS, programmer_of

__all__ = [
    "PROGRAMMERS",
    "FlashFailed",
    "FlashOutcome",
    "FlashRequest",
    "Flashing",
    "HalfImage",
    "Image",
    "ImageKind",
    "ImageResult",
    "flash_board",
    "forget",
    "holds",
    "programmer_of",
    "read_image",
    "refuse_half_image",
    "said_by",
]
