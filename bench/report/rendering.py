"""The rendering of templates with jinja2, with every value escaped for HTML or for Markdown."""

import re
from functools import lru_cache
from html import escape
from urllib.parse import quote

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from bench.visible import visible

_LINE = 300
_SPACE = re.compile(r"\s*[\r\n\v\f\x1c-\x1e\x85\u2028\u2029]+\s*")
_MARKDOWN = re.compile(r"([\\`*\[\]|~]|(?<![A-Za-z0-9])_|_(?![A-Za-z0-9]))")
_LINE_START = re.compile(r"^(\s*\d*)([#+=.)>-])")
_MARKUP = re.compile(r"<|&(?=#?\w+;)")  # nothing else begins an element or an entity: a mail shows the rest as it is
_BETWEEN_WORDS = re.compile(r"(?<=[/_])(?=[^/_\[\s])|(?<=::)(?=\S)|(?<=\w)(?=\[)")
_PLAIN_CODE = re.compile(r"[^`|<&\x00-\x1f\x7f\x85\u2028\u2029]+")


def render_html(template: str, **values: object) -> str:
    """Return a page of HTML; each value is escaped, unless it is ``Markup``."""
    return _environment(html=True).get_template(template).render(values)


def render_markdown(template: str, **values: object) -> str:
    """Return a page of Markdown; each value is one line of plain text, unless it is ``Markup``."""
    return _environment(html=False).get_template(template).render(values)


def compile_html(*templates: str) -> None:
    """Compile templates now, for copies of this process that will render them."""
    for template in templates:
        _environment(html=True).get_template(template)


@lru_cache(maxsize=2)
def _environment(*, html: bool) -> Environment:
    environment = Environment(
        loader=PackageLoader("bench.report"),
        autoescape=html,
        finalize=_html_value if html else _markdown_value,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= {
        "breakable": breakable,
        "code": markdown_code,
        "cut": cut,
        "slots": unbroken_names,
        "target": link_target,
    }
    return environment


def _html_value(value: object) -> object:
    return visible(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def _markdown_value(value: object) -> Markup:
    return value if isinstance(value, Markup) else markdown_text(str(value))


def markdown_text(text: str) -> Markup:
    """Return a text as one line without any markup of Markdown or HTML."""
    line = _MARKDOWN.sub(r"\\\1", _MARKUP.sub(_as_entity, visible(_SPACE.sub(" ", text))))
    return Markup(_LINE_START.sub(r"\1\\\2", line))


def _as_entity(match: re.Match[str]) -> str:
    return escape(match.group())


def markdown_code(text: str) -> Markup:
    """Return a code span, or plain text where a span cannot hold the text."""
    shown = visible(text)
    return Markup(f"`{shown}`") if _PLAIN_CODE.fullmatch(shown) else markdown_text(shown)


def breakable(text: str) -> Markup:
    """Return a name for HTML that may be broken between its words, and nowhere else."""
    return Markup(_BETWEEN_WORDS.sub("<wbr>", escape(visible(text))))


def cut(text: str) -> str:
    """Return a text, cut to the length of a line of a page."""
    return text[:_LINE]


def unbroken_names(names: str) -> Markup:
    """Return a list of names for HTML, with line breaks between them only."""
    return Markup(", ").join(Markup('<span class="slot">{}</span>').format(visible(name)) for name in names.split(", "))


def link_target(path: str) -> Markup:
    """Return a link for Markdown, without any character that could end it."""
    return Markup(quote(path, safe="/%#").replace("~", "%7E"))
