"""The command: ``atc --framework=5 --model=… --output=… --soc_version=… …``."""

from __future__ import annotations

import os
import resource
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from zoo_runner.testing.atc.compile import compile_model
from zoo_runner.testing.atc.errors import EXIT_CODE, AtcError, error_block, injected
from zoo_runner.testing.atc.flags import check_flags, parse_flags
from zoo_runner.testing.machine import STAND_IN, Machine
from zoo_runner.testing.om_file import OmModel, om_bytes, write_om

_STARTED: Final = "ATC start working now, please wait for a moment.\n"
_SUCCEEDED: Final = "ATC run success, welcome to the next use.\n"
_USAGE: Final = (
    f"usage: atc <args> ({STAND_IN})\n"
    "generate offline model example:\n"
    "atc --model=./model.onnx --framework=5 --output=./model --soc_version=<soc_version>\n"
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run ATC and return its exit code."""
    machine = Machine.from_environment()
    _say(_STARTED)
    try:
        flags = parse_flags(sys.argv[1:] if arguments is None else arguments, cann_major=machine.cann_major)
        if "help" in flags:
            _say(_USAGE)
            return 0
        check_flags(flags, cann_major=machine.cann_major)
        if fault := machine.faults.find("atc-code"):
            raise injected(fault.arguments[0])
        if "atc-hang" in machine.faults:
            while True:
                signal.pause()
        compiled = compile_model(flags, cann=machine.cann)
    except AtcError as error:
        _say(error_block(error, cann=machine.cann_numbers))
        return EXIT_CODE
    _store(compiled, Path(f"{flags['output']}.om"), machine)
    _say(_SUCCEEDED)
    return 0


def _store(compiled: OmModel, path: Path, machine: Machine) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    if "atc-crash" in machine.faults:
        content = om_bytes(compiled)
        path.write_bytes(content[: len(content) // 2])
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        os.kill(os.getpid(), signal.SIGSEGV)
    if "atc-silent" not in machine.faults:
        write_om(path, compiled)


def _say(text: str) -> None:
    """Print at once: what was said before a crash or a hang must be in the log."""
    sys.stdout.write(text)
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
