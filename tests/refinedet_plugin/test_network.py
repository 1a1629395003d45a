from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, get_args

import numpy as np
import onnxruntime
import pytest
import torch

from refinedet_plugin.config import InputSize, RefineDetConfig
from refinedet_plugin.network import L2Norm, RefineDet

if TYPE_CHECKING:
    from pathlib import Path

NARROW = RefineDetConfig(width=0.01, classes=("disc", "box"))
SIZES: tuple[InputSize, ...] = get_args(InputSize)
OUTPUTS = ["arm_loc", "arm_conf", "odm_loc", "odm_conf"]


def conv(name: str, outputs: int, inputs: int, side: int = 3) -> dict[str, tuple[int, ...]]:
    return {f"{name}.weight": (outputs, inputs, side, side), f"{name}.bias": (outputs,)}


def published_shapes() -> dict[str, tuple[int, ...]]:
    shapes: dict[str, tuple[int, ...]] = {"conv4_3_L2Norm.weight": (512,), "conv5_3_L2Norm.weight": (512,)}
    places = (0, 2, 5, 7, 10, 12, 14, 17, 19, 21, 24, 26, 28)
    channels = (3, 64, 64, 128, 128, 256, 256, 256, 512, 512, 512, 512, 512, 512)
    for place, inputs, outputs in zip(places, channels[:-1], channels[1:], strict=True):
        shapes |= conv(f"vgg.{place}", outputs, inputs)
    shapes |= conv("vgg.31", 1024, 512) | conv("vgg.33", 1024, 1024, 1)
    shapes |= conv("extras.0", 256, 1024, 1) | conv("extras.1", 512, 256)
    for level, source in enumerate((512, 512, 1024, 512)):
        shapes |= conv(f"arm_loc.{level}", 12, source) | conv(f"arm_conf.{level}", 6, source)
        shapes |= conv(f"odm_loc.{level}", 12, 256) | conv(f"odm_conf.{level}", 63, 256)
        shapes |= conv(f"tcb0.{3 * level}", 256, source) | conv(f"tcb0.{3 * level + 2}", 256, 256)
        shapes |= conv(f"tcb2.{3 * level + 1}", 256, 256)
    for level in range(3):
        shapes |= conv(f"tcb1.{level}", 256, 256, 2)
    return shapes


@pytest.fixture(scope="module")
def narrow() -> RefineDet:
    torch.manual_seed(0)
    return RefineDet(NARROW).eval()


@pytest.mark.parametrize("size", SIZES)
def test_parameters_are_those_of_the_published_checkpoint(size: InputSize) -> None:
    with torch.device("meta"):
        state = RefineDet(RefineDetConfig(input_size=size)).state_dict()
    assert {name: tuple(value.shape) for name, value in state.items()} == published_shapes()
    assert len(state) == 98
    assert sum(value.numel() for value in state.values()) == 34_440_884


def test_width_scales_the_hidden_layers_only() -> None:
    with torch.device("meta"):
        state = RefineDet(RefineDetConfig(width=0.125, classes=tuple("abcdef"))).state_dict()
    assert tuple(state["vgg.0.weight"].shape) == (8, 3, 3, 3)
    assert tuple(state["vgg.33.weight"].shape) == (128, 128, 1, 1)
    assert tuple(state["odm_conf.0.weight"].shape) == (21, 32, 3, 3)
    assert sum(value.numel() for value in state.values()) == 612_404


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("batch", [0, 1, 2])
def test_output_shapes(size: InputSize, batch: int) -> None:
    config = NARROW.model_copy(update={"input_size": size})
    outputs = RefineDet(config).eval()(torch.zeros(batch, 3, size, size))
    count = config.num_priors
    assert [tuple(output.shape) for output in outputs] == [(batch, count, last) for last in (4, 2, 4, 3)]
    assert all(output.dtype == torch.float32 for output in outputs)


def test_forward_gives_the_probabilities_of_the_logits(narrow: RefineDet) -> None:
    image = torch.randn(2, 3, 320, 320) * 60
    kept = image.clone()
    with torch.no_grad():
        arm_loc, arm_conf, odm_loc, odm_conf = narrow(image)
        raw = narrow.logits(image)
    assert torch.equal(image, kept)
    assert torch.equal(arm_loc, raw[0])
    assert torch.equal(odm_loc, raw[2])
    for probabilities, logits in ((arm_conf, raw[1]), (odm_conf, raw[3])):
        assert torch.equal(probabilities, logits.softmax(-1))
        torch.testing.assert_close(probabilities.sum(-1), torch.ones(2, 6375))


