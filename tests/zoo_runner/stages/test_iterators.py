from __future__ import annotations

import threading
import weakref
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from zoo_runner.stages.iterators import UntilError, batched, buffered, closed, ordered

PATIENCE = 10


class Item:
    """Something whose life can be watched."""


def numbers(count: int, pulled: list[int], fails_at: int | None = None) -> Iterator[int]:
    for number in range(count):
        if number == fails_at:
            raise ValueError(f"item {number} is broken")
        pulled.append(number)
        yield number


@pytest.mark.parametrize(
    ("count", "size", "lengths"),
    [(0, 3, []), (2, 3, [2]), (3, 3, [3]), (7, 3, [3, 3, 1])],
    ids=["none", "short", "full", "several"],
)
def test_batched(count: int, size: int, lengths: list[int]) -> None:
    assert [len(group) for group in batched(range(count), size)] == lengths


def test_ordered_keeps_order_and_stays_close_to_its_consumer() -> None:
    pulled: list[int] = []
    gate = threading.Event()

    def work(item: int) -> int:
        gate.wait(PATIENCE)
        return item

    with ThreadPoolExecutor(2) as pool:
        results = ordered(pool, work, numbers(100, pulled), ahead=6)
        gate.set()
        assert next(results) == 0
        assert len(pulled) == 6
        assert list(results) == list(range(1, 100))


def test_ordered_delivers_what_comes_before_an_error_of_its_source() -> None:
    seen: list[int] = []
    with ThreadPoolExecutor(2) as pool, pytest.raises(ValueError, match="item 5 is broken"):
        seen.extend(ordered(pool, lambda item: item, numbers(9, [], fails_at=5), ahead=4))
    assert seen == [0, 1, 2, 3, 4]


def test_ordered_starts_nothing_after_it_is_closed() -> None:
    started: list[int] = []
    gate = threading.Event()

    def work(item: int) -> int:
        started.append(item)
        assert item == 0 or gate.wait(PATIENCE)
        return item

    with ThreadPoolExecutor(1) as pool:
        results = ordered(pool, work, range(9), ahead=9)
        next(results)
        results.close()
        gate.set()
    assert started in ([0], [0, 1])


def test_buffered_works_ahead_and_no_further() -> None:
    pulled: list[int] = []
    reached = threading.Event()

    def source() -> Iterator[int]:
        for number in numbers(9, pulled):
            if number == 2:
                reached.set()
            yield number

    with buffered(source(), ahead=3, name="items") as items:
        assert reached.wait(PATIENCE)
        assert pulled == [0, 1, 2]
        assert list(items) == list(range(9))


def test_buffered_delivers_what_comes_before_an_error() -> None:
    seen: list[int] = []
    with buffered(numbers(9, [], fails_at=2), ahead=5, name="items") as items:
        with pytest.raises(ValueError, match="item 2 is broken"):
            seen.extend(items)
        assert list(items) == []
    assert seen == [0, 1]


@pytest.mark.parametrize("error", [SystemExit(1), KeyboardInterrupt()], ids=["exit", "interrupt"])
def test_buffered_swallows_nothing(error: BaseException) -> None:
    def source() -> Iterator[int]:
        yield 1
        raise error

    with buffered(source(), ahead=1, name="items") as items:
        assert next(items) == 1
        with pytest.raises(type(error)):
            next(items)


@pytest.mark.parametrize("taken", [0, 1, 4], ids=["unused", "begun", "used up"])
def test_leaving_the_block_ends_the_thread_and_closes_its_source(taken: int) -> None:
    ended: list[str] = []

    def source() -> Iterator[int]:
        try:
            yield from range(4)
        finally:
            ended.append(threading.current_thread().name)

    before = threading.active_count()
    with buffered(source(), ahead=2, name="items") as items:
        first = [next(items) for _ in range(taken)]
    assert (first, ended, threading.active_count()) == (
        list(range(taken)),
        ["items"] if taken or ended else [],
        before,
    )


def test_buffered_holds_no_item_that_was_taken() -> None:
    made: list[weakref.ref[Item]] = []

    def item() -> Item:
        one = Item()
        made.append(weakref.ref(one))
        return one

    with buffered(iter(item, None), ahead=2, name="items") as items:
        for _ in range(50):
            next(items)
            assert sum(each() is not None for each in made) <= 3  # two that wait, one in the making


def test_until_error_ends_where_its_source_raises() -> None:
    items = UntilError(numbers(5, [], fails_at=2))
    assert list(items) == [0, 1]
    assert list(items) == []
    with pytest.raises(ValueError, match="item 2 is broken"):
        items.check()


def test_until_error_without_an_error() -> None:
    items = UntilError(range(3))
    assert list(items) == [0, 1, 2]
    items.check()


def test_closed_closes_generators_and_takes_other_iterators() -> None:
    generator = numbers(5, [])
    with closed(generator) as items:
        assert next(items) == 0
    assert list(generator) == []
    with closed(iter([1])) as others:
        assert list(others) == [1]
