"""What a lab's files name: programs, secrets, the history. It is looked at before anything runs: no board is blamed."""

import os
import shutil
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

from bench.config.lab import AccessPointConfig, Config
from bench.config.toml_file import ConfigError, Location, key_of, line_of, read_text
from bench.errors import in_words
from bench.secret import PASSWORD, PIN, NoSecret, SecretForm

_SQLITE = b"SQLite format 3\0"


@dataclass(frozen=True)
class Unusable:
    """Something that a file names and that cannot be used.

    Attributes:
        location: the keys that lead there, such as ``("recovery", "reset")``.
        what: is wrong.
        cure: what to do.
    """

    location: Location
    what: str
    cure: str

    @property
    def key(self) -> str:
        """The place for a person: ``boards #1.pin``."""
        return key_of(self.location)


def check_named(path: Path | None, config: Config, boards: Collection[str], history: Path | None) -> None:
    """Check what a lab's file names.

    Args:
        path: of the file; None for the default lab.
        config: its content.
        boards: names of the boards that take part; the secrets of other boards are not read.
        history: the history file that counts; None for a run that is in no history.

    Raises:
        ConfigError: names file, line and key of each, and the cure.
    """
    found = list(unusable(config, boards, history))
    if not found:
        return
    text = read_text(path) if path is not None else ""
    lines = []
    for one in found:
        line = line_of(text, one.location)
        lines.append(f"    {f'line {line}, ' if line else ''}{one.key}: {one.what}; {one.cure}")
    raise ConfigError(f"{path or 'this lab'} names what cannot be used:\n" + "\n".join(lines))


def unusable(config: Config, boards: Collection[str], history: Path | None) -> Iterator[Unusable]:
    """Yield what a lab's file names and that cannot be used; see :func:`check_named`."""
    if history is not None:
        yield from _history(history)
    yield from _programs(config)
    if config.network.access_point is not None:
        yield from _access_point(("network", "access_point"), config.network.access_point, needed=True)
    for number, entry in enumerate(config.boards):
        needed = entry.name in boards
        if entry.pin:
            yield from _secret(("boards", number, "pin"), entry.pin, PIN, needed=needed)
        if entry.access_point is not None:
            yield from _access_point(("boards", number, "access_point"), entry.access_point, needed=needed)


def _programs(config: Config) -> Iterator[Unusable]:
    commands = {
        ("recovery", "reset"): config.recovery.reset,
        ("recovery", "power_cycle"): config.recovery.power_cycle,
        ("coverage", "lose"): config.coverage.lose,
        ("coverage", "restore"): config.coverage.restore,
        ("flash", "command"): config.flash.command,
        ("flash", "bootloader"): config.flash.bootloader,
        ("notify", "command"): config.notify.command,
        ("peers", "ssh"): ("ssh",) if config.peers.ssh else None,
        ("lab", "ssh"): config.lab.ssh if config.lab.coordinator else None,
    }
    for location, command in commands.items():
        if command and shutil.which(command[0]) is None:
            yield Unusable(location, f"there is no program {command[0]}", "install it, or give its whole path")


def _access_point(location: Location, point: AccessPointConfig, *, needed: bool) -> Iterator[Unusable]:
    if point.password:
        yield from _secret((*location, "password"), point.password, PASSWORD, needed=needed)


def _secret(location: Location, source: str, form: SecretForm, *, needed: bool) -> Iterator[Unusable]:
    """Yield what is wrong with a secret; of one that is not needed only that its file is missing."""
    kind, _, name = source.partition(":")
    if not needed:
        if kind == "file" and not os.path.lexists(name):
            yield Unusable(location, f"there is no file {name}", f"write the {form.name} into it, chmod 600")
        return
    try:
        form.read(source)
    except NoSecret as error:
        yield Unusable(location, str(error), f"it must hold the {form.name} and nothing else")


def _history(path: Path) -> Iterator[Unusable]:
    wrong = _why_no_history(path)
    if wrong:
        yield Unusable(("history",), f"{path} {wrong}", "name a file that you may write (history, --history)")


def _why_no_history(path: Path) -> str:
    """Return why runs cannot be kept in a file; empty when they can."""
    try:
        if path.is_dir():
            return "is a folder"
        if path.exists():
            with path.open("rb+") as file:
                if file.read(len(_SQLITE)) not in (b"", _SQLITE):
                    return "is not a history"
        # Also beside a file that is there: SQLite keeps its journal there.
        parent = next(one for one in path.absolute().parents if one.exists())
    except (OSError, ValueError) as error:
        return f"cannot be used: {in_words(error)}"
    if not parent.is_dir():
        return f"cannot be made: {parent} is not a folder"
    return "" if os.access(parent, os.W_OK | os.X_OK) else f"cannot be kept: no permission to write in {parent}"
