"""How many threads do what, on the processors that this process may use."""

from __future__ import annotations

import os


def workers() -> int:
    """Return how many threads decode: one for each processor this process may use.

    Also where the model runs on the same processors: what is slower makes the others wait, and measured with ONNX
    Runtime on two cores nothing was gained by decoding on fewer.
    """
    return len(os.sched_getaffinity(0))


def finishers() -> int:
    """Return how many threads postprocess: half as many as decode.

    It is the shorter work, and much of it holds the interpreter's lock. Measured on two cores, a second thread made
    everything slower: 501 images/s instead of 536.
    """
    return max(1, workers() // 2)


def one_thread_a_call() -> None:
    """Ask libraries not to split single calls over threads of their own: there is a caller on every processor.

    OpenCV reads this when it is loaded, which only decoding does. ``benchmarks/README.md`` has what it saves.
    Whoever sets the variable differently gets what they ask for.
    """
    os.environ.setdefault("OPENCV_FOR_THREADS_NUM", "1")
