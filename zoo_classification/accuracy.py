"""How often the right class is among the k with the highest scores, and which classes are taken for which."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final, Literal, TypeAlias

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from zoo_classification.samples import LabelledSample
from zoo_images.decoding import decode_image
from zoo_images.thumbnail import thumbnail, thumbnail_size
from zoo_runner.errors import ManifestError, ResultError, shortened
from zoo_runner.plugin.evidence import (
    Canary,
    CanaryValue,
    Confusions,
    Diagnosis,
    Illustration,
    Scale,
    Span,
    Statement,
)
from zoo_runner.plugin.interfaces import MetricValue
from zoo_runner.plugin.means import MeanScore, MeanScoring, SampleMeans
from zoo_runner.plugin.targets import Targets, Trait
from zoo_runner.plugin.tensors import tensor_text

if TYPE_CHECKING:
    from zoo_runner.plugin.interfaces import Arrays, Sample

NAME: Final = "accuracy"
PERCENT: Final = 100.0
USUAL: Final = (1, 5)
NAMED: Final = 8
"""Confusions that the diagnosis names, the most frequent ones; the rest is counted together."""
OTHERS: Final = "other confusions"
RIGHT, TRUTH = "hit", "truth"
"""Kinds of statements: the class that was found, where it is right; and the image's own."""

Ks: TypeAlias = Annotated[tuple[Annotated[int, Field(ge=1, le=100)], ...], Field(min_length=1, max_length=5)]