def test_rows_follow_the_order_of_the_priors() -> None:
    """With zero weights each row shows the biases, which name its map, its shape and its value."""
    model = RefineDet(NARROW).eval()
    with torch.no_grad():
        for level, head in enumerate(model.arm_loc):
            assert isinstance(head, torch.nn.Conv2d)
            head.weight.zero_()
            head.bias.copy_(100 * level + torch.arange(12))  # type: ignore[union-attr] # heads have biases
        arm_loc = model(torch.zeros(1, 3, 320, 320))[0][0]
    starts = (0, 4800, 6000, 6300, 6375)
    for level in range(4):
        rows = arm_loc[starts[level] : starts[level + 1]].reshape(-1, 12)
        assert torch.equal(rows, (100 * level + torch.arange(12.0)).expand_as(rows))


def test_cells_run_along_rows_first() -> None:
    """A bright column of pixels must show in the rows of one column's cells."""
    torch.manual_seed(1)
    model = RefineDet(NARROW).eval()
    image = torch.zeros(1, 3, 320, 320)
    image[..., 200:] = 200.0
    with torch.no_grad():
        fine = model(image)[0][0, :4800].reshape(40, 40, 12)
    inner = fine[12:28]
    assert torch.allclose(inner, inner[:1].expand_as(inner), atol=1e-4)
    assert not torch.allclose(inner[:, 0], inner[:, -1], atol=1e-4)


@pytest.mark.parametrize("shape", [(1, 3, 640, 640), (1, 3, 320, 512), (1, 1, 320, 320)], ids=str)
def test_another_input_shape_is_refused(narrow: RefineDet, shape: tuple[int, ...]) -> None:
    with pytest.raises(
        ValueError, match=r"images: expected float32\[batch, 3, 320, 320\], found float32\[1, .*\]; resize"
    ):
        narrow(torch.zeros(shape))


def test_only_the_third_pool_rounds_up(narrow: RefineDet) -> None:
    pools = {i: layer for i, layer in enumerate(narrow.vgg) if isinstance(layer, torch.nn.MaxPool2d)}
    assert {index: pool.ceil_mode for index, pool in pools.items()} == {
        4: False,
        9: False,
        16: True,
        23: False,
        30: False,
    }


def test_l2norm_scales_are_10_and_8(narrow: RefineDet) -> None:
    assert narrow.conv4_3_L2Norm.weight.tolist() == [10.0] * 8
    assert narrow.conv5_3_L2Norm.weight.tolist() == [8.0] * 8


@pytest.mark.parametrize("training", [False, True], ids=["deployed", "training"])
def test_l2norm(training: bool) -> None:
    layer = L2Norm(2, 10.0).train(training)
    features = torch.tensor([[3.0, 0.0], [4.0, 0.0]]).reshape(1, 2, 1, 2)
    expected = torch.tensor([[6.0, 0.0], [8.0, 0.0]]).reshape(1, 2, 1, 2)
    torch.testing.assert_close(layer(features), expected)


def test_l2norm_has_a_gradient_where_nothing_is_active() -> None:
    features = torch.zeros(1, 4, 2, 2, requires_grad=True)
    L2Norm(4, 10.0)(features).sum().backward()
    assert features.grad is not None
    assert torch.isfinite(features.grad).all()


@pytest.mark.filterwarnings("ignore:.*TorchScript-based ONNX export:DeprecationWarning")
@pytest.mark.filterwarnings("ignore:The feature will be removed:DeprecationWarning")
def test_export_by_tracing_keeps_the_batch_dynamic(narrow: RefineDet, tmp_path: Path) -> None:
    path = tmp_path / "narrow.onnx"
    torch.onnx.export(
        narrow,
        (torch.zeros(2, 3, 320, 320),),
        path,
        input_names=["image"],
        output_names=OUTPUTS,
        opset_version=17,
        dynamo=False,
        dynamic_axes={name: {0: "batch"} for name in ("image", *OUTPUTS)},
    )
    assert_same_outputs(narrow, path)


@pytest.mark.slow
@pytest.mark.long
def test_export_by_dynamo_keeps_the_batch_dynamic(narrow: RefineDet, tmp_path: Path) -> None:
    path = tmp_path / "narrow.onnx"
    with warnings.catch_warnings():
        # The exporter's own deprecations change from release to release; the network causes none of them.
        warnings.simplefilter("ignore")
        torch.onnx.export(
            narrow,
            (torch.zeros(2, 3, 320, 320),),
            path,
            input_names=["image"],
            output_names=OUTPUTS,
            opset_version=18,
            dynamo=True,
            external_data=False,
            verbose=False,
            dynamic_shapes=({0: torch.export.Dim("batch")},),
        )
    assert_same_outputs(narrow, path)


def assert_same_outputs(model: RefineDet, path: Path) -> None:
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    for batch in (1, 3):
        image = torch.randn(batch, 3, 320, 320, generator=torch.Generator().manual_seed(batch)) * 60
        with torch.no_grad():
            expected = model(image)
        found = session.run(OUTPUTS, {"image": image.numpy()})
        for name, output, tensor in zip(OUTPUTS, found, expected, strict=True):
            np.testing.assert_allclose(output, tensor.numpy(), atol=1e-4, rtol=1e-4, err_msg=name)
