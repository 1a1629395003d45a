"""Calls into the parts of a plugin while a run works: an exception names the hook, the sample and the device."""

from __future__ import annotations

import os
from contextlib import contextmanager
from pathlib import Path
from traceback import walk_tb
from typing import TYPE_CHECKING, Final

from zoo_runner.errors import HookError, ZooError, interrupted, shortened
from zoo_runner.files.remedies import explained
from zoo_runner.plugin.interfaces import DeviceArrays

if TYPE_CHECKING:
    from collections.abc import Iterator

    from zoo_runner.plugin.interfaces import Arrays, Sample

_RUNNER: Final = str(Path(__file__).parents[1]) + os.sep
"""What the names of the runner's own files begin with."""


@contextmanager
def calling(hook: str, sample: Sample | None = None, outputs: Arrays | None = None) -> Iterator[None]:
    """Give what a plugin's part raises a name; errors that are meant for users pass as they are.

    Args:
        hook: The hook that returned the part, such as ``zoo_postprocess``.
        sample: The sample that the part works on, if it is one.
        outputs: The model's outputs that it is given, if any; those that know their device name it.

    Raises:
        HookError: The part raised something else than a ``ZooError``, or asked the program to exit.
    """
    try:
        yield
    except ZooError:
        raise
    except (Exception, SystemExit) as error:  # whatever a plugin raises; exiting is not its to decide
        if interrupted(error):
            raise
        of = "" if sample is None else f" for sample {shortened(sample.id)!r}"
        device = f", outputs of device {outputs.device}" if isinstance(outputs, DeviceArrays) else ""
        known = explained(error) if isinstance(error, OSError) else shortened(str(error))
        kind = f"{type(error).__name__}: {known}"
        text = f"{hook} failed{of}{device}: {kind} ({_last_line(error)}); --traceback shows every call"
        raise HookError(text) from error


def _last_line(error: BaseException) -> str:
    """Return ``file:line`` of the innermost call that is neither the runner's nor a library's.

    The first two are those of the block of ``calling``. An installed plugin lies where libraries do: then it is the
    innermost call in the folder where the plugin begins.
    """
    steps = [(frame.f_code.co_filename, line) for frame, line in walk_tb(error.__traceback__)]
    others = [step for step in steps[2:] if not step[0].startswith((_RUNNER, "<"))]
    own = [step for step in others if "site-packages" not in step[0]]
    installed = [step for step in others if Path(step[0]).parent == Path(others[0][0]).parent]
    name, line = (own or installed or steps)[-1]
    return f"{name}:{line}"
