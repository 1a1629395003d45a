"""The command line of ``python -m ais_bench``."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from .interface import IS_NEWER
from .log import logger
from .safety import check_safety

_LAST_DEVICE: Final = 255
_TRUE: Final = frozenset({"yes", "true", "t", "y", "1"})
_FALSE: Final = frozenset({"no", "false", "f", "n", "0"})


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line; ``device`` is a number, or a list where it has a comma.

    Raises:
        RuntimeError: Flags contradict each other, or ask for what the stand-in does not simulate.
    """
    parser = argparse.ArgumentParser(prog="ais_bench")
    parser.add_argument("--model", "-m", required=True, help="the path of the om model")
    parser.add_argument("--input", "-i", help="input files or folders, separated by commas")
    parser.add_argument("--output", "-o", help="results go to a folder below this one")
    parser.add_argument("--output_dirname", help="name of that folder instead of the time")
    parser.add_argument("--outfmt", default="BIN", choices=["NPY", "BIN", "TXT"])
    parser.add_argument("--loop", "-l", type=_positive, default=1)
    parser.add_argument("--debug", type=_switch, default=False)
    parser.add_argument("--device", "-d", type=_devices, default=0)
    parser.add_argument("--dymBatch", type=int, default=0)
    for flag in ("dymHW", "dymDims", "dymShape", "outputSize", "dymShape_range", "acl_json_path"):
        parser.add_argument(f"--{flag}")
    for flag in ("auto_set_dymshape_mode", "auto_set_dymdims_mode", "profiler", "dump", "display_all_summary"):
        parser.add_argument(f"--{flag}", type=_switch, default=False)
    parser.add_argument("--batchsize", type=_positive)
    parser.add_argument("--pure_data_type", default="zero", choices=["zero", "random"])
    parser.add_argument("--output_batchsize_axis", type=_not_negative, default=0)
    parser.add_argument("--run_mode", default="array", choices=["array", "files", "tensor", "full"])
    parser.add_argument("--warmup_count", type=_not_negative, default=1)
    if IS_NEWER:
        parser.add_argument("--divide_input", type=_switch, default=False)
    options = parser.parse_args(arguments)
    _check(options)
    if IS_NEWER:
        check_safety(options)
    return options


def _check(options: argparse.Namespace) -> None:
    if options.output is None and options.output_dirname is not None:
        logger.error(
            "parameter --output_dirname cann't be used alone. Please use it together with the parameter --output!"
        )
        raise RuntimeError("error bad parameters --output_dirname")
    files = [] if options.input is None else options.input.split(",")
    if options.run_mode == "files" and (not files or any(_has_npy(path) for path in files)):
        raise RuntimeError("--run_mode files takes .bin files, and needs --input")
    if options.profiler or options.dump or options.acl_json_path or options.dymShape_range:
        raise RuntimeError("profiling, dumps and shape ranges are not simulated by the stand-in of ais_bench")


def _has_npy(path: str) -> bool:
    given = Path(path)
    return given.suffix.lower() == ".npy" or (given.is_dir() and any(given.glob("*.[nN][pP][yY]")))


def _positive(text: str) -> int:
    number = int(text)
    if number <= 0:
        msg = f"{text} is an invalid positive int value"
        raise argparse.ArgumentTypeError(msg)
    return number


def _not_negative(text: str) -> int:
    number = int(text)
    if number < 0:
        msg = f"{text} is an invalid nonnegative int value"
        raise argparse.ArgumentTypeError(msg)
    return number


def _switch(text: str) -> bool:
    if text.lower() in _TRUE | _FALSE:
        return text.lower() in _TRUE
    raise argparse.ArgumentTypeError("Boolean value expected true, 1, false, 0 with case insensitive.")


def _devices(text: str) -> int | list[int]:
    numbers = [int(part) for part in text.split(",")]
    for number in numbers:
        if not 0 <= number <= _LAST_DEVICE:
            msg = f"device:{text} is invalid. valid value range is [0, {_LAST_DEVICE}]"
            raise argparse.ArgumentTypeError(msg)
    return numbers if "," in text else numbers[0]
