"""System mode: the radio systems that the modem uses. Nordic's AT commands reference (%XSYSTEMMODE)."""

from collections.abc import Sequence
from dataclasses import dataclass

from bench.at import AtLink
from bench.at.numbers import whole_number
from bench.modem.answers import Answers


@dataclass(frozen=True, slots=True)
class SystemMode:
    """The systems that the modem uses.

    Attributes:
        lte_m, nb_iot, gnss: whether it uses them.
        preference: as in Nordic's reference: 0 none, 1 LTE-M, 2 NB-IoT.
        ntn: whether it uses NB-IoT by satellite; None where its firmware has no such field.
    """

    lte_m: bool = False
    nb_iot: bool = False
    gnss: bool = False
    preference: int = 0
    ntn: bool | None = None

    @classmethod
    def of(cls, fields: Sequence[str]) -> "SystemMode | None":
        """Return the mode of the fields of ``%XSYSTEMMODE``; None where they are not three numbers or more."""
        numbers = [whole_number(field) for field in fields]
        if len(numbers) < 3 or None in numbers:
            return None
        lte_m, nb_iot, gnss, *more = numbers
        ntn = bool(more[1]) if len(more) > 1 else None
        return cls(bool(lte_m), bool(nb_iot), bool(gnss), (more[0] or 0) if more else 0, ntn)

    @property
    def fields(self) -> str:
        """Return the fields of the command."""
        usual = f"{int(self.lte_m)},{int(self.nb_iot)},{int(self.gnss)},{self.preference}"
        return usual if self.ntn is None else f"{usual},{int(self.ntn)}"

    @property
    def text(self) -> str:
        """Return the systems for a person: ``LTE-M, GNSS``."""
        named = {"LTE-M": self.lte_m, "NB-IoT": self.nb_iot, "NB-IoT NTN": self.ntn, "GNSS": self.gnss}
        return ", ".join(name for name, used in named.items() if used) or "without a radio system"


def read_system_mode(link: AtLink) -> SystemMode:
    """AT%XSYSTEMMODE?.

    Raises:
        CommandError: the modem refused.
        MalformedAnswer: its answer cannot be read.
    """
    answers = Answers(link, link.command("AT%XSYSTEMMODE?"))
    mode = SystemMode.of(answers.one("%XSYSTEMMODE", fields=3))
    if mode is None:
        answers.refuse("%XSYSTEMMODE with numbers")
    return mode
