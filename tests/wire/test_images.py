"""Image files: what is read, what is refused before any board is touched, and what a board must say afterwards."""

import hashlib
import io
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest

from bench.boards import BoardSpec
from bench.config.flash import FlashConfig
from bench.errors import UsageError
from bench.flashing import Image, ImageKind, programmer_of, read_image, said_by
from bench.flashing.images import is_said
from bench.modem import SERIAL_LTE_MODEM, SERIAL_MODEM, Identity
from bench.simulator.image import BadImage, SimulatedImage, write_image
from bench.simulator.image import read_image as read_simulated
from bench.simulator.profiles import Faults

HEX = b":10000000000102030405060708090A0B0C0D0E0F78\n:00000001FF\n"
SLM = Identity(
    dialect=SERIAL_LTE_MODEM, manufacturer="", part="", modem_firmware="mfw_nrf91x1_2.0.2", hardware="",
    application_version="3.1.0", ncs_version="3.1.0", imei="", imsi="", iccid="", uuid="", customer_version="blue",
)  # fmt: skip
SM = replace(SLM, dialect=SERIAL_MODEM, application_version="1.99.0.post67+ga9e396bc3d58", customer_version="")


def zipped() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("firmware.bin", b"x")
    return buffer.getvalue()


class TestReading:
    @pytest.mark.parametrize(
        ("name", "data", "kind"),
        [
            ("app.hex", HEX, ImageKind.APPLICATION),
            ("app.HEX", HEX.replace(b"\n", b"\r\n"), ImageKind.APPLICATION),
            ("app.bin", b"\x00", ImageKind.APPLICATION),
            ("app.elf", b"\x7fELF\x01", ImageKind.APPLICATION),
            ("mfw_nrf91x1_2.0.2.zip", zipped(), ImageKind.MODEM),
        ],
    )
    def test_what_it_is(self, tmp_path: Path, name: str, data: bytes, kind: ImageKind) -> None:
        (tmp_path / name).write_bytes(data)
        image = read_image(tmp_path / name, kind, sha256=hashlib.sha256(data).hexdigest().upper())
        assert (image.name, image.kind, image.sha256) == (name, kind, hashlib.sha256(data).hexdigest())

    @pytest.mark.parametrize(
        ("name", "data", "says"),
        [
            ("none.hex", None, "cannot be read: No such file"),
            ("app.hex", b"", "is empty"),
            ("app.hex", HEX.replace(b"78", b"79"), "is corrupt: the checksum of line 1"),
            ("app.hex", HEX[:44], "is cut off"),
            ("app.hex", HEX[:20], "is not Intel HEX (line 1)"),
            ("app.hex", b"\xff" * 64, "is not Intel HEX (line 1)"),
            ("app.elf", b"MZ", "is not an ELF file"),
            ("app.txt", b"x", "its name must end in .hex, .bin or .elf"),
            ("app", b"x", "its name must end in"),
            ("app.zip", zipped(), "a modem image is named by --modem-image"),
            ("app\0.hex", None, "cannot be read"),
        ],
    )
    def test_what_is_refused(self, tmp_path: Path, name: str, data: bytes | None, says: str) -> None:
        if data is not None:
            (tmp_path / name).write_bytes(data)
        with pytest.raises(UsageError) as error:
            read_image(tmp_path / name, ImageKind.APPLICATION)
        assert says in str(error.value)

    def test_a_folder_and_a_modem_firmware_that_is_cut_off(self, tmp_path: Path) -> None:
        (tmp_path / "folder.hex").mkdir()
        (tmp_path / "mfw.zip").write_bytes(zipped()[:20])
        with pytest.raises(UsageError, match="Is a directory"):
            read_image(tmp_path / "folder.hex", ImageKind.APPLICATION)
        with pytest.raises(UsageError, match="is not a ZIP file, or cut off"):
            read_image(tmp_path / "mfw.zip", ImageKind.MODEM)

    def test_another_digest_than_the_one_wanted(self, tmp_path: Path) -> None:
        (tmp_path / "app.bin").write_bytes(b"x")
        with pytest.raises(UsageError, match=f"wanted is {'0' * 64}: it is another file"):
            read_image(tmp_path / "app.bin", ImageKind.APPLICATION, sha256="0" * 64)


class TestWhatABoardSays:
    @pytest.mark.parametrize(
        ("identity", "says", "holds"),
        [
            (SLM, "", True),
            (SLM, "SLM 3.1.0", True),
            (SLM, "3.1.0", True),
            (SLM, "blue", True),
            (SLM, "SLM 3.1.0, blue", True),
            (SLM, "SLM 3.1", False),
            (SLM, "green", False),
            (SM, "v1.99.0-67-ga9e396bc3d58", True),
            (SM, "Serial Modem 1.99.0.post67+ga9e396bc3d58", True),
            (SM, "v2.0.0", False),
        ],
    )
    def test_of_its_application(self, identity: Identity, says: str, holds: bool) -> None:
        assert is_said(identity, Image(Path("app.hex"), ImageKind.APPLICATION, "0" * 64, says)) is holds

    def test_of_its_modem(self) -> None:
        image = Image(Path("mfw.zip"), ImageKind.MODEM, "0" * 64, "mfw_nrf91x1_2.0.2")
        assert is_said(SLM, image)
        assert not is_said(SLM, replace(image, says="SLM 3.1.0"))
        assert said_by(SLM, ImageKind.MODEM) == "mfw_nrf91x1_2.0.2"


