"""The suite upgrade on a simulated board: from image to image and back, and an image that takes something with it."""

import subprocess
from pathlib import Path

import pytest

from tests.support.images import application
from tests.support.lab import COMMAND, Finished, Lab


def upgraded(lab: Lab, *arguments: str) -> Finished:
    words = [*COMMAND, "run", "--simulate", "1", "--suite", "upgrade", "--out", str(lab.out), "--", *arguments]
    done = subprocess.run(
        words, cwd=lab.folder, capture_output=True, text=True, timeout=300, env=lab.environment, check=False
    )
    assert "Traceback" not in done.stdout + done.stderr
    return Finished(done.returncode, done.stdout + done.stderr, lab.out)


@pytest.mark.long
def test_from_slm_to_serial_modem_and_back(lab: Lab) -> None:
    first = application(lab.folder / "a.hex", "3.1.1")
    second = application(lab.folder / "b.hex", "v2.0.0", firmware="serial-modem")
    done = upgraded(lab, "--upgrade-from", "a.hex", "--upgrade-to", "b.hex")
    assert (done.code, done.summary["passed"]) == (0, 5), done.output
    assert done.summary["images"] == {"a.hex": first.sha256, "b.hex": second.sha256}


@pytest.mark.long
def test_an_image_that_takes_the_credentials_with_it_is_found(lab: Lab) -> None:
    application(lab.folder / "a.hex", "3.1.1")
    application(lab.folder / "b.hex", "3.1.2", wipes=True)
    done = upgraded(lab, "--upgrade-from", "a.hex", "--upgrade-to", "b.hex")
    failed = [row["test"] for row in done.rows if row["type"] == "finish" and row["outcome"] == "failed"]
    assert failed == ["test_upgrade.py::test_credentials_stay"], done.output


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--upgrade-to", "a.hex"), "belong together"),
        (("--upgrade-from", "a.hex", "--upgrade-to", "none.hex"), "none.hex cannot be read"),
    ],
)
def test_mistakes_are_told_before_any_test(lab: Lab, tmp_path: Path, arguments: tuple[str, ...], says: str) -> None:
    application(tmp_path / "a.hex")
    done = upgraded(lab, *arguments)
    assert (done.code, says in done.output) == (2, True), done.output
