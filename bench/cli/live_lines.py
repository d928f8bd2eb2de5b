"""Lines at the bottom of a terminal that are drawn again and again, below whatever is printed meanwhile.

Rich's own live display takes the rows that it drew for the rows that it erases. A terminal that becomes narrower
breaks long lines anew, so they take more rows, and copies of them would stay. Here the rows are counted anew.
"""

from collections.abc import Sequence

from rich.console import Console
from rich.control import Control
from rich.segment import ControlType
from rich.text import Text


class LiveLines:
    """The lines that a terminal shows last."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._drawn: list[int] = []
        """Columns of the lines that are drawn now."""

    def erase(self) -> None:
        """Take the lines away; what is printed next stands in their place."""
        if self._drawn:
            width = max(1, self._console.size.width)
            # The cursor stands in the last row. A line as wide as the terminal does not begin another row.
            rows = sum(max(1, -(-columns // width)) for columns in self._drawn)
            up = [(ControlType.CURSOR_UP, rows - 1)] if rows > 1 else []
            self._console.control(Control(ControlType.CARRIAGE_RETURN, *up, (ControlType.ERASE_IN_LINE, 2)))
            for _ in range(rows - 1):
                self._console.control(Control((ControlType.CURSOR_DOWN, 1), (ControlType.ERASE_IN_LINE, 2)))
            if rows > 1:
                self._console.control(Control((ControlType.CURSOR_UP, rows - 1)))
            self._drawn = []

    def draw(self, lines: Sequence[Text]) -> None:
        """Draw lines in place of those that are there; each fits into a row."""
        shown = lines[: max(1, self._console.size.height - 1)]
        with self._console:  # one write: no half of it is ever seen
            self.erase()
            self._console.print(Text("\n").join(shown), end="", soft_wrap=True)
        self._drawn = [line.cell_len for line in shown]
