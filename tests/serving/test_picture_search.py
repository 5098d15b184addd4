"""Whose turn it is in the threads that search pictures."""

import asyncio
import io
from threading import Event

import numpy as np
import pytest
from PIL import Image

from fer_ensemble.faces.inputs import GivenPicture
from fer_ensemble.serving import slow_pictures
from fer_ensemble.serving.picture_search import SearchThreads, divide


def _picture(form, name="a", frames=1):
    first, *rest = (Image.fromarray(np.full((8, 8), at, np.uint8)) for at in range(frames))
    stream = io.BytesIO()
    first.save(stream, form, **({"save_all": True, "append_images": rest} if rest else {}))
    return GivenPicture(name, stream.getvalue())


class Search:
    seconds = 0.0

    def __init__(self, end):
        self.end = end

    def run(self, pictures):
        assert self.end.wait(30)
        return [picture.name for picture in pictures]


def test_a_thread_is_left_to_pictures_of_one_frame():
    threads = SearchThreads("skip")
    threads.start()
    now, later = Event(), Event()
    now.set()

    async def ask():
        held = [
            asyncio.create_task(
                threads.run(Search(later), [_picture("GIF", str(number), frames=2)])
            )
            for number in range(20)
        ]
        await asyncio.sleep(0.1)
        for form in ("PNG", "GIF"):
            answer = await asyncio.wait_for(threads.run(Search(now), [_picture(form, form)]), 10)
            assert answer == [form]
        assert not any(task.done() for task in held)
        later.set()
        return await asyncio.gather(*held)

    try:
        assert asyncio.run(ask()) == [[str(number)] for number in range(20)]
    finally:
        later.set()
        threads.stop()


def test_what_may_have_several_frames_is_a_piece_of_its_own_and_the_order_stays():
    forms = ["PNG", "PNG", "GIF", "JPEG", "TIFF", "GIF", "PNG"]
    pieces = list(divide([_picture(form, str(place)) for place, form in enumerate(forms)]))
    named = [[picture.name for picture in piece] for piece in pieces]
    assert named == [["0", "1"], ["2"], ["3"], ["4"], ["5"], ["6"]]


@pytest.mark.parametrize("form", ["PNG", "WEBP", "JPEG2000", "BMP"])
def test_what_claims_many_pixels_is_a_piece_of_its_own(form):
    few, many = (Image.new("L", (8, 8)), Image.new("1" if form == "PNG" else "L", (5001, 5001)))
    pieces = []
    for picture in (few, many):
        stream = io.BytesIO()
        picture.save(stream, form, **({"lossless": True} if form == "WEBP" else {}))
        pieces.append(list(divide([GivenPicture("", stream.getvalue())] * 2)))
    assert len(pieces[1]) == 2
    assert len(pieces[0]) == (2 if form == "JPEG2000" else 1)


def test_the_size_of_every_kind_of_webp_is_known():
    for options in ({"lossless": True}, {"quality": 5}, {"quality": 5, "exif": b"Exif\0\0"}):
        stream = io.BytesIO()
        Image.new("RGB", (300, 70)).save(stream, "WEBP", **options)
        assert slow_pictures._webp_pixels(stream.getvalue()) == 300 * 70
    assert slow_pictures._webp_pixels(b"RIFF\0\0\0\0WEBP") == 0


def test_what_claims_more_pixels_than_it_may_waits_for_nothing_slow():
    content = bytearray(_picture("PNG").content)
    for side, is_slow in ((7_000, True), (70_000, False), (700, False)):
        content[16:24] = side.to_bytes(4) * 2
        picture = GivenPicture("a", bytes(content), 50_000_000)
        assert slow_pictures.is_slow(picture) == slow_pictures.may_be_slow(picture) == is_slow
