"""Why a run can be inconclusive (exit code 4): every cause there is, each with what to do about it.

``docs/reference/exit-codes.md`` lists them from here.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Cause(str, Enum):
    """One cause: its name in reports, when it occurs, and the remedy.

    Attributes:
        when: When it occurs, in Markdown.
        remedy: What to do about it, in Markdown.
    """

    when: str
    remedy: str

    def __new__(cls, name: str, when: str, remedy: str) -> Cause:  # noqa: PYI034 - Self is not in Python 3.10
        """Make a member; none can be without a remedy."""
        made = str.__new__(cls, name)
        made._value_ = name
        made.when = when
        made.remedy = remedy
        return made

    NOTHING_EXPECTED = (
        "nothing_expected",
        "The manifest expects nothing that applies to this run: no figure at all, or none of the subset or chip.",
        "Give it a figure: `expected.accuracy`, `subsets.<name>.expected`, or `expected.chips`.",
    )
    PARTIAL = (
        "partial",
        "Only some of the samples were scored, because of `--limit`.",
        "Run without `--limit`; for a fixed part of the data use a subset with a figure of its own.",
    )
    NOT_MEASURED = (
        "not_measured",
        "A figure that applies was not measured: the run left its stage out, or the benchmark gave no time.",
        "Run all the stages, without `--from benchmark`; of a benchmark that gave no time, the line says why.",
    )
    MADE_UP_INPUTS = (
        "made_up_inputs",
        "Several networks (`models`) were timed without samples; how often a driver calls them may depend on those.",
        "Run without `--from benchmark`: they are timed on the first samples then.",
    )
    UNSURE = (
        "unsure",
        "By the rule `interval` or `paired`: the interval, or it and the value, are not all on one side of the bound.",
        "Score more samples, or allow a tolerance that this many samples can decide.",
    )
    NO_INTERVAL = (
        "no_interval",
        "By the rule `interval`: the metric has no interval, as of one sample or group, or where a draw gives none.",
        "Score more samples, or use the rule `point`.",
    )
    NO_BASELINE = (
        "no_baseline",
        "By the rule `paired`: there is no `--baseline`.",
        "Name the folder of an earlier run with `--baseline`.",
    )
    BASELINE_SAMPLES = (
        "baseline_samples",
        "By the rule `paired`: the baseline has no predictions of some of the samples.",
        "Name a run that scored them all, and keep its `predictions.npz`.",
    )
    NOT_PAIRED = (
        "not_paired",
        "By the rule `paired`: the baseline's predictions do not give this metric, as with other classes.",
        "Run the baseline again with this manifest and plugin.",
    )
    BASELINE_MISSED = (
        "baseline_missed",
        "By the rule `paired`: the baseline did not meet its own figure on this line, or it had none.",
        "Name a run that met it, such as the last green one of the main branch.",
    )
    BASELINE_CHANGED = (
        "baseline_changed",
        "By the rule `paired`: data or metric are not those that the baseline was scored with, or that is not known.",
        "Run the baseline again, with today's data and metric.",
    )
    NOT_QUIET = (
        "not_quiet",
        "Something else used the device while it was timed, or it was hot, throttled or not healthy.",
        "Time on a device that is free, cool and healthy; `npu-smi info` shows what it is doing.",
    )
    UNWATCHED = (
        "unwatched",
        "Nobody saw the timed device: no `npu-smi` shows it, or `ASCEND_RT_VISIBLE_DEVICES` does not tell which it is.",
        "Let `npu-smi info` work where the run is, correct the variable, or believe the timing: `--trust-unwatched`.",
    )
    THROUGHPUT_NOT_JUDGED = (
        "throughput_not_judged",
        "None of the manifest's throughput figures is for this accelerator: by chip, backend or batch size.",
        "Correct `expected.chips` or `benchmark.batch`; where no throughput is known, add `--accuracy-only`.",
    )
    OTHER_WEIGHTS = (
        "other_weights",
        "The weights are not those that the manifest has the hash of, because of `--weights`.",
        "Run the manifest's weights; where others are meant, say so: `--other-weights`.",
    )
    UNIT = (
        "unit",
        "The metric gives its value in another unit than the manifest's figure, and one that cannot be converted.",
        "Write the figure in the metric's unit, and name it: `expected.accuracy.unit`.",
    )
    UNCONFIRMED = (
        "unconfirmed",
        "The figure accepts the worst value that the metric has, or its direction is against the metric's own.",
        "Correct the figure; if it is meant, write `confirm` beside it, with the reason.",
    )
    TOO_GOOD = (
        "too_good",
        "A figure is more than 10 percentage points better than expected, or so by `too_good: {then: inconclusive}`.",
        "Look for test samples among the training data, or a changed metric or data set; then raise the figure.",
    )
    IMPOSSIBLE = (
        "impossible",
        "A metric gave a value that is better than the best it can give, such as 101 percent.",
        "Correct the plugin's metric.",
    )
    EQUAL_RESULTS = (
        "equal_results",
        "With `--results`: two samples have equal results, and their own files are not here to compare.",
        "Give the whole data set with `--data`; if its samples differ, infer again.",
    )
    GOLDEN = (
        "golden",
        "On an accelerator: a stage gave something else for the golden samples than was recorded.",
        "Read which stage differs first, and repair it; if the change is meant, record the bundle anew.",
    )
    TOO_FEW_RUNS = (
        "too_few_runs",
        "`history --propose K`: the runs there are allow no proposal.",
        "Run the manifest more often, as the message says.",
    )


@dataclass(frozen=True, kw_only=True)
class Doubt:
    """Something that keeps a run from being decided, and is not about one line of the report.

    Attributes:
        cause: The kind.
        text: What is the matter in this run, and what to do.
    """

    cause: Cause
    text: str
