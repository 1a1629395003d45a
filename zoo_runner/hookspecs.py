"""The hooks a plugin implements, in the entry-point group ``zoo_runner``.

A plugin is a module (or object) registered under a name; the manifest's
``plugin.name`` picks it, and only it is asked. Each hook is a factory called once
a run; the objects it returns do the work.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pluggy

if TYPE_CHECKING:
    from pydantic import BaseModel

    from zoo_runner.interfaces import Backend, Dataset, Metric, Network, Postprocess, Preprocess

PROJECT = "zoo_runner"
"""Name of the pluggy project and of the entry-point group."""

hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)


@hookspec(firstresult=True)
def zoo_config() -> type[BaseModel] | None:
    """Return the pydantic model that types the manifest's ``plugin.config``."""


@hookspec(firstresult=True)
def zoo_network(config: Any) -> Network | None:
    """Return the network, from an instance of the model that ``zoo_config`` returned."""


@hookspec(firstresult=True)
def zoo_dataset(config: Any) -> Dataset | None:
    """Return the reader of the data set."""


@hookspec(firstresult=True)
def zoo_preprocess(config: Any) -> Preprocess | None:
    """Return what turns a sample into model inputs."""


@hookspec(firstresult=True)
def zoo_postprocess(config: Any) -> Postprocess | None:
    """Return what turns model outputs into a prediction."""


@hookspec(firstresult=True)
def zoo_metric(config: Any) -> Metric | None:
    """Return what scores predictions."""


@hookspec(firstresult=True)
def zoo_backend() -> Backend | None:
    """Return a backend; the entry point's name is what ``--backend`` takes."""
