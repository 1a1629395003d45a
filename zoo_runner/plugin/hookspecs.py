"""The hooks a plugin implements, in the entry-point group ``zoo_runner``.

A plugin is a module (or object) registered under a name; the manifest's
``plugin.name`` picks it, and only it is asked. Each hook is a factory called once
a run; the objects it returns do the work.

An implementation names the arguments that it wants: ``def zoo_dataset():`` is fine, and so is
``def zoo_postprocess(config, outputs):``. ``config`` is an instance of the model that ``zoo_config`` returned;
``inputs`` and ``outputs`` are the manifest's tensors, in its order. Before there is a manifest (``zoo-run new``) the
network is given none, and the others get the network's.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

import pluggy

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pydantic import BaseModel

    from zoo_runner.plugin.drafting import Draft, Material
    from zoo_runner.plugin.driving import Driver
    from zoo_runner.plugin.interfaces import Backend, Dataset, Network, Postprocess, Preprocess, TensorSpec
    from zoo_runner.plugin.plain import Plain
    from zoo_runner.plugin.scoring import Metric

    Tensors: TypeAlias = tuple[TensorSpec, ...]

PROJECT = "zoo_runner"
"""Name of the pluggy project and of the entry-point group."""

hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)


@hookspec(firstresult=True)
def zoo_config() -> type[BaseModel] | None:
    """Return the pydantic model that types the manifest's ``plugin.config``."""


@hookspec(firstresult=True)
def zoo_network(config: Any, inputs: Tensors, outputs: Tensors) -> Network | None:
    """Return the network; what is given as ONNX needs none."""


@hookspec(firstresult=True)
def zoo_networks(config: Any) -> Mapping[str, Network] | None:
    """Return the networks of a manifest with several ``models``, by their names there.

    Those whose weights are ONNX files need not be among them.
    """


@hookspec(firstresult=True)
def zoo_driver(config: Any) -> Driver | None:
    """Return what runs the several ``models`` of a manifest, and makes one result of them."""


@hookspec(firstresult=True)
def zoo_dataset(config: Any, inputs: Tensors, outputs: Tensors) -> Dataset | None:
    """Return the reader of the data set."""


@hookspec(firstresult=True)
def zoo_preprocess(config: Any, inputs: Tensors, outputs: Tensors) -> Preprocess | None:
    """Return what turns a sample into model inputs."""


@hookspec(firstresult=True)
def zoo_postprocess(config: Any, inputs: Tensors, outputs: Tensors) -> Postprocess | None:
    """Return what turns model outputs into a prediction."""


@hookspec(firstresult=True)
def zoo_metric(config: Any, inputs: Tensors, outputs: Tensors) -> Metric | None:
    """Return what scores predictions."""


@hookspec(firstresult=True)
def zoo_plain(config: Any, inputs: Tensors, outputs: Tensors) -> Plain | None:
    """Return plain implementations of the stages, which these are held against after a red gate.

    It is called after the verdict, by that search alone.
    """


@hookspec(firstresult=True)
def zoo_task() -> str | None:
    """Return in a few words what the plugin's models do; ``zoo-run zoo FOLDER`` shows it beside each of them."""


@hookspec(firstresult=True)
def zoo_draft(material: Material) -> Draft | None:
    """Return what ``zoo-run new NAME`` writes into a manifest for these files.

    It is called outside of runs, by that command alone.

    Raises:
        UndecidedError: The files do not tell a key of ``plugin.config``.
        ZooError: They are not what the plugin is for.
    """


@hookspec(firstresult=True)
def zoo_packages() -> Sequence[str] | None:
    """Return the names of packages whose code counts as the plugin's own in what is reused.

    Modules that the plugin has loaded, and what they import, count anyway. This is for code that is not loaded in
    the process of the run, or not yet when results are kept: what a subprocess runs, or data files of another package.
    All files of these packages count; nothing is imported for that.
    """


@hookspec(firstresult=True)
def zoo_backend() -> Backend | None:
    """Return a backend; the entry point's name is what ``--backend`` takes."""