class TestProgrammers:
    """Command lines: nRF Util's are those of its documentation (nrfutil device program, Programming options)."""

    DK = BoardSpec("dk-1", "/dev/ttyACM0", serial="001051212345")

    def command(self, spec: BoardSpec, kind: ImageKind = ImageKind.APPLICATION, **config: object) -> list[str]:
        suffix = "zip" if kind is ImageKind.MODEM else "hex"
        flash = FlashConfig.model_validate(config)
        image = Image(Path(f"/lab/app.{suffix}"), kind, "0" * 64)
        return programmer_of(spec, flash, kind).command(spec, image, flash)

    def test_nrfutil(self) -> None:
        assert self.command(self.DK) == [
            "nrfutil", "device", "program", "--firmware", "/lab/app.hex", "--serial-number", "1051212345",
            "--options", "chip_erase_mode=ERASE_ALL,verify=VERIFY_READ,reset=RESET_SYSTEM",
        ]  # fmt: skip
        touched = self.command(self.DK, erase="touched", nrfutil=("/opt/nrfutil",))
        assert (touched[0], touched[-1].partition(",")[0]) == (
            "/opt/nrfutil",
            "chip_erase_mode=ERASE_RANGES_TOUCHED_BY_FIRMWARE",
        )
        assert self.command(self.DK, ImageKind.MODEM)[-1] == "verify=VERIFY_READ,reset=RESET_SYSTEM"

    def test_the_debug_probe_of_a_thingy(self) -> None:
        thingy = BoardSpec("x", "/dev/ttyACM0", serial="THINGY91X_F3000000002", programmer_id="001050000001")
        assert "1050000001" in self.command(thingy)
        words = self.command(replace(thingy, programmer="pyocd"))
        assert words[words.index("--uid") + 1] == "1050000001"

    def test_the_lab_s_own(self) -> None:
        command = ("west", "flash", "--id={id}", "{image}", "{kind}", "{name}", "{port}", "{serial}")
        assert self.command(self.DK, programmer="command", command=command) == [
            "west", "flash", "--id=1051212345", "/lab/app.hex", "application", "dk-1", "/dev/ttyACM0", "001051212345",
        ]  # fmt: skip

    @pytest.mark.parametrize(
        ("spec", "kind", "says"),
        [
            (BoardSpec("b", "/dev/ttyACM0"), ImageKind.APPLICATION, "give serial or programmer_id in bench.toml"),
            (
                replace(DK, programmer="pyocd"),
                ImageKind.MODEM,
                "pyocd cannot program a modem image; these can: nrfutil",
            ),
            (replace(DK, programmer="smp"), ImageKind.MODEM, "smp cannot program a modem image"),
            (replace(DK, programmer="command"), ImageKind.MODEM, "needs [flash] command in bench.toml"),
        ],
    )
    def test_what_none_can_do(self, spec: BoardSpec, kind: ImageKind, says: str) -> None:
        with pytest.raises(UsageError) as error:
            programmer_of(spec, FlashConfig(), kind)
        assert says in str(error.value)


class TestSimulatedImages:
    IMAGE = SimulatedImage("application", "v2.1.0", "serial-modem", 'a "b"', Faults(("#XSEND",), 0.15), silent=True)

    @pytest.mark.parametrize("suffix", ["hex", "bin", "zip"])
    def test_there_and_back(self, tmp_path: Path, suffix: str) -> None:
        path = tmp_path / f"image.{suffix}"
        write_image(path, self.IMAGE)
        assert read_simulated(path) == self.IMAGE
        kind = ImageKind.MODEM if suffix == "zip" else ImageKind.APPLICATION
        assert read_image(path, kind).name == path.name  # the bench takes it for a real one

    @pytest.mark.parametrize(
        ("changed", "says"),
        [
            (lambda text: text.replace(b"v2.1.0", b"v2.1.1"), "corrupt"),
            (lambda text: text[: len(text) // 2], "cut off"),
            (lambda _: b"\x7fELF", "not an image of a simulated board"),
        ],
    )
    def test_what_no_board_runs(self, tmp_path: Path, changed: object, says: str) -> None:
        assert callable(changed)
        (tmp_path / "image.bin").write_bytes(changed(self.IMAGE.encode()))
        with pytest.raises(BadImage, match=says):
            read_simulated(tmp_path / "image.bin")

    @pytest.mark.parametrize(
        ("image", "says"),
        [
            (SimulatedImage("application", "1", "slm-9"), "unknown firmware 'slm-9'; available"),
            (SimulatedImage("modem", "2.0.2"), "is not a modem firmware"),
            (SimulatedImage("bootloader", "1"), "neither application nor modem"),
        ],
    )
    def test_what_says_nonsense(self, image: SimulatedImage, says: str) -> None:
        with pytest.raises(BadImage, match=says):
            SimulatedImage.decode(image.encode())
