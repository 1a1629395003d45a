from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import pytest

from zoo_runner.testing.om_file import read_om

if TYPE_CHECKING:
    from numpy.typing import NDArray

Run: TypeAlias = Callable[..., subprocess.CompletedProcess[str]]
Compute: TypeAlias = "Callable[[NDArray[np.float32]], list[NDArray[np.float32]]]"
SETTINGS = {
    "aipp_mode": "static",
    "input_format": "RGB888_U8",
    "src_image_size_w": "6",
    "src_image_size_h": "4",
    "csc_switch": "false",
    "rbuv_swap_switch": "true",
    "mean_chn_0": "123",
    "mean_chn_1": "117",
    "mean_chn_2": "104",
    "min_chn_1": "0.5",
    "var_reci_chn_0": "1.0",
    "var_reci_chn_2": "0.25",
}


def aipp_text(**changes: str) -> str:
    settings = SETTINGS | changes
    lines = "\n".join(f"    {name}: {value}" for name, value in settings.items() if value)
    return f"# made by a test\naipp_op {{\n{lines}\n}}\n"


@pytest.fixture
def convert(
    host: Callable[..., Run], onnx_file: Path, tmp_path: Path
) -> Callable[[str], subprocess.CompletedProcess[str]]:
    def run(text: str) -> subprocess.CompletedProcess[str]:
        file = tmp_path / "aipp.cfg"
        file.write_text(text, encoding="utf-8")
        return host()(
            *("atc", "--framework=5", "--soc_version=Ascend310P3", f"--model={onnx_file}"),
            *("--input_shape=image:2,3,4,6", f"--insert_op_conf={file}", f"--output={tmp_path / 'model'}"),
            "--out_nodes=boxes_b:0;scores_b:0;boxes_a:0;scores_a:0",
        )

    return run


def test_takes_bytes_channels_last_and_normalises_them(
    convert: Callable[[str], subprocess.CompletedProcess[str]],
    host: Callable[..., Run],
    expected: Compute,
    tmp_path: Path,
) -> None:
    assert convert(aipp_text()).returncode == 0
    om = tmp_path / "model.om"
    (image,) = read_om(om).inputs
    assert (image.name, image.dtype, image.shape, image.format) == ("image", "uint8", (2, 4, 6, 3), 1)
    assert read_om(om).aipp["mean_chn_1"] == "117"
    pixels = np.random.default_rng(5).integers(0, 256, (2, 4, 6, 3), dtype=np.uint8)
    np.save(tmp_path / "pixels.npy", pixels)
    code = (
        "import sys, numpy as np\n"
        "from ais_bench.infer.interface import InferSession\n"
        "session = InferSession(0, sys.argv[1])\n"
        "outputs = session.infer([np.load(sys.argv[2])])\n"
        "np.savez(sys.argv[3], *outputs)"
    )
    done = host()(sys.executable, "-c", code, str(om), str(tmp_path / "pixels.npy"), str(tmp_path / "out.npz"))
    assert done.returncode == 0, done.stderr
    rgb = pixels[..., ::-1].astype(np.float32)
    mean = np.array([123, 117 + 0.5, 104], dtype=np.float32)
    factor = np.array([1, 1, 0.25], dtype=np.float32)
    plain = np.ascontiguousarray(((rgb - mean) * factor).transpose(0, 3, 1, 2))
    with np.load(tmp_path / "out.npz") as outputs:
        for found, wanted in zip(outputs.values(), expected(plain), strict=True):
            np.testing.assert_allclose(found, wanted, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param("", "E13018.*Failed to parse file", id="empty"),
        pytest.param("aipp { }", "E13018", id="other-block"),
        pytest.param(aipp_text(mean_chanel_0="1"), "E13018", id="unknown-field"),
        pytest.param(aipp_text(mean_chn_0="104.5"), "E13018", id="mean-is-an-integer"),
        pytest.param(aipp_text(csc_switch="maybe"), "E13018", id="no-switch"),
        pytest.param(aipp_text(input_format="BGR888_U8"), "E13018", id="unknown-format"),
        pytest.param(aipp_text()[:-2], "E13018", id="not-closed"),
        pytest.param(aipp_text().replace("static", ""), "E13018", id="value-missing"),
        pytest.param(aipp_text(aipp_mode=""), "E10052.*aipp_mode must be set", id="mode-missing"),
        pytest.param(aipp_text(input_format=""), "E10052.*input_format must be set", id="format-missing"),
        pytest.param(aipp_text(mean_chn_0="300"), r"E10052.*mean_chn must be in \[0, 255\]", id="mean-range"),
        pytest.param(aipp_text(src_image_size_w="8"), "E10052.*do not match the input", id="size"),
        pytest.param(aipp_text(related_input_rank="1"), "E10052.*less than the number of inputs 1", id="rank"),
        pytest.param(aipp_text(aipp_mode="dynamic"), "E10055.*dynamic AIPP", id="dynamic"),
        pytest.param(aipp_text(input_format="YUV420SP_U8"), "E10055.*YUV420SP_U8", id="yuv"),
        pytest.param(aipp_text(crop="true"), "E10055.*AIPP crop", id="crop"),
        pytest.param(aipp_text(csc_switch="true"), "E10055.*AIPP csc_switch", id="colour-space"),
        pytest.param(aipp_text().replace("}", "aipp_op : {\n}"), "E10055.*several aipp_op", id="two-blocks"),
    ],
)
def test_refusals(
    convert: Callable[[str], subprocess.CompletedProcess[str]], tmp_path: Path, text: str, message: str
) -> None:
    done = convert(text)
    assert done.returncode == 255
    assert re.search(message, done.stdout)
    assert not (tmp_path / "model.om").exists()
