"""Texts that stand below the attributes of a class, or the members of an enum."""

import ast
import inspect
import textwrap

from _reference.markdown import text_of


def attribute_texts(owner: type) -> dict[str, str]:
    """Return attribute -> the text below it, of a class and its bases."""
    texts: dict[str, str] = {}
    for base in reversed(owner.__mro__):
        if base.__module__.startswith("bench."):
            texts |= _own_texts(base)
    return texts


def _own_texts(owner: type) -> dict[str, str]:
    (definition,) = ast.parse(textwrap.dedent(inspect.getsource(owner))).body
    assert isinstance(definition, ast.ClassDef)
    texts = {}
    for statement, following in zip(definition.body, definition.body[1:], strict=False):
        name = _name_of(statement)
        if name and isinstance(following, ast.Expr) and isinstance(following.value, ast.Constant):
            texts[name] = text_of(str(following.value.value))
    return texts


def _name_of(statement: ast.stmt) -> str:
    targets: list[ast.expr] = []
    if isinstance(statement, ast.AnnAssign):
        targets = [statement.target]
    elif isinstance(statement, ast.Assign):
        targets = statement.targets
    return next((target.id for target in targets if isinstance(target, ast.Name)), "")
