"""ATC's command line: which flags it knows, how they are written and what their values may be."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

from zoo_runner.testing.atc.errors import FRAMEWORKS, AtcError, invalid_value, no_file, not_simulated
from zoo_runner.testing.atc.gears import read_gears
from zoo_runner.testing.machine import KNOWN_CHIPS, soc_name

_KNOWN: Final = frozenset(
    {"ac_parallel_enable", "aicore_num", "allow_hf32", "atomic_clean_policy", "auto_tune_mode"}
    | {"buffer_optimize", "check_report", "compress_weight_conf", "compression_optimize_conf", "core_type"}
    | {"customize_dtypes", "debug_dir", "deterministic", "device_id", "display_model_info", "dump_mode"}
    | {"dynamic_batch_size", "dynamic_dims", "dynamic_image_size", "enable_compress_weight"}
    | {"enable_scope_fusion_passes", "enable_single_stream", "enable_small_channel", "external_weight"}
    | {"framework", "fusion_switch_file", "help", "host_env_cpu", "host_env_os", "input_format"}
    | {"input_fp16_nodes", "input_hint_shape", "input_shape", "input_shape_range", "insert_op_conf"}
    | {"is_input_adjust_hw_layout", "is_output_adjust_hw_layout", "json", "keep_dtype", "log"}
    | {"mdl_bank_path", "mode", "model", "modify_mixlist", "om", "op_bank_path", "op_compiler_cache_dir"}
    | {"op_compiler_cache_mode", "op_debug_config", "op_debug_level", "op_name_map", "op_precision_mode"}
    | {"op_select_implmode", "optypelist_for_implmode", "out_nodes", "output", "output_type"}
    | {"precision_mode", "precision_mode_v2", "save_original_model", "shape_generalized_build_mode"}
    | {"singleop", "soc_version", "sparsity", "status_check", "tiling_schedule_optimize", "virtual_type"}
    | {"weight", "disable_reuse_memory"}
)
_KNOWN_SINCE: Final = {"precision_mode_v2": 7}
"""First CANN release that knows a flag, where not all do."""

_FILES: Final = (
    "compress_weight_conf",
    "compression_optimize_conf",
    "customize_dtypes",
    "fusion_switch_file",
    "insert_op_conf",
    "keep_dtype",
    "model",
    "modify_mixlist",
    "op_precision_mode",
)
_NOT_SIMULATED: Final = {
    "input_fp16_nodes": "half precision inputs",
    "input_shape_range": "ranges in a flag of their own",
    "is_input_adjust_hw_layout": "hardware layouts",
    "is_output_adjust_hw_layout": "hardware layouts",
    "singleop": "single operators",
}
_RANGES: Final = {
    "buffer_optimize": ("l1_optimize", "l2_optimize", "off_optimize"),
    "core_type": ("AiCore", "VectorCore"),
    "op_compiler_cache_mode": ("enable", "disable", "force"),
    "op_debug_level": ("0", "1", "2", "3", "4"),
    "op_select_implmode": (
        "high_precision",
        "high_performance",
        "high_precision_for_all",
        "high_performance_for_all",
    ),
    "precision_mode": (
        "force_fp16",
        "force_fp32",
        "cube_fp16in_fp32out",
        "allow_mix_precision",
        "allow_fp32_to_fp16",
        "must_keep_origin_dtype",
        "allow_mix_precision_fp16",
        "allow_mix_precision_bf16",
        "allow_fp32_to_bf16",
    ),
    "precision_mode_v2": ("fp16", "origin", "cube_fp16in_fp32out", "mixed_float16", "mixed_bfloat16"),
}
_SWITCHES: Final = ("deterministic", "disable_reuse_memory", "dump_mode", "sparsity", "status_check", "virtual_type")
_LOG_LEVELS: Final = ("debug", "info", "warning", "error", "null")
_ONNX_FORMATS: Final = ("NCHW", "ND", "NCDHW")
_ONNX: Final = "5"


def parse_flags(arguments: Sequence[str], *, cann_major: int) -> dict[str, str]:
    """Read ``--flag=value`` and ``--flag value``; the last of several wins.

    Raises:
        AtcError: E10003 for a flag that this CANN does not know, a flag without its value, or anything else
            on the command line. As ATC does, what is wrong is also told on stderr.
    """
    values: dict[str, str] = {}
    queue = list(arguments)
    while queue:
        word = queue.pop(0)
        if not re.match(r"--?[A-Za-z]", word):
            raise _refused(word, f"Non-option parameter: {word}")
        name, equals, value = word.lstrip("-").partition("=")
        name = name.replace("-", "_")
        if name not in _KNOWN or cann_major < _KNOWN_SINCE.get(name, 0):
            raise _refused(name, f"unknown command line flag '{name}'")
        if name == "help":
            value = value or "true"
        elif not equals:
            if not queue:
                raise _refused(name, f"flag '--{name}' is missing its argument")
            value = queue.pop(0)
        values[name] = value
    return values


def _refused(name: str, reason: str) -> AtcError:
    sys.stderr.write(f"ERROR: {reason}\n")
    return AtcError("E10003", f"Value [] for parameter [--{name}] is invalid. Reason: {reason}")


def check_flags(values: Mapping[str, str], *, cann_major: int) -> None:
    """Check what ATC checks before it reads the model.

    Raises:
        AtcError: With ATC's code for the first thing that is wrong.
    """
    for check in _CHECKS:
        check(values)
    if {"precision_mode", "precision_mode_v2"} <= values.keys():
        text = "Cannot configure both parameters [--precision_mode] and [--precision_mode_v2] simultaneously."
        raise AtcError("E10056", text, "The two parameters cannot be set at the same time.")
    if cann_major < _OUTPUT_NAMES_SINCE and any(":" not in node for node in split_nodes(values)):
        reason = "out_nodes must be formatted as node_name1:0;node_name1:1;node_name2:0"
        raise invalid_value("--out_nodes", values["out_nodes"], reason)


_OUTPUT_NAMES_SINCE: Final = 8


def split_nodes(values: Mapping[str, str]) -> list[str]:
    """Return the entries of ``--out_nodes``."""
    return [node.strip() for node in values.get("out_nodes", "").split(";") if node.strip()]


def _check_ranges(values: Mapping[str, str]) -> None:
    for flag, allowed in _RANGES.items():
        if flag in values and values[flag] not in allowed:
            valid = " ".join(f"[{value}]" for value in allowed)
            reason = f"The value is not within the range of values. The valid range is {valid} ."
            raise invalid_value(f"--{flag}", values[flag], reason)
    for flag in _SWITCHES:
        if values.get(flag, "0") not in {"0", "1"}:
            text = f"Value [{values[flag]}] for parameter [--{flag}] is invalid. The value must be either 1 or 0."
            raise AtcError("E10006", text, "Set a valid parameter value. The parameter value can only be 1 or 0.")
    if values.get("log", "null") not in _LOG_LEVELS:
        text = f"Value [{values['log']}] for parameter [--log] is invalid."
        raise AtcError("E10010", text, "Select the value from debug, info, warning, error, and null.")


def _check_framework(values: Mapping[str, str]) -> None:
    framework = values.get("framework", "")
    if framework not in {"0", "1", "3", _ONNX}:
        text = f"[--framework] is required. The value must be [{FRAMEWORKS}]."
        raise AtcError("E10007", text, "Set a valid parameter value.")
    if framework != _ONNX:
        raise invalid_value("--framework", framework, "the stand-in of atc converts ONNX models (5) only.")


def _check_required(values: Mapping[str, str]) -> None:
    for flag in ("soc_version", "output", "model"):
        if not values.get(flag):
            text = (
                f"The required parameter [--{flag}] for ATC is empty. Another possible reason is that the values of "
                'some parameters are not enclosed by quotation marks ("").'
            )
            raise AtcError("E10054", text, "Check whether the command line parameter format is correct.")


def _check_values(values: Mapping[str, str]) -> None:
    if values["soc_version"] not in {soc_name(chip) for chip in KNOWN_CHIPS}:
        raise invalid_value("--soc_version", values["soc_version"], "The current soc version is not supported.")
    if values.get("input_format", "NCHW") not in _ONNX_FORMATS:
        reason = "The value must be NCHW, ND or NCDHW in ONNX model."
        raise invalid_value("--input_format", values["input_format"], reason)
    if values.get("mode", "0") != "0":
        raise not_simulated(f"mode {values['mode']}")
    if values.get("output_type", "FP32") not in {"FP32", "FP16"}:
        raise not_simulated(f"output_type {values['output_type']}")
    if {"input_fp16_nodes", "insert_op_conf"} <= values.keys():
        text = f"Nodes (for example, [{values['input_fp16_nodes']}]) connected to AIPP must not be of type fp16."
        raise AtcError("E10034", text, "Remove the nodes connected to AIPP from the --input_fp16_nodes argument.")
    read_gears(values)
    for flag, what in _NOT_SIMULATED.items():
        if flag in values:
            raise not_simulated(what)


def _check_paths(values: Mapping[str, str]) -> None:
    for flag in _FILES:
        if flag in values and not Path(values[flag]).is_file():
            raise no_file(values[flag])
    output = values["output"]
    if output.endswith("/"):
        raise AtcError("E10022", f"Path [{output}] for parameter [--output] does not include the file name.")


_CHECKS: Final[tuple[Callable[[Mapping[str, str]], None], ...]] = (
    _check_ranges,
    _check_framework,
    _check_required,
    _check_values,
    _check_paths,
)
