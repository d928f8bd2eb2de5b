"""Builds the manual: ``python docs/manual.py OUT``. A warning, or a link that leads nowhere, is an error.

The pages are those of ``docs/``, README and CONTRIBUTING, which also read well where they are. ``docs/README.md`` lists
them and so makes the contents. The reference is written from the code, below ``docs/reference/`` of the manual, and is
linked where a page says ``<!-- reference: NAME -->``.
"""

import argparse
import re
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

from sphinx.cmd.build import build_main

from _reference import commands, files, library, scenarios

ROOT = Path(__file__).parents[1]
CONTENTS = Path("docs/README.md")
REFERENCE: Mapping[str, Callable[[], str]] = {
    "bench-toml": files.bench_toml,
    "plan": files.plan,
    "known-issues": files.known_issues,
    "commands": commands.commands,
    "pytest-options": commands.pytest_options,
    "exit-codes": commands.exit_codes,
    "suites": scenarios.suites,
    "fixtures": scenarios.fixtures,
    "markers": scenarios.markers,
    "features": scenarios.features,
    "profiles": scenarios.profiles,
    "python-api": library.python_api,
}
"""Name of a page -> what writes it."""
_LINK = re.compile(r"\]\(([^)#\s]+)(#[^)\s]*)?\)")
_MARK = re.compile(r"<!-- reference: ([a-z, -]+) -->")


def main() -> None:
    """Build the manual into the folder that the command line names."""
    parser = argparse.ArgumentParser(description="Build the manual. It is OUT/index.html.")
    parser.add_argument("out", metavar="OUT", type=Path, help="its folder: new, empty, or that of an older one")
    out = parser.parse_args().out
    _remove_older(out)
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder)
        gather(source)
        options = ["-q", "-W", "--keep-going", "-j", "auto", "-b", "html", "-c", str(ROOT / "docs")]
        code = build_main([*options, "-d", str(source / ".doctrees"), str(source), str(out)])
    if code:
        sys.exit("the manual has errors, see above")
    dead = list(dead_links(out))
    if dead:
        sys.exit("\n".join(["links of the manual lead nowhere:", *dead]))
    print(f"the manual is {out / 'index.html'}")


def _remove_older(out: Path) -> None:
    """Remove an older manual, so that no page of it stays; end for a folder that holds anything else."""
    if (out / "objects.inv").is_file():
        shutil.rmtree(out)
    elif out.is_dir() and any(out.iterdir()):
        sys.exit(f"{out} is not a manual: name a new or empty folder")


def gather(source: Path) -> None:
    """Write the sources of the manual into a folder that looks like the repository."""
    parts = contents((ROOT / CONTENTS).read_text(encoding="utf-8"))
    pages = [page for listed in parts.values() for page in listed]
    missed = {f"docs/{file.name}" for file in (ROOT / "docs").glob("*.md")} - {CONTENTS.as_posix(), *pages}
    if missed:
        sys.exit(f"{CONTENTS} does not list {', '.join(sorted(missed))}")
    for page in ("README.md", CONTENTS.as_posix(), *pages):
        _copy(page, source)
    texts = {name: write() for name, write in REFERENCE.items()}
    parts["Reference"] = {f"docs/reference/{name}.md": _title(text) for name, text in texts.items()}
    for name, text in texts.items():
        _write(source / f"docs/reference/{name}.md", text)
    text = (source / "README.md").read_text(encoding="utf-8")
    (source / "README.md").unlink()
    _write(source / "index.md", text + "".join(_toctree(*part) for part in parts.items()))


def contents(text: str) -> dict[str, dict[str, str]]:
    """Return part -> page -> title, as the headings and lists of the page of contents have them."""
    parts: dict[str, dict[str, str]] = {}
    for line in text.split("\n"):
        entry = re.match(r"\* \[(.+?)\]\((.+?)\)", line)
        if line.startswith("## "):
            pages = parts[line[3:]] = {}
        elif entry:
            pages[_from_root(CONTENTS.parent, entry[2])] = entry[1]
    return parts


def _toctree(caption: str, pages: Mapping[str, str]) -> str:
    listed = [f"{title} <{page.removesuffix('.md')}>" for page, title in pages.items()]
    return "\n".join(("\n```{toctree}", ":hidden:", f":caption: {caption}", "", *listed, "```\n"))


def _copy(page: str, source: Path) -> None:
    """Copy a page, and the files of the repository that it links: they can be looked at from the manual."""
    text = (ROOT / page).read_text(encoding="utf-8")
    folder = Path(page).parent
    for link, _ in _LINK.findall(text):
        linked = ROOT / _from_root(folder, link) if "://" not in link else None
        if linked and linked.is_file() and linked.suffix != ".md":
            target = source / linked.relative_to(ROOT)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(linked, target)
    text = _LINK.sub(lambda found: f"]({_to_index(found[1])}{found[2] or ''})", text)
    alone = "---\norphan: true\n---\n" if Path(page) == CONTENTS else ""
    _write(source / page, alone + _MARK.sub(_pages_of_reference, text))


def _from_root(folder: Path, link: str) -> str:
    return (ROOT / folder / link).resolve().relative_to(ROOT).as_posix()


def _to_index(link: str) -> str:
    return link.replace("../README.md", "../index.md") if link.startswith("../README.md") else link


def _pages_of_reference(mark: "re.Match[str]") -> str:
    names = mark[1].split(", ")
    pages = ", ".join(f"[{_title(REFERENCE[name]())}](reference/{name}.md)" for name in names)
    return f"In this manual: {pages}."


def _title(text: str) -> str:
    """Return the heading of a page."""
    return text.partition("\n")[0].removeprefix("# ")


def _write(file: Path, text: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")


class _Links(HTMLParser):
    """Collects the addresses that a page names, and the ids that it has."""

    def __init__(self) -> None:
        super().__init__()
        self.links: list[str] = []
        self.ids: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            if name == "id":
                self.ids.add(value or "")
            elif name in ("href", "src") and value:
                self.links.append(value)


def dead_links(manual: Path) -> Iterator[str]:
    """Yield a line for each link of a built manual that leads to no file, or to no place in it."""
    pages: dict[Path, _Links] = {}
    for file in sorted(manual.rglob("*.html")):
        pages[file.resolve()] = links = _Links()
        links.feed(file.read_text(encoding="utf-8"))
    for file, links in pages.items():
        for link in links.links:
            parts = urlsplit(link)
            if parts.scheme or parts.netloc:
                continue
            target = (file.parent / unquote(parts.path)).resolve() if parts.path else file
            known = pages.get(target)
            if not target.exists() or (parts.fragment and known and unquote(parts.fragment) not in known.ids):
                yield f"    {file.relative_to(manual.resolve())}: {link}"


if __name__ == "__main__":
    main()
