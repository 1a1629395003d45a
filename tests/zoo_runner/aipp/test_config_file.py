from __future__ import annotations

from zoo_runner.aipp.config_file import aipp_text
from zoo_runner.plugin.pixels import Normalisation

REFINEDET = Normalisation(mean=(123, 117, 104), scale=(1, 1, 1), swap_red_blue=True, height=320, width=320)


def test_the_file_for_refinedet() -> None:
    assert aipp_text(REFINEDET) == (
        "aipp_op {\n    aipp_mode: static\n    related_input_rank: 0\n    input_format: RGB888_U8\n"
        "    src_image_size_w: 320\n    src_image_size_h: 320\n    csc_switch: false\n    rbuv_swap_switch: true\n"
        "    mean_chn_0: 123\n    mean_chn_1: 117\n    mean_chn_2: 104\n"
        "    min_chn_0: 0.0\n    min_chn_1: 0.0\n    min_chn_2: 0.0\n"
        "    var_reci_chn_0: 1.0\n    var_reci_chn_1: 1.0\n    var_reci_chn_2: 1.0\n}\n"
    )
