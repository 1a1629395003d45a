"""Downloads of one file by several processes, one of which may be killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from file_site import (
    BODY,
    HALF,
    Log,
    Site,
    get,
    part,
    site,
    stall,
    store,
)
from places import ROOT
from zoo_runner.store.store import Store

__all__ = ["site", "store"]  # fixtures

SCRIPT = """
import contextlib, sys
from pathlib import Path
from zoo_runner.store.store import Store
from zoo_runner.stages.fetch.resource import fetch
from zoo_runner.stages.fetch.source import FileSource

class Lines:
    def track(self, label, total, unit):
        return contextlib.nullcontext(lambda count: None)
    def note(self, text):
        print(text, flush=True)
    warn = note

print("reused", fetch(FileSource(url=sys.argv[1], base=Path()), Store(Path(sys.argv[2])), Lines()).reused, flush=True)
"""


@contextmanager
def another_process(site: Site, store: Store) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-c", SCRIPT, site.url, str(store.root)]
    with subprocess.Popen(command, cwd=ROOT, env=os.environ, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_a_killed_download_is_resumed_by_the_next_process(site: Site, store: Store) -> None:
    site.replies, path = [stall], part(site, store)
    with another_process(site, store) as process:
        wait_for(lambda: path.exists() and path.stat().st_size > 0)
        process.send_signal(signal.SIGKILL)
        assert process.wait(30) == -signal.SIGKILL
    kept = path.stat().st_size
    assert 0 < kept <= HALF
    log = Log()
    assert get(site, store, log).path.read_bytes() == BODY
    assert site.ranges() == [None, f"bytes={kept}-"]
    assert log.bars == [("net_v1.pth", len(BODY), len(BODY))]


def test_two_processes_download_once(site: Site, store: Store) -> None:
    site.replies = [stall]
    with another_process(site, store) as first:
        wait_for(lambda: bool(site.seen))
        with another_process(site, store) as second:
            assert second.stdout is not None
            assert "waiting for another process" in second.stdout.readline()
            site.go.set()
            ends = [process.communicate(timeout=60)[0].splitlines()[-1] for process in (first, second)]
    assert ends == ["reused False", "reused True"]
    assert len(site.seen) == 1


def test_waiting_for_another_process_tells_no_secret(site: Site, store: Store) -> None:
    site.replies = [stall]
    with another_process(site, store):
        wait_for(lambda: bool(site.seen))
        with another_process(site, store) as second:
            assert second.stdout is not None
            assert second.stdout.readline().startswith(f"{site.shown}: waiting for another process")
