"""Run a command on a machine that pretends to have NPUs: ``python -m zoo_runner.testing -- COMMAND``."""

from __future__ import annotations

import argparse
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from types import FrameType
from typing import Final, TextIO

from zoo_runner.errors import ExitCode, UsageError
from zoo_runner.testing.environment import ROLES, stand_ins
from zoo_runner.testing.faults import describe_faults
from zoo_runner.testing.machine import DEFAULT_CANN, DEFAULT_CHIP, DEFAULT_SMI, GENERATIONS

_NOT_FOUND: Final = 127
_NOT_EXECUTABLE: Final = 126
_SIGNALLED: Final = 128
"""What shells exit with in these cases; a signal's number is added to the last."""


def main(arguments: Sequence[str] | None = None, *, error: TextIO = sys.stderr) -> int:
    """Run the command and return its exit code (128 + n if signal n killed it)."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    at = given.index("--") if "--" in given else len(given)
    parser = _parser()
    options = parser.parse_args(given[:at])
    command = given[at + 1 :]
    if not command:
        parser.error("a command is needed: python -m zoo_runner.testing [options] -- COMMAND [ARGUMENT ...]")
    try:
        with stand_ins(
            chip=options.chip,
            devices=options.devices,
            cann=options.cann,
            faults=options.fault,
            smi=options.smi,
            generation=options.generation,
            role=options.role,
        ) as environment:
            newer = "" if options.generation == GENERATIONS[0] else f", ais_bench of {options.generation}"
            faults = f", faults: {' '.join(options.fault)}" if options.fault else ""
            error.write(
                "stand-in: no NPU here; atc, npu-smi, aclruntime and ais_bench are doubles on ONNX Runtime "
                f"({options.devices} x {options.chip}, CANN {options.cann}{newer}{faults})\n"
            )
            error.flush()
            return _run(command, environment, error)
    except UsageError as mistake:
        error.write(f"error: {mistake}\n")
        return ExitCode.USAGE


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m zoo_runner.testing",
        usage="%(prog)s [options] -- COMMAND [ARGUMENT ...]",
        description="Run a command with stand-ins for atc, npu-smi, aclruntime and ais_bench.",
        epilog="faults:\n" + describe_faults(),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--chip", default=DEFAULT_CHIP, help="name of the chips (default: %(default)s)")
    parser.add_argument("--devices", type=int, default=1, help="number of devices (default: %(default)s)")
    parser.add_argument("--cann", default=DEFAULT_CANN, help="CANN release to pretend (default: %(default)s)")
    parser.add_argument("--smi", default=DEFAULT_SMI, help="npu-smi release to pretend (default: %(default)s)")
    parser.add_argument(
        "--generation",
        type=int,
        choices=GENERATIONS,
        default=GENERATIONS[0],
        help="of ais_bench and aclruntime (default: %(default)s)",
    )
    parser.add_argument(
        "--role",
        choices=ROLES,
        default=ROLES[0],
        help="build: atc and no card; inference: everything but atc (default: %(default)s)",
    )
    parser.add_argument(
        "--fault", action="append", default=[], metavar="NAME[:ARGUMENT]", help="what goes wrong; repeatable"
    )
    return parser


def _run(command: Sequence[str], environment: Mapping[str, str], error: TextIO) -> int:
    """Run the command to its end; a request to terminate is passed on, an interrupt reaches it by itself."""
    try:
        process = subprocess.Popen(command, env=environment)  # noqa: S603 - the user's own command
    except FileNotFoundError:
        error.write(f"error: command not found: {command[0]}\n")
        return _NOT_FOUND
    except PermissionError:
        error.write(f"error: not executable: {command[0]}\n")
        return _NOT_EXECUTABLE

    def pass_on(number: int, _frame: FrameType | None) -> None:
        process.send_signal(number)

    previous = {
        signal.SIGTERM: signal.signal(signal.SIGTERM, pass_on),
        signal.SIGINT: signal.signal(signal.SIGINT, signal.SIG_IGN),
    }
    try:
        status = process.wait()
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
    return status if status >= 0 else _SIGNALLED - status


if __name__ == "__main__":
    sys.exit(main())
