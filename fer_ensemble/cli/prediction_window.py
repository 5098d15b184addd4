"""A window in which ``fer-ensemble predict --show`` shows pictures as they are predicted."""

from __future__ import annotations

import time
from types import TracebackType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

# Of the screen's sides, so that its bars stay in sight.
_MOST_OF_SCREEN = 0.9

_LOOK_SECONDS = 0.03


class WindowError(Exception):
    """There can be no window; the message says why, and what to do."""


class PictureWindow:
    """Shows a picture after another, until someone presses q or closes it.

    To be used in a ``with`` statement, in the main thread. It stays hidden until there is a first
    picture.

    Attributes
    ----------
    is_closed : bool
        Whether someone has closed it.

    Raises
    ------
    WindowError
        If Python came without tkinter, or there is no display.
    """

    # OpenCV has a window too, but not where it was installed without graphics, as it is here.
    def __init__(self) -> None:
        try:
            import tkinter

            from PIL import ImageTk  # noqa: F401 - may be missing by itself
        except ImportError as error:
            raise WindowError(
                f"this Python has no window to show pictures in ({error}): install tkinter, as by "
                "apt install python3-tk python3-pil.imagetk, or use --annotate"
            ) from error
        try:
            self._root = tkinter.Tk()
        except tkinter.TclError as error:
            raise WindowError(
                f"there is no display to show pictures on ({error}): run it on a desktop, or use "
                "--annotate"
            ) from error
        self.is_closed = False
        self._photo: Any = None
        self._root.withdraw()
        self._label = tkinter.Label(self._root, borderwidth=0, background="black")
        self._label.pack(fill="both", expand=True)
        self._root.protocol("WM_DELETE_WINDOW", self._close)
        for key in ("<q>", "<Q>", "<Escape>"):
            self._root.bind(key, self._close)

    def __enter__(self) -> PictureWindow:
        """Give itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Remove it from the screen."""
        self._photo = None  # a picture of Tk's must go before it, and in this thread
        self._root.destroy()

    def show(self, path: str, picture: NDArray[np.uint8]) -> None:
        """Show a picture.

        Parameters
        ----------
        path : str
            What it is called.
        picture : ndarray of shape (height, width, 3), uint8
            In the order blue, green, red. It is made smaller where the screen is.
        """
        from PIL import Image, ImageTk

        if self.is_closed:
            return
        image = Image.fromarray(picture[..., ::-1])
        screen = (self._root.winfo_screenwidth(), self._root.winfo_screenheight())
        image.thumbnail((screen[0] * _MOST_OF_SCREEN, screen[1] * _MOST_OF_SCREEN))
        if self._photo is None or (self._photo.width(), self._photo.height()) != image.size:
            self._photo = ImageTk.PhotoImage(image, master=self._root)
            self._label.configure(image=self._photo)
        else:
            self._photo.paste(image)
        self._root.title(f"{path} (q ends)")
        self._root.deiconify()
        self._root.update()

    def wait(self) -> None:
        """Leave the last picture until someone closes the window."""
        # Not by mainloop, in which Python hears of no Ctrl-C.
        while self._photo is not None and not self.is_closed:
            self._root.update()
            time.sleep(_LOOK_SECONDS)

    def _close(self, _: object = None) -> None:
        self.is_closed = True
