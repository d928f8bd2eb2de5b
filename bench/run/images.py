"""The images of a run: which board is to hold which, read and checked before any board is touched."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from bench.boards import BoardSpec
from bench.config.lab import Config
from bench.config.plan import Plan
from bench.errors import UsageError
from bench.flashing import Image, ImageKind, programmer_of, read_image
from bench.run.request import RunRequest


@dataclass(frozen=True)
class WantedImages:
    """The images that boards are to hold.

    Attributes:
        common: for every board under test, one a kind at most.
        own: of the inventory, by slot; they count where there is no common one.
        golden: what is put back after the run; empty puts nothing back.
        always: program boards that hold them already, too.
    """

    common: tuple[Image, ...] = ()
    own: Mapping[str, tuple[Image, ...]] = field(default_factory=dict)
    golden: tuple[Image, ...] = ()
    always: bool = False

    def of(self, spec: BoardSpec) -> tuple[Image, ...]:
        """Return the images of a board; none for one that keeps what it has. A control board gets only its own."""
        common = () if spec.control_board else self.common
        kinds = {image.kind for image in common}
        return (*common, *(image for image in self.own.get(spec.slot, ()) if image.kind not in kinds))

    def back(self, images: Sequence[Image]) -> tuple[Image, ...]:
        """Return what is put back on a board that got these images."""
        kinds = {image.kind for image in images}
        return tuple(image for image in self.golden if image.kind in kinds)


def wanted_images(request: RunRequest, lab: Config, plan: Plan | None, boards: Sequence[BoardSpec]) -> WantedImages:
    """Return the images of a run.

    Raises:
        UsageError: one cannot be used, has another digest than the plan says, or a board has no programmer for it.
    """
    common = tuple(_common(request, plan))
    own = {spec.slot: images for spec in boards if (images := tuple(_own(spec)))}
    flash = lab.flash
    golden = _golden(lab) if request.restore or flash.restore else ()
    if request.restore and not golden:
        raise UsageError("--restore needs [flash] golden_image in bench.toml: the image that is put back")
    wanted = WantedImages(common, own, golden, request.flash_always or flash.always)
    if request.flash_always and not (common or own):
        raise UsageError("--flash-always needs an image: --image FILE, or `image` of a board in bench.toml")
    for spec in boards:
        for image in wanted.of(spec):
            programmer_of(spec, flash, image.kind)
    return wanted


def _common(request: RunRequest, plan: Plan | None) -> Iterator[Image]:
    planned = plan.firmware if plan is not None else None
    rows = (
        (ImageKind.APPLICATION, "image", request.image, "sha256", "says"),
        (ImageKind.MODEM, "modem_image", request.modem_image, "modem_sha256", "modem_says"),
    )
    for kind, key, named, digest_key, says_key in rows:
        path: Path | None = getattr(planned, key, None)
        digest, says = str(getattr(planned, digest_key, "")), str(getattr(planned, says_key, ""))
        option = f"--{key.replace('_', '-')}"
        if named is not None and path is not None:
            raise UsageError(f"{option} with --plan: the plan names its image, {path}")
        if named is None and path is None:
            if digest or says:
                raise UsageError(f"the plan is about {_article(kind)} image that it does not name: add {option} FILE")
            continue
        yield read_image(named or path or Path(), kind, sha256=digest, says=says)


def _article(kind: ImageKind) -> str:
    return f"an {kind}" if kind is ImageKind.APPLICATION else f"a {kind}"


def _own(spec: BoardSpec) -> Iterator[Image]:
    if spec.image:
        yield read_image(Path(spec.image), ImageKind.APPLICATION)
    if spec.modem_image:
        yield read_image(Path(spec.modem_image), ImageKind.MODEM)


def _golden(lab: Config) -> tuple[Image, ...]:
    named = ((lab.flash.golden_image, ImageKind.APPLICATION), (lab.flash.golden_modem_image, ImageKind.MODEM))
    return tuple(read_image(path, kind) for path, kind in named if path is not None)
