"""A CSI driver that shows folders of this machine to pods which bring its password; for a kubelet of the tests.

Usage: python csi_driver.py NAME NODE FOLDER PASSWORD, in the namespaces of a node and with grpcio. Each volume is the
folder below FOLDER that its attribute `bucket` names. Messages are read and written as they are on the wire.
"""

import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from importlib import import_module
from pathlib import Path
from typing import Any

KUBELET = Path("/var/lib/kubelet")


def message(*fields: tuple[int, str]) -> bytes:
    """Return a message of short texts, each with its number."""
    return b"".join(bytes([number << 3 | 2, len(text.encode())]) + text.encode() for number, text in fields)


def read(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield numbers and values of the fields of a message; of a number whether it is another one than 0."""
    place = 0

    def number() -> int:
        nonlocal place
        value, shift = 0, 0
        while True:
            byte = data[place]
            place += 1
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return value

    while place < len(data):
        key = number()
        size = number()
        if key & 7 == 2:
            yield key >> 3, data[place : place + size]
            place += size
        else:
            yield key >> 3, b"yes" if size else b""


def texts(request: bytes, field: int) -> dict[str, str]:
    """Return a map of texts that is a field of a message."""
    entries = [dict(read(value)) for number, value in read(request) if number == field]
    return {entry[1].decode(): entry.get(2, b"").decode() for entry in entries}


class Driver:
    """What the kubelet asks a driver for: to put volumes into pods and to take them away."""

    def __init__(self, folder: Path, password: str) -> None:
        self._folder, self._password = folder, password

    def publish(self, request: bytes) -> bytes:
        """Mount a volume at the path that a pod has for it.

        Raises:
            PermissionError: when the password is another one.
        """
        given = dict(read(request))
        if texts(request, 7).get("password") != self._password:
            raise PermissionError("the password is another one")
        target = Path(given[4].decode())
        target.mkdir(parents=True, exist_ok=True)
        subprocess.run(["mount", "--bind", self._folder / texts(request, 8)["bucket"], target], check=True)
        if given.get(6):
            subprocess.run(["mount", "-o", "remount,bind,ro", target], check=True)
        return b""

    def unpublish(self, request: bytes) -> bytes:
        """Take a volume away; one that is not there is no error."""
        target = Path(dict(read(request))[2].decode())
        # Nothing else tells a folder of the same disk from what is mounted there.
        if f" {target} " in Path("/proc/self/mounts").read_text():
            subprocess.run(["umount", target], check=True)
        if target.is_dir():
            target.rmdir()
        return b""


def main() -> None:
    """Serve until the process is ended."""
    grpc: Any = import_module("grpc")  # of a folder that the tests' own environment does not know
    name, node, folder, password = sys.argv[1:]
    driver = Driver(Path(folder), password)
    endpoint = KUBELET / "plugins" / name / "csi.sock"
    answers: dict[str, dict[str, Callable[[bytes], bytes]]] = {
        "pluginregistration.Registration": {
            "GetInfo": lambda _: message((1, "CSIPlugin"), (2, name), (3, str(endpoint)), (4, "1.0.0")),
            "NotifyRegistrationStatus": lambda _: b"",
        },
        "csi.v1.Identity": {
            "GetPluginInfo": lambda _: message((1, name), (2, "1")),
            "GetPluginCapabilities": lambda _: b"",
            "Probe": lambda _: b"",
        },
        "csi.v1.Node": {
            "NodeGetInfo": lambda _: message((1, node)),
            "NodeGetCapabilities": lambda _: b"",
            "NodePublishVolume": driver.publish,
            "NodeUnpublishVolume": driver.unpublish,
        },
    }
    server = grpc.server(ThreadPoolExecutor(4))
    for service, methods in answers.items():
        handlers = {method: grpc.unary_unary_rpc_method_handler(_plain(answer)) for method, answer in methods.items()}
        server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(service, handlers),))
    for socket in (endpoint, KUBELET / "plugins_registry" / f"{name}-reg.sock"):
        socket.parent.mkdir(parents=True, exist_ok=True)
        socket.unlink(missing_ok=True)
        server.add_insecure_port(f"unix:{socket}")
    server.start()
    server.wait_for_termination()


def _plain(answer: Callable[[bytes], bytes]) -> Callable[[bytes, object], bytes]:
    return lambda request, _: answer(request)


if __name__ == "__main__":
    main()
