"""The programming of the board under test by a test: what a scenario from version to version needs."""

from collections.abc import Iterator
from dataclasses import dataclass

from bench.boards import Board
from bench.boards.undo import UndoFile
from bench.evidence import rows
from bench.flashing import Flashing, FlashOutcome, FlashRequest, Image, ImageResult
from bench.session.board_session import BoardSession


def flash_row(result: ImageResult) -> rows.FlashRow:
    """Return the row of an image that was, or was not, brought into a board."""
    image = result.image
    return rows.FlashRow(
        slot=result.slot,
        image=image.name,
        sha256=image.sha256,
        kind=image.kind,
        programmer=result.programmer,
        took_ns=result.took_ns,
        outcome=result.outcome,
        text=result.text,
    )


@dataclass
class Upgrade:
    """The board under test on its way from one image to another and back.

    Attributes:
        session: of the board.
        first: the image that it holds at the beginning and at the end.
        second: the other one.
    """

    session: BoardSession
    first: Image
    second: Image
    _holds: Image | None = None

    @property
    def board(self) -> Board:
        """The board, open."""
        return self.session.open_board()

    def to(self, image: Image) -> Board:
        """Program an image, where the board does not hold it; return the board, open.

        Raises:
            FlashFailed: the board does not hold it.
        """
        session = self.session
        if self._holds == image:
            return session.open_board()
        self._holds = None
        flashing = Flashing(session.spec, session.config, None, session.folder, tell=session.note_progress)
        with session.closed_meanwhile():
            try:
                flashing.flash(FlashRequest((image,)))
            finally:
                session.spec = flashing.spec
                for result in flashing.results:
                    if result.outcome is not FlashOutcome.KEPT:
                        session.stream.add(flash_row(result))
        self._holds = image
        return session.open_board()

    def there_and_back(self) -> Iterator[Board]:
        """Yield the board on the second image, then on the first again."""
        for image in (self.second, self.first):
            yield self.to(image)

    def die(self, *undo: str) -> None:
        """Leave the board as a process that was killed would: nothing put back, the commands for it in its journal."""
        self.session.drop_board()
        UndoFile(self.session.spec.key).remember(undo)
