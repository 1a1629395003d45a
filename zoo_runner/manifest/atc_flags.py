"""The flags of the Ascend Tensor Compiler, without their dashes."""

from __future__ import annotations

import re
from typing import Final

TYPED: Final = (
    "framework",
    "input_format",
    "input_shape",
    "out_nodes",
    "precision_mode",
    "log",
    "soc_version",
    "insert_op_conf",
    "dynamic_batch_size",
    "dynamic_image_size",
    "dynamic_dims",
    "input_shape_range",
)
"""Flags that have a key of their own in ``atc``."""

MANAGED: Final = ("model", "output")
"""Flags that the run sets itself."""

KNOWN: Final = (
    *TYPED,
    *MANAGED,
    "aicore_num",
    "auto_tune_mode",
    "buffer_optimize",
    "compress_weight_conf",
    "core_type",
    "customize_dtypes",
    "debug_dir",
    "deterministic",
    "disable_reuse_memory",
    "display_model_info",
    "dump_mode",
    "enable_scope_fusion_passes",
    "enable_single_stream",
    "enable_small_channel",
    "external_weight",
    "fusion_switch_file",
    "host_env_cpu",
    "host_env_os",
    "input_fp16_nodes",
    "is_input_adjust_hw_layout",
    "is_output_adjust_hw_layout",
    "json",
    "keep_dtype",
    "mdl_bank_path",
    "mode",
    "modify_mixlist",
    "om",
    "op_bank_path",
    "op_compiler_cache_dir",
    "op_compiler_cache_mode",
    "op_debug_level",
    "op_precision_mode",
    "op_select_implmode",
    "optypelist_for_implmode",
    "output_type",
    "precision_mode_v2",
    "save_original_model",
    "singleop",
    "sparsity",
    "status_check",
    "virtual_type",
    "weight",
)
"""Every flag ATC is known to take, over all releases; one release may know fewer."""


def typed_line(flag: str, value: str | int) -> str:
    """Return the line of the section ``atc`` that says what an entry of ``atc.flags`` would, for flags with gears."""
    rows = [[part.strip() for part in row.split(",")] for row in str(value).split(";")]
    if not all(re.fullmatch("[0-9]+", part) for row in rows for part in row):
        return ""
    if flag == "dynamic_batch_size" and len(rows) == 1:
        return f": [{', '.join(rows[0])}]"
    listed = ", ".join(f"[{', '.join(row)}]" for row in rows)
    return f": [{listed}]" if flag == "dynamic_image_size" else ""
