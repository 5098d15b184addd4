"""Whose turn it is in the threads that search pictures."""

import asyncio
import io
from threading import Event

import numpy as np
from PIL import Image

from fer_ensemble.faces.inputs import GivenPicture
from fer_ensemble.serving.picture_search import SearchThreads, divide


def _picture(form, name="a"):
    stream = io.BytesIO()
    Image.fromarray(np.zeros((8, 8), np.uint8)).save(stream, form)
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
    threads.start(())
    now, later = Event(), Event()
    now.set()

    async def ask():
        held = [
            asyncio.create_task(threads.run(Search(later), [_picture("GIF", str(number))]))
            for number in range(20)
        ]
        await asyncio.sleep(0.1)
        answer = await asyncio.wait_for(threads.run(Search(now), [_picture("PNG")]), 10)
        assert not any(task.done() for task in held)
        later.set()
        return answer, await asyncio.gather(*held)

    try:
        assert asyncio.run(ask()) == (["a"], [[str(number)] for number in range(20)])
    finally:
        later.set()
        threads.stop()


def test_what_may_have_several_frames_is_a_piece_of_its_own_and_the_order_stays():
    forms = ["PNG", "PNG", "GIF", "JPEG", "TIFF", "GIF", "PNG"]
    pieces = list(divide([_picture(form, str(place)) for place, form in enumerate(forms)]))
    named = [[picture.name for picture in piece] for piece in pieces]
    assert named == [["0", "1"], ["2"], ["3"], ["4"], ["5"], ["6"]]
