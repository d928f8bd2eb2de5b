"""The boards that a run wants of a lab: from selectors, a number, or a plan, to tags that labgrid compares."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from bench.boards.discovery import same_serial
from bench.boards.selection import ALL, Selector
from bench.config.plan import Plan
from bench.config.selector import FIRMWARE_KINDS, Condition
from bench.errors import UsageError
from bench.lab.places import KIND, LABEL, LabPlace

_KINDS: Mapping[str, Callable[[LabPlace, Condition], bool]] = {
    "name": lambda place, condition: condition.matches(place.name),
    "model": lambda place, condition: condition.matches(place.tags.get("model", "")),
    "serial": lambda place, condition: same_serial(condition.value, place.tags.get("serial", "")),
    "label": lambda place, condition: any(map(condition.matches, place.labels)),
}


@dataclass(frozen=True)
class Wish:
    """One board that a run wants.

    Attributes:
        tags: that its place must have.
        text: for a person.
        firmware: conditions that only the board itself can tell, with commas between; its host asks it.
    """

    tags: Mapping[str, str]
    text: str
    firmware: str = ""

    @property
    def name(self) -> str:
        """The board, where only one fits by its name."""
        return self.tags.get("name", "")


def wishes(selectors: Sequence[str], count: int | None, plan: Plan | None, places: Sequence[LabPlace]) -> list[Wish]:
    """Return one wish for each board that a run wants.

    Args:
        selectors: of boards, as ``--board`` takes them.
        count: how many boards that fit the only selector; None wants each that fits one.
        plan: whose boards count where no selector names others.
        places: of the lab.

    Raises:
        UsageError: nothing says which boards, or no board of the lab fits.
    """
    if plan is not None and not selectors and count is None:
        found = [Wish({**KIND, "model": one.model}, one.model) for one in plan.boards for _ in range(one.count)]
        return _checked(found, places)
    if count is not None:
        if len(selectors) > 1:
            raise UsageError(
                "--count with several --board: give one, which all the boards fit; its conditions may have"
                " commas between"
            )
        return _checked([_any_of(selectors[0] if selectors else ALL, places)] * count, places)
    if not selectors:
        raise UsageError("--lab: say which boards: --board SELECTOR, or --count N for any; --board all is every one")
    chosen: dict[str, Wish] = {}
    for text in selectors:
        own, firmware = _conditions(text)
        fitting = [place.name for place in places if all(_holds(one, place) for one in own)]
        if not fitting:
            raise UsageError(_no_board(text, places))
        chosen |= {name: Wish({**KIND, "name": name}, name, firmware) for name in sorted(fitting)}
    return list(chosen.values())


def _conditions(text: str) -> tuple[list[Condition], str]:
    """Return the conditions of a selector that the lab can tell, and those that only a board can, as a text.

    Raises:
        UsageError: a kind that the lab does not know of its boards.
    """
    own, firmware = [], []
    for one in Selector.parse(text).conditions:
        if one.kind in FIRMWARE_KINDS:
            firmware.append(f"{one.kind}={one.value}")
        elif one.kind and one.kind not in _KINDS:
            raise UsageError(f"--board {text}: a lab of several hosts knows {', '.join(_KINDS)} of its boards")
        else:
            own.append(one)
    return own, ",".join(firmware)


def _holds(condition: Condition, place: LabPlace) -> bool:
    if condition.kind:
        return _KINDS[condition.kind](place, condition)
    return condition.value == ALL or any(matches(place, condition) for matches in _KINDS.values())


def _any_of(text: str, places: Sequence[LabPlace]) -> Wish:
    """Return the wish for any board that fits a selector; labgrid compares tags, and knows no patterns.

    Raises:
        UsageError: it has a pattern, or no board fits.
    """
    own, firmware = _conditions(text)
    tags = dict(KIND)
    for one in own:
        if one.is_pattern:
            raise UsageError(f"--count with --board {text}: labgrid knows no pattern; write a label or a whole name")
        fitting = next((place for place in places if _holds(one, place)), None)
        if fitting is None:
            raise UsageError(_no_board(text, places))
        kind = one.kind or next((kind for kind, matches in _KINDS.items() if matches(fitting, one)), "")
        tags |= _tags_of_condition(kind, one.value, fitting)
    return Wish(tags, text, firmware)


def _tags_of_condition(kind: str, value: str, fitting: LabPlace) -> dict[str, str]:
    """Return the tags of a condition; none for every board."""
    match kind:
        case "":
            return {}
        case "serial":
            return {"serial": fitting.tags["serial"]}  # as the host writes it, zeros in front
        case "label":
            return {f"{LABEL}{value}": "yes"}
    return {kind: value}


def _checked(found: list[Wish], places: Sequence[LabPlace]) -> list[Wish]:
    for wish in found:
        fitting = sum(place.fits(wish.tags) for place in places)
        if not fitting:
            raise UsageError(_no_board(wish.text, places))
        wanted = found.count(wish)
        if fitting < wanted:
            raise UsageError(f"{wanted} boards are wanted that are {wish.text}, the lab has {fitting}")
    return found


def _no_board(text: str, places: Sequence[LabPlace]) -> str:
    names = ", ".join(sorted(place.name for place in places)[:20]) or "none; nrf91-bench lab add HOST adds a host's"
    return f"no board of the lab is {text}; its boards: {names} (`nrf91-bench boards --lab` shows them)"
