"""The simulator's own table of boards on USB, as the kernel and udev see them. Sources: descriptors of boards."""

from dataclasses import dataclass


@dataclass(frozen=True)
class UsbDevice:
    """One USB device with CDC serial ports.

    Attributes:
        vendor: id, four hexadecimal digits.
        product: likewise.
        manufacturer: text of the descriptor.
        name: text of the descriptor.
        serial: serial number.
        interfaces: numbers of the CDC control interfaces, two hexadecimal digits; each has a tty.
    """

    vendor: str
    product: str
    manufacturer: str
    name: str
    serial: str
    interfaces: tuple[str, ...]

    def properties(self, interface: str, place: str) -> dict[str, str]:
        """Return the properties that udev's own rules compute for the tty of an interface."""
        maker, name = (text.replace(" ", "_") for text in (self.manufacturer, self.name))
        path = f"pci-0000:00:14.0-usb-0:{place.partition('-')[2]}:1.{int(interface, 16)}"
        return {
            "ID_BUS": "usb",
            "ID_VENDOR": maker,
            "ID_VENDOR_ID": self.vendor,
            "ID_MODEL": name,
            "ID_MODEL_ID": self.product,
            "ID_SERIAL": f"{maker}_{name}_{self.serial}",
            "ID_SERIAL_SHORT": self.serial,
            "ID_USB_DRIVER": "cdc_acm",
            "ID_USB_INTERFACE_NUM": interface,
            "ID_PATH": path,
        }

    def links(self, interface: str, place: str) -> tuple[str, ...]:
        """Return the symbolic links below /dev that udev makes for the tty of an interface."""
        properties = self.properties(interface, place)
        return (
            f"serial/by-id/usb-{properties['ID_SERIAL']}-if{interface}",
            f"serial/by-path/{properties['ID_PATH']}",
        )


def _probe(product: str, serial: str, interfaces: tuple[str, ...]) -> UsbDevice:
    return UsbDevice("1366", product, "SEGGER", "J-Link", serial, interfaces)


def usb_device(model: str, number: int) -> UsbDevice:
    """Return the device of the ``number``-th simulated board of a rack, from 0."""
    return {
        "nrf9160dk": _probe("1055", f"0009600{number + 1:05d}", ("00", "02", "04")),
        "nrf9161dk": _probe("1069", f"0010509{number + 1:05d}", ("00", "02")),
        "nrf9151dk": _probe("1069", f"0010512{number + 1:05d}", ("00", "02")),
        "thingy91": UsbDevice(
            "1915", "9100", "Nordic Semiconductor", "Thingy:91 UART", f"THINGY91_{number + 1:012X}", ("00", "02")
        ),
        "thingy91x": UsbDevice(
            "1915", "910a", "Nordic Semiconductor", "Thingy:91 X UART", f"THINGY91X_F3{number + 1:09X}", ("01", "04")
        ),
    }[model]
