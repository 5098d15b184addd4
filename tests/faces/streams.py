"""A server of videos and streams on this machine, for as long as a test needs it."""

import http.server
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np


@dataclass
class Streams:
    """What is served, and where.

    Parameters
    ----------
    address : str
        Without a path; the address of a file in `folder`, or of ``/live`` and ``/short``: pictures
        without an end and 30 of them, and ``/silent``, which says nothing.
    go_on : Event
        Until it is set, ``/live`` stops after 30 pictures.
    """

    address: str
    folder: Path
    go_on: threading.Event = field(default_factory=threading.Event)
    closing: threading.Event = field(default_factory=threading.Event)


@contextmanager
def serving(folder: Path, picture: np.ndarray) -> Iterator[Streams]:
    """Serve a folder, and a picture that goes on and on."""
    streams = Streams("", folder)
    jpeg = cv2.imencode(".jpg", picture)[1].tobytes()
    part = b"--next\r\nContent-Type: image/jpeg\r\nContent-Length: %d\r\n\r\n%b\r\n"

    class Handler(http.server.BaseHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            pass

        def do_GET(self) -> None:
            with suppress(OSError):  # who asked has gone
                self._answer()

        def _answer(self) -> None:
            name = self.path.partition("?")[0].strip("/")
            if name == "silent":
                streams.closing.wait(30)
            elif name in ("live", "short"):
                self.send_response(200)
                self.send_header("Content-Type", "multipart/x-mixed-replace; boundary=next")
                self.end_headers()
                for number in range(30 if name == "short" else 100_000):
                    if number == 30:
                        streams.go_on.wait(30)
                    self.wfile.write(part % (len(jpeg), jpeg))
                    if streams.closing.wait(0.004):
                        return
            elif (folder / name).is_file():
                self._send_file((folder / name).read_bytes())
            else:
                self.send_error(404)

        def _send_file(self, content: bytes) -> None:
            asked = self.headers.get("Range")
            start = int(asked.removeprefix("bytes=").partition("-")[0]) if asked else 0
            self.send_response(206 if asked else 200)
            self.send_header("Accept-Ranges", "bytes")
            if asked:
                whole = len(content)
                self.send_header("Content-Range", f"bytes {start}-{whole - 1}/{whole}")
            self.send_header("Content-Length", str(len(content) - start))
            self.end_headers()
            self.wfile.write(content[start:])

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    streams.address = f"http://127.0.0.1:{server.server_port}"
    try:
        yield streams
    finally:
        streams.closing.set()
        server.shutdown()
        server.server_close()
