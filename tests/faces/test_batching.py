import threading
import time
from collections.abc import Iterator

import pytest

from fer_ensemble.faces.batching import BatchCounter, map_ordered


def _full_after(batch_size: int, faces: list[int]) -> list[int]:
    counter = BatchCounter(batch_size)
    return [number for number, n_faces in enumerate(faces, 1) if counter.add(n_faces)]


def test_a_batch_is_full_with_its_faces() -> None:
    assert _full_after(3, [1] * 7) == [3, 6]
    assert _full_after(3, [2, 2, 1, 0, 0, 3, 9, 1]) == [2, 6, 7]


def test_inputs_without_faces_do_not_hold_a_batch_back() -> None:
    assert _full_after(3, [0] * 13) == [6, 12]
    assert _full_after(3, [1, 0, 0, 0, 0, 1, 1, 1, 1]) == [6, 9]


def test_a_batch_holds_something() -> None:
    with pytest.raises(ValueError, match="batch_size must be at least 1; got 0"):
        BatchCounter(0)


def _uneven(value: int) -> int:
    time.sleep(0.004 if value % 3 == 0 else 0)
    return value


@pytest.mark.parametrize("n_jobs", [1, 4, -1])
def test_results_come_in_the_order_of_the_items(n_jobs: int) -> None:
    assert list(map_ordered(_uneven, range(60), ahead=10, n_jobs=n_jobs)) == list(range(60))


def test_no_items_are_no_results() -> None:
    assert list(map_ordered(abs, [], ahead=3)) == []


def test_items_are_taken_no_further_than_allowed() -> None:
    taken = 0

    def items() -> Iterator[int]:
        nonlocal taken
        for number in range(1000):
            taken += 1
            yield number

    results = map_ordered(abs, items(), ahead=10, n_jobs=3)
    for done in range(5):
        assert next(results) == done
    time.sleep(0.1)  # would threads go on by themselves, they did so now
    assert taken == 15
    results.close()  # type: ignore[attr-defined]


def test_items_are_in_hand_no_more_often_than_there_are_threads() -> None:
    release = threading.Event()
    taken = []

    def items() -> Iterator[int]:
        for number in range(20):
            taken.append(number)
            yield number

    results = map_ordered(lambda _: release.wait(5), items(), ahead=15, n_jobs=2)
    threading.Timer(0.1, lambda: (taken.append(-1), release.set())).start()
    next(results)
    assert taken.index(-1) == 2
    results.close()  # type: ignore[attr-defined]


def test_work_goes_on_while_the_caller_is_busy() -> None:
    seventh = threading.Event()
    results = map_ordered(lambda n: n == 6 and seventh.set(), range(20), ahead=8, n_jobs=1)
    next(results)
    assert seventh.wait(5)
    results.close()  # type: ignore[attr-defined]


@pytest.mark.parametrize("kind", [ValueError, KeyboardInterrupt])
def test_an_error_is_raised_in_its_place(kind: type[BaseException]) -> None:
    def fail_at_3(number: int) -> int:
        if number == 3:
            raise kind("no 3")
        return number

    results = map_ordered(fail_at_3, range(9), ahead=4, n_jobs=2)
    assert [next(results) for _ in range(3)] == [0, 1, 2]
    with pytest.raises(kind, match="no 3"):
        next(results)


def test_an_error_of_the_items_is_raised_after_those_before_it() -> None:
    def items() -> Iterator[int]:
        yield 1
        raise OSError("the list broke")

    results = map_ordered(_uneven, items(), ahead=4, n_jobs=2)
    assert next(results) == 1
    with pytest.raises(OSError, match="the list broke"):
        next(results)


@pytest.mark.parametrize("n_taken", [1, 30])
def test_no_thread_is_left(n_taken: int) -> None:
    before = threading.active_count()
    results = map_ordered(abs, range(30), ahead=4, n_jobs=3)
    for _ in range(n_taken):
        next(results)
    assert next(results, None) == (None if n_taken == 30 else 1)
    results.close()  # type: ignore[attr-defined]
    assert threading.active_count() == before


def test_it_can_be_said_that_a_result_is_waited_for_and_that_no_more_are_taken() -> None:
    first, stopped = threading.Event(), threading.Event()

    def items() -> Iterator[int]:
        yield 1
        first.wait(5)
        yield 2
        stopped.wait(5)

    results = map_ordered(abs, items(), ahead=2, n_jobs=1, stopped=stopped, pauses=True)
    given = [next(results)]
    while given[-1] is None:
        given.append(next(results))
    assert next(results) is None
    first.set()
    assert next(results) == 2
    assert not stopped.is_set()
    start = time.monotonic()
    results.close()
    assert stopped.is_set()
    assert time.monotonic() - start < 4
