"""The version of Serial Modem as one that version ranges can compare."""

import re

# Of git describe, or the VERSION file: v1.0.1, v1.99.0-67-ga9e396bc3d58, v2.0.0-preview1, each also with -dirty.
_DESCRIBED = re.compile(
    r"v?(?P<release>\d+(?:\.\d+)*)(?:-?(?:preview|rc)\.?(?P<preview>\d+))?(?:-(?P<commits>\d+)-(?P<hash>g[0-9a-f]+))?"
    r"(?P<dirty>-dirty)?"
)


def comparable_version(text: str) -> str:
    """Return a version in the form of PEP 440; leave a text of another form as it is.

    Commits behind a tag make a post-release of it: ``v1.99.0-67-ga9e396bc3d58`` is ``1.99.0.post67+ga9e396bc3d58``,
    which is within ``>=1.99,<2``. A preview comes before its release: ``v2.0.0-preview1`` is ``2.0.0rc1``.
    """
    match = _DESCRIBED.fullmatch(text.strip())
    if match is None:
        return text
    version = match["release"]
    if match["preview"]:
        version += f"rc{int(match['preview'])}"
    if match["commits"]:
        version += f".post{int(match['commits'])}"
    local = ".".join(part for part in (match["hash"], "dirty" if match["dirty"] else "") if part)
    return f"{version}+{local}" if local else version
