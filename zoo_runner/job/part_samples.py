"""Parts of samples, each of which is inferred as a sample of its own."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from zoo_runner.errors import ManifestError, PluginError
from zoo_runner.manifest.open_axes import input_axes
from zoo_runner.plugin.calls import calling
from zoo_runner.plugin.interfaces import Sample
from zoo_runner.plugin.parts import FanOutPreprocess, JoiningPostprocess
from zoo_runner.plugin.speed import Warmable

if TYPE_CHECKING:
    from zoo_runner.manifest.load import LoadedManifest
    from zoo_runner.plugin.interfaces import Arrays
    from zoo_runner.plugin.records import ModelParts

PARTS: Final = "inferences"
"""What the parts of samples are counted as."""
MOST: Final = 99_999
"""Parts of one sample: names of files have five digits for them."""


@dataclass(frozen=True, kw_only=True)
class PartSample(Sample):
    """One part of a sample; its files are the sample's.

    Attributes:
        whole: The sample.
        number: Of the part, counted from 0.
        count: How many parts the sample has.
    """

    whole: Sample
    number: int
    count: int

    @property
    def last(self) -> bool:
        """Whether no part of the sample follows."""
        return self.number == self.count - 1

    @property
    def stem(self) -> str:
        """What its files are called, so that parts follow each other by name."""
        return f"{self.whole.index:07d}-{self.number:05d}"


@dataclass(frozen=True)
class PartInputs:
    """The plugin's preprocessing, part by part.

    Attributes:
        preprocess: The plugin's.
    """

    preprocess: FanOutPreprocess

    @property
    def identity(self) -> str:
        """The plugin's, which makes something else of a sample when it makes parts of it."""
        return json.dumps(["parts", self.preprocess.identity])

    def warm(self, samples: int) -> None:
        """Tell the plugin's preprocessing how much is coming."""
        if isinstance(self.preprocess, Warmable):
            self.preprocess.warm(samples)

    def __call__(self, sample: Sample) -> Arrays:
        """Return the inputs of a part."""
        if not isinstance(sample, PartSample):
            raise TypeError(f"expected a part of a sample, found sample {sample.id!r}")
        return self.preprocess.make_part(sample.whole, sample.number)

    def of(self, samples: Iterable[Sample]) -> Iterator[PartSample]:
        """Yield the parts of samples, in order.

        Raises:
            PluginError: The plugin says of a sample that it has no part, or too many: nothing would be inferred of it.
        """
        for sample in samples:
            count = self._count(sample)
            for number in range(count):
                yield PartSample(
                    index=sample.index * (MOST + 1) + number,
                    id=f"{sample.id} part {number}",
                    path=sample.path,
                    files=sample.files,
                    group=sample.group,
                    finding=sample.finding,
                    whole=sample,
                    number=number,
                    count=count,
                )

    def _count(self, sample: Sample) -> int:
        with calling("zoo_preprocess", sample):
            count: object = self.preprocess.parts(sample)
        if isinstance(count, int) and not isinstance(count, bool) and 1 <= count <= MOST:
            return count
        raise PluginError(
            f"parts of sample {sample.id!r}: expected a whole number from 1 to {MOST:,}, found {count!r}; correct the "
            "plugin's preprocessing, or take the sample out of the data set"
        )


@dataclass(frozen=True)
class Joined:
    """Passes on what was joined already.

    Attributes:
        postprocess: The plugin's.
    """

    postprocess: JoiningPostprocess

    @property
    def identity(self) -> str:
        """The plugin's identity."""
        return f"joined {self.postprocess.identity}"

    def __call__(self, outputs: Arrays, sample: Sample) -> Arrays:  # noqa: ARG002 - what a postprocessing is given
        """Return the prediction as it is."""
        return outputs


def check_parts(loaded: LoadedManifest, parts: ModelParts) -> None:
    """Check that what makes several inputs of a sample comes with what joins their outputs, and can be carried out.

    Raises:
        ManifestError: The manifest asks for what does not go together with it.
        PluginError: One of the two is missing.
    """
    fans, joins = isinstance(parts.preprocess, FanOutPreprocess), isinstance(parts.postprocess, JoiningPostprocess)
    name, manifest = loaded.manifest.plugin.name, loaded.manifest
    if fans != joins:
        has, lacks = (
            ("preprocessing makes parts", "postprocessing has no start to join")
            if fans
            else ("postprocessing joins parts", "preprocessing has no parts and make_part to make")
        )
        raise PluginError(f"plugin {name!r}: its {has} of samples, and its {lacks} them; see zoo_runner.plugin.parts")
    refused = {
        "atc.aipp": manifest.atc.aipp,
        "models": manifest.models,
        "open axes": input_axes(manifest),
        "a unit of throughput that says what one sample is worth": any(
            not isinstance(table.unit, str) for table in manifest.expected.chips.values()
        ),
    }
    key = next((key for key, value in refused.items() if value), None)
    if fans and key:
        raise ManifestError(
            f"{loaded.path}: the preprocessing of plugin {name!r} makes several inputs of a sample, which does not go "
            f"together with {key}; remove one of the two"
        )
