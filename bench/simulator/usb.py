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

    def kernel_properties(self, number: int) -> dict[str, str]:
        """Return what the kernel itself says of the device, by its number on the first bus."""
        return {
            "DEVNAME": f"bus/usb/001/{number:03d}",
            "PRODUCT": f"{int(self.vendor, 16):x}/{int(self.product, 16):x}/100",
            "TYPE": "239/2/1",
            "BUSNUM": "001",
            "DEVNUM": f"{number:03d}",
        }

    def device_properties(self, place: str) -> dict[str, str]:
        """Return the properties that udev's own rules compute for the device, and for each of its ports."""
        maker, name = (text.replace(" ", "_") for text in (self.manufacturer, self.name))
        return {
            "ID_BUS": "usb",
            "ID_VENDOR": maker,
            "ID_VENDOR_ID": self.vendor,
            "ID_MODEL": name,
            "ID_MODEL_ID": self.product,
            "ID_SERIAL": f"{maker}_{name}_{self.serial}",
            "ID_SERIAL_SHORT": self.serial,
            "ID_PATH": f"pci-0000:00:14.0-usb-0:{place.partition('-')[2]}",
        }

    def properties(self, interface: str, place: str) -> dict[str, str]:
        """Return the properties that udev's own rules compute for the tty of an interface."""
        own = self.device_properties(place)
        return own | {
            "ID_USB_DRIVER": "cdc_acm",
            "ID_USB_INTERFACE_NUM": interface,
            "ID_PATH": f"{own['ID_PATH']}:1.{int(interface, 16)}",
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
    """Return the device of a simulated board of a rack; ``number``, from 1, is the end of its serial number."""
    return {
        "nrf9160dk": _probe("1055", f"0009600{number:05d}", ("00", "02", "04")),
        "nrf9161dk": _probe("1069", f"0010509{number:05d}", ("00", "02")),
        "nrf9151dk": _probe("1069", f"0010512{number:05d}", ("00", "02")),
        "thingy91": UsbDevice(
            "1915", "9100", "Nordic Semiconductor", "Thingy:91 UART", f"THINGY91_{number:012X}", ("00", "02")
        ),
        "thingy91x": UsbDevice(
            "1915", "910a", "Nordic Semiconductor", "Thingy:91 X UART", f"THINGY91X_F3{number:09X}", ("01", "04")
        ),
    }[model]
