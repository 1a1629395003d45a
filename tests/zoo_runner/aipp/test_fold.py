"""Folded graphs: small ones of every kind, and the bundled sample against its plain path."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from places import ROOT
from zoo_runner.aipp.fold import fold_normalisation
from zoo_runner.backends.onnxruntime import OnnxRuntimeBackend
from zoo_runner.errors import ExportError, PluginError
from zoo_runner.job.options import RunOptions
from zoo_runner.job.recipe import Recipe, resolve
from zoo_runner.manifest.load import load
from zoo_runner.plugin.interfaces import SessionRequest, TensorSpec
from zoo_runner.plugin.pixels import Normalisation

onnx = pytest.importorskip("onnx")
ort = pytest.importorskip("onnxruntime")
helper, proto = onnx.helper, onnx.TensorProto

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Sessions = Callable[[Path], Any]

HEIGHT, WIDTH = 2, 5
REFINEDET = Normalisation(mean=(123, 117, 104), scale=(1, 1, 1), swap_red_blue=True, height=HEIGHT, width=WIDTH)
IMAGENET = Normalisation(
    mean=(123.675, 116.28, 103.53),
    scale=(1 / 58.395, 1 / 57.12, 1 / 57.375),
    swap_red_blue=False,
    height=HEIGHT,
    width=WIDTH,
)


def tensor(name: str, *shape: int | str, dtype: int = proto.FLOAT) -> Any:
    return helper.make_tensor_value_info(name, dtype, shape)


def network(**changes: Any) -> Any:
    """A graph whose output ``same`` is its normalised input and whose ``mean`` is its mean over the pixels."""
    options: dict[str, Any] = {
        "nodes": [
            helper.make_node("Identity", ["image"], ["same"], name="aipp/swap"),
            helper.make_node("GlobalAveragePool", ["image"], ["mean"], name="GlobalAveragePool_1"),
        ],
        "inputs": [tensor("image", "batch", 3, HEIGHT, WIDTH)],
        "outputs": [tensor("mean", "batch", 3, 1, 1), tensor("same", "batch", 3, HEIGHT, WIDTH)],
        "opset": 17,
    }
    options |= changes
    graph = helper.make_graph(options["nodes"], "network", options["inputs"], options["outputs"])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", options["opset"])], ir_version=8)


def branching() -> Any:
    """A graph that reads the image from inside an ``If``, through two levels."""

    def branch(node: Any, output: str) -> Any:
        return helper.make_graph([node], "branch", [], [tensor(output, "batch", 3, HEIGHT, WIDTH)])

    def choose(name: str, first: Any, second: Any) -> Any:
        return helper.make_node("If", ["flag"], [name], name=f"{name}_if", then_branch=first, else_branch=second)

    direct = branch(helper.make_node("Identity", ["image"], ["direct"]), "direct")
    negated = branch(helper.make_node("Neg", ["image"], ["negated"]), "negated")
    outer = branch(choose("inner", direct, negated), "inner")
    other = branch(helper.make_node("Abs", ["image"], ["other"]), "other")
    flag = onnx.numpy_helper.from_array(np.ones((), np.bool_), "flag")
    return network(
        nodes=[
            helper.make_node("Constant", [], ["flag"], value=flag),
            choose("same", outer, other),
            helper.make_node("GlobalAveragePool", ["image"], ["mean"]),
        ]
    )


def fold(model: Any, folder: Path, rule: Normalisation = REFINEDET) -> Path:
    onnx.save(model, folder / "plain.onnx")
    fold_normalisation(folder / "plain.onnx", folder / "folded.onnx", "image", rule)
    return folder / "folded.onnx"


def run(path: Path, image: NDArray[Any], names: list[str]) -> list[NDArray[np.float32]]:
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    session = ort.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    return list(session.run(names, {"image": image}))


def normalised(pixels: NDArray[np.uint8], rule: Normalisation) -> NDArray[np.float32]:
    """The plugin's float path, as numpy has it."""
    image = (pixels[..., ::-1] if rule.swap_red_blue else pixels).astype(np.float32)
    image = (image - np.array(rule.mean, np.float32)) * np.array(rule.scale, np.float32)
    return np.ascontiguousarray(image.transpose(0, 3, 1, 2))


def shape_of(value: Any) -> tuple[str, list[int | str]]:
    kind = value.type.tensor_type
    return proto.DataType.Name(kind.elem_type), [axis.dim_value or axis.dim_param for axis in kind.shape.dim]


