"""The file that ATC's ``--insert_op_conf`` takes: static AIPP with a plugin's normalisation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from zoo_runner.aipp.parameters import aipp_parameters

if TYPE_CHECKING:
    from zoo_runner.plugin.pixels import Normalisation

FILE_NAME: Final = "aipp.cfg"
"""What the file is called."""


def aipp_text(normalisation: Normalisation) -> str:
    """Return the file for ATC's ``--insert_op_conf``.

    Raises:
        PluginError: AIPP cannot do what the plugin declares.
    """
    parameters = aipp_parameters(normalisation)
    # Numbers are written with all digits: read as float32 or float64, they are the same numbers again.
    channels = {"mean_chn": parameters.mean, "min_chn": parameters.minimum, "var_reci_chn": parameters.factor}
    settings: dict[str, object] = {
        "aipp_mode": "static",
        "related_input_rank": 0,
        "input_format": "RGB888_U8",
        "src_image_size_w": parameters.width,
        "src_image_size_h": parameters.height,
        "csc_switch": "false",
        "rbuv_swap_switch": str(parameters.swap).lower(),
        **{f"{name}_{i}": value for name, values in channels.items() for i, value in enumerate(values)},
    }
    lines = "".join(f"    {name}: {value}\n" for name, value in settings.items())
    return f"aipp_op {{\n{lines}}}\n"
