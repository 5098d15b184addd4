"""What requests share: the model's batches, the threads' turns, the bounds of all together."""

import asyncio
import platform
import time
from threading import Event, Thread

import numpy as np
import pytest

from fer_ensemble.faces.inputs import GivenPicture
from fer_ensemble.serving import Limits, memory
from fer_ensemble.serving.limits import Load
from fer_ensemble.serving.picture_search import SearchThreads, divide
from fer_ensemble.serving.refusals import Refusal
from fer_ensemble.serving.shared_models import MOST_FACES, SharedModel


@pytest.fixture(scope="module")
def batches():
    return []


@pytest.fixture(scope="module")
def model(batches):
    shared = SharedModel("fast", "fast", batches.append)
    shared.start()
    yield shared
    shared.stop()


def test_faces_of_several_requests_are_predicted_at_once(model, batches, faces):
    images = faces[0][:32]

    async def ask():
        with model.searching():
            parts = (model.predict(images[i : i + 4]) for i in range(0, 32, 4))
            return await asyncio.gather(*parts)

    batches.clear()
    answers = asyncio.run(ask())
    assert batches == [32]
    alone = [model._ask(images[i : i + 4]) for i in range(0, 32, 4)]
    assert np.allclose(answers, alone, rtol=0, atol=1e-6)


def test_a_batch_holds_no_more_faces_than_it_may(model, batches, faces):
    images = np.repeat(faces[0][:1], 30, axis=0)

    async def ask():
        with model.searching():
            await asyncio.gather(*(model.predict(images) for _ in range(5)))

    batches.clear()
    asyncio.run(ask())
    assert sum(batches) == 150
    assert max(batches) <= MOST_FACES


def test_one_face_does_not_wait_for_others(model, batches, faces):
    began = time.perf_counter()
    batches.clear()
    asyncio.run(model.predict(faces[0][:1]))
    assert (batches, time.perf_counter() - began < 1) == ([1], True)


def test_faces_that_nobody_waits_for_are_not_predicted(model, batches, faces):
    async def ask():
        with model.searching():
            given_up = asyncio.create_task(model.predict(faces[0][:7]))
            await asyncio.sleep(0)
            given_up.cancel()
            return await model.predict(faces[0][:2])

    batches.clear()
    assert asyncio.run(ask()).shape == (2, 7)
    assert batches == [2]


def test_an_error_of_the_model_is_told_to_all_and_ends_nothing(model, faces, monkeypatch):
    async def ask(n):
        with model.searching():
            parts = (model.predict(faces[0][:1]) for _ in range(n))
            return await asyncio.gather(*parts, return_exceptions=True)

    with monkeypatch.context() as patch:
        patch.setattr(model, "classifier", None)
        assert {type(error) for error in asyncio.run(ask(2))} == {AttributeError}
    assert asyncio.run(ask(1))[0].shape == (1, 7)


PICTURES = [GivenPicture("", b"")]


class Work:
    """Stands for the search of a request."""

    def __init__(self, name, done, seconds=0.0, until=None):
        self.name, self.done, self.until = name, done, until
        self.seconds = seconds

    def run(self, pictures):
        if self.until is not None:
            self.until.wait(5)
        self.done.append(self.name)
        return []


def test_a_small_request_passes_a_large_one():
    threads = SearchThreads("skip", n_threads=1)
    done, go = [], Event()
    first = Work("first", done, until=go)
    large, small = Work("large", done, 9.0), Work("small", done)

    async def ask():
        tasks = [asyncio.create_task(threads.run(first, PICTURES))]
        await asyncio.sleep(0.05)
        tasks += [asyncio.create_task(threads.run(large, PICTURES)) for _ in range(3)]
        await asyncio.sleep(0.05)
        tasks += [asyncio.create_task(threads.run(small, PICTURES))]
        given_up = asyncio.create_task(threads.run(small, PICTURES))
        await asyncio.sleep(0.05)
        given_up.cancel()
        await asyncio.wait([given_up])
        go.set()
        await asyncio.gather(*tasks)

    threads.start()
    asyncio.run(ask())
    threads.stop()
    assert done == ["first", "small", "large", "large", "large"]


def test_threads_that_stop_give_up_what_waits():
    threads = SearchThreads("skip")
    go = Event()

    async def ask():
        tasks = [threads.run(Work("", [], until=go), PICTURES) for _ in range(9)]
        running = asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.sleep(0.05)
        Thread(target=lambda: (time.sleep(0.05), go.set())).start()
        threads.stop()
        return await running

    threads.start()
    n = len(threads._threads)
    ended = asyncio.run(ask())
    assert [type(result) for result in ended].count(asyncio.CancelledError) == 9 - n


def test_pieces_hold_several_small_pictures_or_a_large_one():
    small, large = GivenPicture("", bytes(2000)), GivenPicture("", bytes(100_000))
    assert [len(piece) for piece in divide([small] * 40)] == [16, 16, 8]
    assert [len(piece) for piece in divide([small, large, large, small])] == [1, 1, 1, 1]
    assert list(divide([])) == []


def test_all_bodies_together_are_bounded():
    load = Load(Limits(body_bytes=10, waiting_bytes=15))
    with load.holding() as one, load.holding() as other:
        one.add(9)
        other.add(6)
        with pytest.raises(Refusal) as busy:
            other.add(1)
        with pytest.raises(Refusal) as long:
            one.add(2)
        with pytest.raises(Refusal):
            one.announce(11)
    assert (busy.value.status, long.value.status, load.waiting_bytes) == (503, 413, 0)


@pytest.mark.parametrize(
    "bounds", [{"requests": 0}, {"seconds": float("nan")}, {"pixels": 200_000_000}]
)
def test_bounds_that_bound_nothing_are_refused(bounds):
    with pytest.raises(ValueError, match=next(iter(bounds))):
        Limits(**bounds)


def test_free_memory_is_given_back_while_there_is_work(monkeypatch):
    asked, work = [], iter([0, 1, 2, 2, 2])
    monkeypatch.setattr(memory, "SECONDS", 0.001)
    monkeypatch.setattr(memory, "_find_trim", lambda: asked.append)

    async def give_back():
        with pytest.raises(RuntimeError):  # of a coroutine whose iterator ends
            await memory.give_memory_back(lambda: next(work))

    asyncio.run(give_back())
    assert asked == [0, 0]


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="needs glibc")
def test_glibc_gives_memory_back():
    assert memory._find_trim()(0) in (0, 1)