@pytest.mark.parametrize("rule", [pytest.param(REFINEDET, id="refinedet"), pytest.param(IMAGENET, id="imagenet")])
@pytest.mark.parametrize(
    "model",
    [
        pytest.param(network(), id="opset-17"),
        pytest.param(network(opset=11), id="opset-11"),
        pytest.param(branching(), id="read-from-inside-a-branch"),
        pytest.param(
            network(
                inputs=[tensor("image", 4, 3, HEIGHT, WIDTH)],
                outputs=[tensor("mean", 4, 3, 1, 1), tensor("same", 4, 3, HEIGHT, WIDTH)],
            ),
            id="fixed-batch",
        ),
    ],
)
def test_the_folded_graph_normalises(model: Any, rule: Normalisation, tmp_path: Path) -> None:
    path = fold(model, tmp_path, rule)
    pixels = np.random.default_rng(2).integers(0, 256, (4, HEIGHT, WIDTH, 3), dtype=np.uint8)
    plain = run(tmp_path / "plain.onnx", normalised(pixels, rule), ["same", "mean"])
    found = run(path, pixels, ["same", "mean"])
    for wanted, got in zip(plain, found, strict=True):
        assert got.tobytes() == wanted.tobytes()
    assert found[0].tobytes() == normalised(pixels, rule).tobytes()


def test_what_is_kept(tmp_path: Path) -> None:
    plain = network()
    folded = onnx.load(fold(plain, tmp_path))
    assert [shape_of(value) for value in folded.graph.input] == [("UINT8", ["batch", HEIGHT, WIDTH, 3])]
    assert list(folded.graph.output) == list(plain.graph.output)
    assert folded.opset_import == plain.opset_import
    assert folded.ir_version == plain.ir_version
    kept = list(folded.graph.node)[-2:]
    assert [(node.name, list(node.output)) for node in kept] == [
        ("aipp/swap", ["same"]),
        ("GlobalAveragePool_1", ["mean"]),
    ]
    names = [node.name for node in folded.graph.node]
    assert len(set(names)) == len(names)
    assert {name.partition("/")[0] for name in names[:-2]} == {"aipp_"}


@pytest.mark.parametrize("size", [1, 2, 7])
def test_the_batch_axis_stays_open(size: int, tmp_path: Path) -> None:
    pixels = np.full((size, HEIGHT, WIDTH, 3), 255, np.uint8)
    assert run(fold(network(), tmp_path), pixels, ["same"])[0].shape == (size, 3, HEIGHT, WIDTH)


def test_other_inputs_stay(tmp_path: Path) -> None:
    model = network(inputs=[tensor("scale", "batch", 2), tensor("image", "batch", 3, HEIGHT, WIDTH)])
    folded = onnx.load(fold(model, tmp_path))
    assert [value.name for value in folded.graph.input] == ["scale", "image"]
    assert shape_of(folded.graph.input[0]) == ("FLOAT", ["batch", 2])


def test_the_same_file_gives_the_same_bytes(tmp_path: Path) -> None:
    first = fold(network(), tmp_path).read_bytes()
    assert fold(network(), tmp_path).read_bytes() == first
    assert fold(network(), tmp_path, IMAGENET).read_bytes() != first


@pytest.mark.parametrize(
    ("model", "message"),
    [
        pytest.param(
            network(inputs=[tensor("picture", "batch", 3, HEIGHT, WIDTH)]),
            r"expected image float32\[batch, 3, 2, 5\], found picture; export the network again",
            id="other-name",
        ),
        pytest.param(
            network(inputs=[tensor("image", "batch", 3, WIDTH, HEIGHT)]),
            r"expected image float32\[batch, 3, 2, 5\], found image float32\[batch, 3, 5, 2\]; the normalisation",
            id="other-size",
        ),
        pytest.param(
            network(inputs=[tensor("image", "batch", 3, "height", WIDTH)]),
            r"found image float32\[batch, 3, height, 5\]",
            id="open-size",
        ),
        pytest.param(
            network(inputs=[tensor("image", "batch", 3, HEIGHT, WIDTH, dtype=proto.UINT8)]),
            r"found image uint8\[batch, 3, 2, 5\]",
            id="uint8-already",
        ),
        pytest.param(network(inputs=[tensor("image", 3)]), r"found image float32\[3\]", id="other-rank"),
        pytest.param(
            network(nodes=[], outputs=[tensor("image", "batch", 3, HEIGHT, WIDTH)]),
            "input 'image' is an output too, and cannot become pixels",
            id="input-is-output",
        ),
        pytest.param(
            network(nodes=[helper.make_node("Nonsense", ["image"], ["same"])], outputs=[tensor("same", "batch")]),
            "with the normalisation at its head the graph is no valid ONNX model: .*Nonsense",
            id="not-valid",
        ),
    ],
)
def test_refused(model: Any, message: str, tmp_path: Path) -> None:
    with pytest.raises(ExportError, match=message) as caught:
        fold(model, tmp_path)
    assert str(caught.value).startswith(f"{tmp_path / 'plain.onnx'}: ")
    assert [path.name for path in tmp_path.iterdir()] == ["plain.onnx"]


