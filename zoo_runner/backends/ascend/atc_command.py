"""The argument list for ATC, the Ascend model compiler."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from zoo_runner.backends.ascend.atc_sizes import input_shape, size_flags
from zoo_runner.manifest.atc import AtcOptions
from zoo_runner.plugin.interfaces import TensorSpec
from zoo_runner.plugin.shapes import Shapes

SOC_PREFIX: Final = "Ascend"
_BESIDE: Final = ("./", "../")
"""How a path begins that is one beside the manifest, whatever the flag."""
FILE_FLAGS: Final = frozenset(
    {
        "compress_weight_conf",
        "customize_dtypes",
        "fusion_switch_file",
        "insert_op_conf",
        "keep_dtype",
        "modify_mixlist",
        "op_precision_mode",
    }
)
"""Flags whose value is a file that a recipe ships beside its manifest."""


def soc_name(chip: str) -> str:
    """Return ATC's name of a chip: ``310P3``, as ``npu-smi`` prints it, becomes ``Ascend310P3``.

    A name that has the prefix already is returned as it is.
    """
    chip = chip.strip()
    return chip if chip.lower().startswith(SOC_PREFIX.lower()) else SOC_PREFIX + chip


def atc_command(  # noqa: PLR0913 - each argument is one independent fact of the command
    options: AtcOptions,
    *,
    model: Path,
    output: Path,
    inputs: Sequence[TensorSpec],
    out_nodes: Sequence[str],
    soc_version: str,
    batch: int,
    base: Path,
    shapes: Shapes | None = None,
) -> tuple[str, ...]:
    """Build the command that compiles an ONNX model, ready for ``subprocess`` without a shell.

    In ``input_shape``, ``insert_op_conf`` and the values of flags, ``{batch}`` stands for the batch size
    and ``{soc}`` for the full ``soc_version``.

    Args:
        options: The manifest's ``atc`` section. Its ``out_nodes`` and ``soc_version`` are not read: what
            holds is passed below.
        model: The ONNX file.
        output: The .om file to write, with or without its suffix, which ATC adds by itself.
        inputs: Network inputs, for ``--input_shape`` where the options have none.
        out_nodes: ``node:index`` in output order; empty leaves the choice to ATC.
        soc_version: The chip, with or without the prefix ``Ascend``.
        batch: Samples per call.
        base: The manifest's folder; relative side files are looked up there.
        shapes: The sizes that open axes take. With gears of any axes the format is ``ND``, which ATC requires there.
    """
    soc = soc_name(soc_version)
    fill = {"batch": str(batch), "soc": soc}
    files = side_files(options, batch=batch, soc_version=soc, base=base)
    arguments = {
        "framework": str(options.framework),
        "model": str(model),
        "output": str(output.with_suffix("") if output.suffix == ".om" else output),
        "input_format": "ND" if shapes is not None and shapes.opened == "dims" else options.input_format,
        "input_shape": _filled(options.input_shape or input_shape(inputs, shapes), fill),
        **size_flags(inputs, shapes),
        "out_nodes": ";".join(out_nodes) or None,
        "log": options.log,
        "soc_version": soc,
        "precision_mode": options.precision_mode,
        "insert_op_conf": None if options.insert_op_conf is None else files["insert_op_conf"],
    }
    for flag, value in sorted({**options.flags, **options.unchecked_flags}.items()):
        arguments[flag] = files.get(flag) or _filled(str(value), fill)
    return ("atc", *(f"--{flag}={value}" for flag, value in arguments.items() if value is not None))


def side_files(options: AtcOptions, *, batch: int, soc_version: str, base: Path) -> dict[str, str]:
    """Return the files that ATC reads beside the model, by flag; relative ones are looked up in ``base``.

    Of flags that are not known, a value that begins with ``./`` or ``../`` is a file, and an absolute path where there
    is one: nobody knows which of them name files.
    """
    fill = {"batch": str(batch), "soc": soc_name(soc_version)}
    named = {flag: str(value) for flag, value in options.flags.items() if flag in FILE_FLAGS}
    if options.insert_op_conf is not None:
        named["insert_op_conf"] = options.insert_op_conf
    for flag, value in options.unchecked_flags.items():
        text = _filled(str(value), fill)
        if text.startswith(_BESIDE) or (text.startswith("/") and Path(text).is_file()):
            named[flag] = str(value)
    return {flag: str(base / _filled(value, fill)) for flag, value in named.items()}


def unmarked_files(options: AtcOptions, *, batch: int, soc_version: str, base: Path) -> dict[str, str]:
    """Return values of flags that are not known which may be files, but are not written as such, by flag."""
    fill = {"batch": str(batch), "soc": soc_name(soc_version)}
    texts = {flag: _filled(str(value), fill) for flag, value in options.unchecked_flags.items()}
    return {
        flag: text for flag, text in texts.items() if not text.startswith((*_BESIDE, "/")) and _is_file(base / text)
    }


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):  # a value that cannot be a path
        return False


def shell_line(arguments: Sequence[str]) -> str:
    """Quote a command for showing, so that it can be pasted into a shell."""
    return shlex.join(arguments)


def _filled(text: str, fill: Mapping[str, str]) -> str:
    """Replace each ``{name}`` by its value; the manifest's schema has refused all other names."""
    for name, value in fill.items():
        text = text.replace(f"{{{name}}}", value)
    return text