class AccuracyOptions(BaseModel):
    """Count the images whose class is among the k with the highest scores."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    type: Literal["top_k"] = "top_k"
    k: Ks | None = Field(
        default=None,
        description="the first one is the headline, and each is a protocol, such as top1; by default 1, and 5 of more "
        "than 5 classes",
    )


class Accuracy(SampleMeans):
    """The metric ``accuracy`` with a protocol for each k, in percent: ``accuracy/top1``.

    Args:
        options: As configured.
        kept: How many classes of an image the postprocessing keeps.
        number: How many classes there are. Among as many as that every image's class is found.
        names: What they are called; without, as the images tell it.

    Raises:
        ManifestError: A k is more than that allows, or there twice.
    """

    def __init__(self, options: AccuracyOptions, kept: int, number: int, names: tuple[str, ...] = ()) -> None:
        most = min(kept, number - 1)
        if most < 1:
            raise ManifestError(
                f"plugin.config.classes: expected at least two classes, as one is always right, found {number}; "
                "correct the classes, the manifest's outputs, or plugin.config.postprocess.background"
            )
        ks = options.k or tuple(k for k in USUAL if k <= most)
        if len(set(ks)) != len(ks) or max(ks) > most:
            raise ManifestError(
                f"plugin.config.metric.k: expected different numbers up to {most}, as plugin.config.postprocess keeps "
                f"{kept} of {number} classes, found {', '.join(map(str, ks))}; correct one of them"
            )
        self._ks = ks
        self.names = dict(enumerate(names))
        self.measures = tuple((NAME, f"top{k}") for k in ks)
        self.scales = (Scale(unit="percent", worst=0.0, best=PERCENT),) * len(ks)

    def scores(self, prediction: Arrays, sample: Sample) -> dict[tuple[str, str], float]:
        """Return 100 or 0 for each k."""
        label, found = label_of(sample), best_of(prediction, sample)
        return {measure: PERCENT * (label in found[:k]) for measure, k in zip(self.measures, self._ks, strict=True)}

    def scoring(self) -> AccuracyScoring:
        """Begin a scoring."""
        return AccuracyScoring(self)

    def canaries(self) -> tuple[Canary, ...]:
        """Return predictions that tell off-by-one counts of k, and labels that are exchanged."""
        most = max(self._ks)
        samples = [
            LabelledSample(index=place + 1, id=f"canary {place}", path=Path(), label=place, name=str(place))
            for place in range(most + 1)
        ]
        ranked = {"labels": np.arange(most, dtype=np.int32), "scores": np.linspace(1, 0, most, dtype=np.float32)}
        values = tuple(
            CanaryValue(
                rule=f"an image counts for top{k} where its class is among the {k} best",
                name=NAME,
                protocol=f"top{k}",
                value=PERCENT * k / (most + 1),
            )
            for k in self._ks
        )
        return (Canary(samples=samples, predictions=[ranked] * len(samples), expected=values),)


class AccuracyScoring(MeanScoring):
    """One scoring, which keeps the best class of each image beside."""

    def __init__(self, metric: Accuracy) -> None:
        super().__init__(metric)
        self._names = dict(metric.names)
        self._samples: list[LabelledSample] = []
        self._best: list[int] = []
        self._margins: list[float] = []

    def update(self, samples: Sequence[Sample], predictions: Sequence[Arrays]) -> None:
        """Score the next chunk.

        Raises:
            ResultError: A prediction has no classes.
        """
        super().update(samples, predictions)
        for sample, prediction in zip(samples, predictions, strict=True):
            if isinstance(sample, LabelledSample):
                self._samples.append(sample)
                self._names.setdefault(sample.label, sample.name)
                self._best.append(best_of(prediction, sample)[0])
                self._margins.append(_margin(prediction, sample.label))

    def compute(self) -> AccuracyScore:
        """Return the score of all images."""
        plain = super().compute()
        return AccuracyScore(
            measures=plain.measures,
            scales=plain.scales,
            rows=plain.rows,
            samples=tuple(self._samples),
            best=tuple(self._best),
            margins=tuple(self._margins),
            names=self._names,
        )


@dataclass(frozen=True, kw_only=True, eq=False)
class AccuracyScore(MeanScore):
    """What a set of predictions scores.

    Attributes:
        samples: The images.
        best: The class with the highest score of each.
        margins: By how much that score is above the one of the image's own class, or of the last class that was kept.
        names: What classes are called, by label, as far as it is known.
    """

    samples: tuple[LabelledSample, ...]
    best: tuple[int, ...]
    margins: tuple[float, ...]
    names: Mapping[int, str]

    @property
    def values(self) -> tuple[MetricValue, ...]:
        """The accuracy for each k, in all and by class."""
        names = [sample.name for sample in self.samples]
        support = Counter(names)
        rows = np.array([list(support).index(name) for name in names], dtype=np.intp)
        found = []
        for value, column in zip(super().values, self.rows.T, strict=True):
            sums = np.bincount(rows, weights=column, minlength=len(support))
            means = sums / np.array(list(support.values()))
            by_class = dict(zip(support, means.tolist(), strict=True))
            found.append(_with_classes(value, by_class, support))
        return tuple(found)

    @cached_property
    def error_kinds(self) -> tuple[str, ...]:
        """The confusions, the most frequent first: ``cat taken for dog``."""
        counted = Counter(kind for kind in self._confusions if kind)
        kinds = [kind for kind, _ in sorted(counted.items(), key=lambda each: (-each[1], each[0]))]
        return tuple(kinds[:NAMED]) + ((OTHERS,) if len(kinds) > NAMED else ())

    @property
    def diagnosis_basis(self) -> str:
        """What counts as an error."""
        return "the class with the highest score"

    def diagnose(self) -> tuple[Diagnosis, ...]:
        """Return what each image was taken for, if that is wrong."""
        kinds = self.error_kinds
        return tuple(
            Diagnosis(score=score, errors={kind if kind in kinds else OTHERS: 1} if kind else {}, severity=margin)
            for score, kind, margin in zip(self.rows[:, 0].tolist(), self._confusions, self.margins, strict=True)
        )

    def confusions(self) -> Confusions:
        """Return which class was taken for which, by the class with the highest score."""
        pairs = zip(self.samples, self.best, strict=True)
        return Confusions(
            noun="classes",
            counts=Counter(
                (sample.name, sample.name if best == sample.label else self._name(best)) for sample, best in pairs
            ),
        )

    def targets(self) -> Targets:
        """Return the images, found where the class with the highest score is theirs."""
        names = list(dict.fromkeys(sample.name for sample in self.samples))
        ranks = {name: rank for rank, name in enumerate(names)}
        codes = np.array([ranks[sample.name] for sample in self.samples], dtype=np.intp)
        right = [best == sample.label for best, sample in zip(self.best, self.samples, strict=True)]
        return Targets(
            noun="images",
            samples=np.arange(len(self.samples)),
            found=np.array(right, dtype=np.bool_),
            traits=(Trait(name="class", values=tuple(names), codes=codes),),
        )

    def illustrate(self, position: int) -> Illustration:
        """Draw an image; its class and what it was taken for stand below.

        Raises:
            DatasetError: Its file is missing or cannot be decoded.
        """
        sample, kind = self.samples[position], self._confusions[position]
        pixels = decode_image(sample)
        width, height = thumbnail_size(pixels.shape[1], pixels.shape[0])
        statements = [_statement(TRUTH, sample.name)]
        if kind:
            named = kind if kind in self.error_kinds else OTHERS
            statements.append(_statement(named, self._name(self.best[position]), differs=True))
        else:
            statements.append(_statement(RIGHT, sample.name))
        image = thumbnail(pixels, width, height)
        return Illustration(
            width=width,
            height=height,
            image=image,
            media_type="image/jpeg",
            marks=(),
            statements=tuple(statements),
        )

    @cached_property
    def _confusions(self) -> list[str]:
        """What each image was taken for; empty where that is right."""
        return [
            "" if best == sample.label else f"{sample.name} taken for {self._name(best)}"
            for sample, best in zip(self.samples, self.best, strict=True)
        ]

    def _name(self, label: int) -> str:
        """Return what a class is called; of one that no image here has, its place, which must not look like a name."""
        digits = any(name.isdigit() and name != str(place) for place, name in self.names.items())
        return self.names.get(label, f"output {label}" if digits else str(label))


def label_of(sample: Sample) -> int:
    """Return the class of an image.

    Raises:
        ResultError: The sample is another reader's.
    """
    if not isinstance(sample, LabelledSample):
        raise ResultError(f"sample {shortened(sample.id)!r}: expected a labelled image, found {type(sample).__name__}")
    return sample.label


def best_of(prediction: Arrays, sample: Sample) -> list[int]:
    """Return the classes of a prediction, best first.

    Raises:
        ResultError: There are none.
    """
    labels = prediction.get("labels")
    if labels is None or labels.ndim != 1 or not len(labels) or labels.dtype.kind not in "iu":
        raise ResultError(
            f"sample {shortened(sample.id)!r}: expected labels of its prediction as whole numbers [k], found "
            f"{'none' if labels is None else tensor_text('labels', labels.dtype, labels.shape)}"
        )
    found: list[int] = labels.tolist()
    return found


def _margin(prediction: Arrays, label: int) -> float:
    """Say how sure of itself a wrong prediction is, in the unit of the network's scores; 0 where that is not known."""
    labels, scores = prediction["labels"], prediction.get("scores")
    if scores is None or scores.shape != labels.shape:
        return 0.0
    own = np.flatnonzero(labels == label)
    margin = float(scores[0]) - float(scores[own[0] if len(own) else -1])
    return margin if np.isfinite(margin) else 0.0


def _statement(kind: str, name: str, *, differs: bool = False) -> Statement:
    return Statement(kind=kind, spans=(Span(text=name, differs=differs),), label=name)


def _with_classes(value: MetricValue, by_class: dict[str, float], support: Counter[str]) -> MetricValue:
    return replace(value, per_class=by_class, support=dict(support))