@pytest.mark.parametrize("content", [None, b"no model"], ids=["missing", "other-content"])
def test_what_is_no_model_is_refused(content: bytes | None, tmp_path: Path) -> None:
    path = tmp_path / "m.onnx"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ExportError, match="is not a readable ONNX model"):
        fold_normalisation(path, tmp_path / "folded.onnx", "image", REFINEDET)
    assert not (tmp_path / "folded.onnx").exists()


def test_what_aipp_cannot_do_is_not_folded_either(tmp_path: Path) -> None:
    rule = Normalisation(mean=(-1, 0, 0), scale=(1, 1, 1), swap_red_blue=True, height=HEIGHT, width=WIDTH)
    with pytest.raises(PluginError, match="mean: expected 0 to 510, found -1"):
        fold(network(), tmp_path, rule)


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> tuple[Recipe, Path]:
    """The bundled sample's recipe with AIPP, and its exported graph."""
    pytest.importorskip("torch")
    pytest.importorskip("onnxsim")
    from zoo_runner.stages.export.checked_export import export  # noqa: PLC0415 - needs the skips above

    loaded = load(ROOT / "manifests" / "refinedet320-sample.yaml", ["atc.aipp=auto"])
    recipe = resolve(loaded, RunOptions(output=Path("out")))
    path = tmp_path_factory.mktemp("sample") / "plain.onnx"
    export(recipe.parts.network, ROOT / "refinedet_plugin/sample/weights.pth", recipe.manifest.onnx, path)
    return recipe, path


def test_the_sample_gives_the_same_detections(sample: tuple[Recipe, Path], tmp_path: Path) -> None:
    recipe, plain = sample
    folded = tmp_path / "folded.onnx"
    assert recipe.pixels is not None
    fold_normalisation(plain, folded, "image", recipe.pixels.normalisation)
    samples = recipe.parts.dataset.samples(ROOT / "refinedet_plugin/sample/VOCdevkit")[:8]
    manifest = recipe.manifest
    paths: list[tuple[Path, tuple[TensorSpec, ...], Any]] = [
        (plain, manifest.input_specs, recipe.parts.preprocess),
        (folded, recipe.host_inputs, recipe.host_preprocess),
    ]
    results, sent = [], []
    for path, specs, preprocess in paths:
        request = SessionRequest(model=path, inputs=specs, outputs=manifest.output_specs, batch=4, threads=1)
        session = OnnxRuntimeBackend().open(request)
        images = np.stack([preprocess(each)["image"] for each in samples])
        results.append([session.infer({"image": images[start : start + 4]}) for start in (0, 4)])
        sent.append(images.nbytes)
    assert sent[0] == 4 * sent[1]
    detections = 0
    for start, (first, second) in enumerate(zip(*results, strict=True)):
        # Measured: no bit differs. A build of ONNX Runtime may round a fused first layer otherwise.
        for spec in manifest.output_specs:
            np.testing.assert_allclose(second[spec.name], first[spec.name], rtol=1e-5, atol=1e-6)
        for position in range(4):
            each = samples[4 * start + position]
            wanted, found = (
                recipe.parts.postprocess({name: array[position] for name, array in outputs.items()}, each)
                for outputs in (first, second)
            )
            assert np.array_equal(found["labels"], wanted["labels"])
            np.testing.assert_allclose(found["scores"], wanted["scores"], rtol=1e-5, atol=1e-6)
            np.testing.assert_allclose(found["boxes"], wanted["boxes"], rtol=1e-5, atol=1e-3)
            detections += len(wanted["labels"])
    assert detections > 0
