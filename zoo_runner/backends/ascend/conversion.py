"""The Ascend backend's own conversion: ONNX -> .om by ATC, for each batch size."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from zoo_runner.aipp.config_file import FILE_NAME, aipp_text
from zoo_runner.backends.ascend import cann
from zoo_runner.backends.ascend.atc_command import atc_command, shell_line, side_files, soc_name
from zoo_runner.backends.ascend.chips import OF_SEVERAL, exact_soc
from zoo_runner.backends.ascend.convert import ConvertRequest, convert, expected_stamp
from zoo_runner.backends.ascend.om_stamp import check_stamp, stamp_path
from zoo_runner.manifest.atc import AtcOptions
from zoo_runner.plugin.conversion import Artifact
from zoo_runner.plugin.interfaces import STAND_IN
from zoo_runner.process import seconds_from

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from zoo_runner.plugin.conversion import ConversionRequest, Repeats

OM: Final = Artifact(name="om", file="model.om", tool="atc", normalises=True)
ATC_TIMEOUT: Final = "ZOO_RUNNER_ATC_TIMEOUT"
"""Variable with the seconds after which ATC is stopped."""
ATC_TIMEOUT_S: Final = 3600.0
"""Without the variable: ATC takes minutes, and one that hangs must not hold a CI machine for ever."""
ANY_CHIP: Final = "<chip from npu-smi>"
"""What a plan says where no chip is known."""


class OmConversion:
    """Makes .om files with their stamps."""

    makes = OM

    def conversion_parts(self, request: ConversionRequest) -> dict[str, object]:
        """Return the stamp that a conversion would give, and the releases that may take part beside the stamp's.

        Raises:
            ExportError: Output nodes cannot be resolved, or explicit ones are not in the graph.
            ManifestError: The ATC options contradict each other, or a file they name does not exist.
        """
        others = cann.detect().others
        return {**expected_stamp(_for_atc(request)).values(), **({"cann_others": list(others)} if others else {})}

    def repeats(self, request: ConversionRequest) -> Repeats:
        """Return ``never`` for ATC, of which it is not known, and ``everywhere`` for its stand-in."""
        return "everywhere" if request.chip.endswith(STAND_IN) else "never"

    def convert(self, request: ConversionRequest, folder: Path, log: Path) -> None:
        """Run ATC.

        Raises:
            ZooError: As :func:`zoo_runner.backends.ascend.convert.convert`.
        """
        convert(_for_atc(request), folder / OM.file, log=log, timeout_s=atc_timeout())

    def differences(self, request: ConversionRequest, path: Path, sha256: str) -> Sequence[str]:
        """List how the stamp of an .om differs from the one that a conversion would give."""
        return [*check_stamp(path, expected_stamp(_for_atc(request)), sha256), *_other_card(request)]

    def stamped(self, path: Path) -> bool:
        """Say whether there is a stamp beside an .om."""
        return os.path.lexists(stamp_path(path))

    def side_files(self, request: ConversionRequest) -> dict[str, Path]:
        """Return the files that flags name, such as an AIPP file."""
        asked = _for_atc(replace(request, normalisation=None))  # a file that is made is not the user's
        return {
            _key_of(asked.options, key): Path(path)
            for key, path in side_files(
                asked.options, batch=asked.batch, soc_version=asked.soc_version, base=request.base
            ).items()
        }

    def conversion_commands(
        self, request: ConversionRequest, target: Path, nodes: Callable[[], Sequence[str]]
    ) -> Iterator[str]:
        """Yield the ``atc`` command."""
        yield shell_line(
            atc_command(
                atc_options(request),
                model=request.model,
                output=target,
                inputs=request.inputs,
                out_nodes=request.options.out_nodes or nodes(),
                soc_version=_shown_soc(request),
                batch=request.batch,
                base=request.base,
                shapes=request.shapes,
            )
        )


def _shown_soc(request: ConversionRequest) -> str:
    """Return ATC's name of the chip, or what a plan says where nobody knows it."""
    if not request.options.soc_version and not request.chip:
        return ANY_CHIP
    chip = request.chip.removesuffix(STAND_IN)
    if not request.options.soc_version and chip in OF_SEVERAL:
        return f"<--soc: one of {', '.join(OF_SEVERAL[chip])}>"
    return exact_soc(chip, request.options.soc_version)


def _key_of(options: AtcOptions, flag: str) -> str:
    """Return the key of the section ``atc`` that sets a flag."""
    if flag in AtcOptions.model_fields:
        return flag
    return f"unchecked_flags.{flag}" if flag in options.unchecked_flags else f"flags.{flag}"


def atc_timeout() -> float:
    """Return the seconds after which ATC is stopped.

    Raises:
        UsageError: :data:`ATC_TIMEOUT` is set, and not a positive number.
    """
    return seconds_from(ATC_TIMEOUT) or ATC_TIMEOUT_S


def _other_card(request: ConversionRequest) -> Iterator[str]:
    """Say that the chip to convert for is not the one that is here.

    npu-smi shows some chips without the end of ATC's name: ``910`` of ``Ascend910_9391``.
    """
    wanted, card = _for_atc(request).soc_version, soc_name(request.chip.removesuffix(STAND_IN))
    if not wanted.lower().startswith(card.lower()):
        yield f"chip: the model is for {wanted}, the card here is {card}"


def _for_atc(request: ConversionRequest) -> ConvertRequest:
    return ConvertRequest(
        options=atc_options(request),
        onnx=request.model,
        onnx_sha256=request.sha256,
        inputs=request.inputs,
        outputs=request.outputs,
        batch=request.batch,
        chip=request.chip,
        base=request.base.absolute(),
        stamped=request.given,
        shapes=request.shapes,
    )


def atc_options(request: ConversionRequest) -> AtcOptions:
    """Return the options to convert with; for ``aipp: auto`` they name a file that is kept."""
    options: AtcOptions = request.options
    if request.normalisation is None:
        return options
    path = request.keep(FILE_NAME, aipp_text(request.normalisation))
    return options.model_copy(update={"aipp": None, "insert_op_conf": str(path)})
