"""What the columns of a recipe's tables are called, in Chinese and English, and what each kind of table has."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

from zoo_runner.importing.numbers import plain, unit_of

if TYPE_CHECKING:
    from zoo_runner.importing.blocks import Table

Kind = Literal["chip", "batch", "dataset", "model", "throughput", "time", "accuracy", "other"]
_RATE: Final = r"性能|吞吐|performance|throughput|\bfps\b|\bqps\b|速度|speed|(?:imgs?|images?|张|帧)/"
_KINDS: Final[tuple[tuple[Kind, str], ...]] = (
    ("time", r"时延|耗时|延迟|latency|推理时间|infer(?:ence)? ?time"),
    ("throughput", _RATE),
    (
        "accuracy",
        (
            r"精度|准确率|正确率|召回率|误差|错误率|accuracy|\bacc\b|acc@|top-?[15]|\bm?ap\b|map|iou|auc|psnr|ssim|\bwer\b"
            r"|\bcer\b|bleu|\bf1\b|recall|precision|\beer\b|\bmae\b|rmse|dice|hmean|\bem\b|fid|epe"
        ),
    ),
    ("batch", r"batch|\bbs\b|批大小|批次|批量|批尺寸"),
    ("dataset", r"数据集|data ?set"),
    ("chip", r"芯片|chip|\bsoc|硬件|处理器|\bdevice\b|设备|\bnpu|昇腾"),
    ("model", r"模型|model|网络|network"),
)
_GENERIC: Final = re.compile(
    r"精度|准确率|正确率|accuracy|\bacc\b|precision|指标|metric|结果|result|推理|离线|om|onnx|npu|昇腾|ascend|[^\w@.+-]",
    re.IGNORECASE,
)
"""Words of a column or figure that name no metric."""
_CHIP: Final = re.compile(
    r"(?:(?:ascend|atlas)[ _-]?|(?<![0-9a-z]))(310p[0-9]?|310b[0-9]?|310|910[abc]?[0-9]?|710)(?![0-9])", re.IGNORECASE
)
_CARD: Final = re.compile(
    r"(?<![a-z0-9])(t4|a10|a100|v100|p100|p4|gtx ?[0-9]+|rtx ?[0-9]+|3090|2080 ?ti|gpu)(?![a-z0-9])", re.IGNORECASE
)
_ELSEWHERE: Final = re.compile(
    r"官网|官方|开源|论文|原始|源码|基准|基线|参考|目标|标杆|竞品|\bpth\b|\bonnx\b|pytorch|paper|official|baseline|reference|target",
    re.IGNORECASE | re.ASCII,
)
_IN_BRACKETS: Final = re.compile(r"[(\[]([^()\[\]]{1,20}(?:/|每|per )[^()\[\]]{1,20})[)\]]", re.IGNORECASE)
_RATIO: Final = re.compile(
    r"提升|提高|倍|加速(?!卡|器)|(?<!交并)(?<!信噪)比(?!特)|较|增益|(?<![a-z])(?<!noise[ _-])ratio(?![a-z])"
    r"|speed[ _-]?up|acceleration|improv|达标"
    r"|(?<![a-z])(?:gain|increase|increasing|vs(?![a-z])|boost(?![a-z])|compared)",
    re.IGNORECASE,
)
"""What says that a figure is of two others; 交并比 is the IoU, and 信噪比 a signal's ratio to its noise."""
_CHANGE: Final = re.compile(
    r"损失|下降|降低|掉点|偏差|精度误差|(?<![误残视])差(?!错)|相对|变化(?!检测)|模式"
    r"|drop|loss(?!less)|diff(?!us|ic)|delta|mode(?![a-z])"
    r"|(?<![a-z])(?:relative|decrease|decreasing|degrad|reduc|deviation|gap(?![a-z]))",
    re.IGNORECASE,
)
"""What says how far an accuracy is from another one, or how it is computed; 误差 alone is an error, which is gated."""
_AT_MOST: Final = re.compile(
    r"(?<![a-z])(?:wer|cer|eer|mae|mape|mse|rmse|nme|mpjpe|fid|epe|lpips|ppl)(?![a-z])|(?<![a-z])err|perplexity"
    r"|误差|错误率|差错率|字错|词错|误识率|误检率|漏检率",
    re.IGNORECASE,
)
_NO_RATIO: Final = "a ratio is not gated"
_SIDE: Final = re.compile(rf"{_CHIP.pattern}|{_CARD.pattern}|npu|昇腾|ascend", re.IGNORECASE)
_BATCH: Final = re.compile(r"(?:batch|bs)(?:[ _-]?size)?\s*[=:]?\s*([0-9]{1,6})", re.IGNORECASE)


@dataclass(frozen=True, kw_only=True)
class Column:
    """A column of a table.

    Attributes:
        place: Counted from 0.
        title: Its name, as it is written.
        kind: What it has.
        chip: The chip that its name has in it, as in ``310P3性能``.
        card: Likewise, a graphics card.
        elsewhere: Whether its figures are not of the recipe's own run: of a paper, or of other software.
        batch: The batch size in its name.
        metrics: The metrics in its name, as in ``Top1/Top5``; none where it names none.
        unit: The unit in its name.
        why_not: Why its cells are not gated, though they look like figures; empty where they do not, or are gated.
    """

    place: int
    title: str
    kind: Kind
    chip: str = ""
    card: str = ""
    elsewhere: bool = False
    batch: int | None = None
    metrics: tuple[str, ...] = ()
    unit: str = ""
    why_not: str = ""


def columns(table: Table) -> tuple[Column, ...]:
    """Tell what the columns of a table are."""
    return tuple(_column(place, title) for place, title in enumerate(table.header.cells))


def _column(place: int, title: str) -> Column:
    name = plain(title).lower()
    kind: Kind = next((kind for kind, words in _KINDS if re.search(words, name, re.ASCII)), "other")
    ratio = _is_quotient(name) and kind not in {"chip", "time"}
    why_not = _NO_RATIO if ratio else "" if kind == "time" else why_not_gated(title)
    if why_not:
        kind = "other"
    chip, card, batch = _CHIP.search(name), _CARD.search(name), _BATCH.search(name)
    figures = kind in {"accuracy", "throughput", "time"}
    return Column(
        place=place,
        title=title,
        kind=kind,
        chip=chip[1].upper() if chip and figures else "",
        card=card[1].upper() if card and figures else "",
        elsewhere=figures and bool(_ELSEWHERE.search(name)),
        batch=int(batch[1]) if batch and figures else None,
        metrics=_metrics(title) if kind == "accuracy" else (),
        unit=(unit_of(title) or (_odd_rate(title) if kind == "throughput" else "")) if figures else "",
        why_not=why_not,
    )


def why_not_gated(text: str) -> str:
    """Return why figures that are called so are not gated: they are ratios or changes; empty for others."""
    name = plain(text).lower()
    if _RATIO.search(name):
        return _NO_RATIO
    return "a loss, a difference or a mode is not gated, an accuracy is" if _CHANGE.search(name) else ""


def _is_quotient(name: str) -> bool:
    """Say whether chips stand on both sides of a ``/``, or rates do and one of them is of a chip."""
    parts = re.split("[/÷]", name)
    rates = sum(re.search(_RATE, part, re.ASCII) is not None for part in parts)
    sides = sum(_SIDE.search(part) is not None for part in parts)
    return sides > 1 or (rates > 1 and sides == 1)


def is_error(metric: str) -> bool:
    """Say whether less of a metric is better, as its name tells."""
    return _AT_MOST.search(metric) is not None


def _odd_rate(title: str) -> str:
    """Return a unit in brackets that is none of those that are known, such as ``tokens/s``; empty without one."""
    match = _IN_BRACKETS.search(plain(title))
    return match[1].strip().lower() if match else ""


def _metrics(title: str) -> tuple[str, ...]:
    bare = _ELSEWHERE.sub("", _CHIP.sub("", _CARD.sub("", plain(title))))
    return tuple(name for part in re.split("[/&,、+]", bare) if (name := metric_name(part)))


def batch_in(text: str) -> int | None:
    """Return the batch size that a name has in it, as in ``bs16``; ``None`` without one."""
    match = _BATCH.fullmatch(plain(text))
    return int(match[1]) if match else None


def metric_name(text: str) -> str:
    """Return the name of a metric as a manifest has it; empty where a text names none."""
    named = re.sub(r"\((?:[^()]*%[^()]*|db|ms|m|mm|cm)\)|%", "", plain(text), flags=re.IGNORECASE)
    named = re.sub(r"\btop[ -]?([15])\b", r"top\1", named, flags=re.IGNORECASE).lower()
    words = [word for word in re.split(r"[\s/:=()\[\],;|]+", named) if word and _GENERIC.sub("", word)]
    found = "_".join(_GENERIC.sub("_", word).strip("_") for word in words)
    return re.sub(r"[@.\s/]+", "_", found).strip("_-+")[:40]


def graphics_card(text: str) -> str:
    """Return the graphics card that a cell names; empty where it names none."""
    match = _CARD.search(plain(text).lower())
    return match[1].upper() if match else ""


def has_results(found: tuple[Column, ...]) -> bool:
    """Say whether a table has figures by chip or batch size."""
    kinds = {each.kind for each in found}
    figures = [each for each in found if each.kind in {"accuracy", "throughput"}]
    return bool(figures) and bool({"chip", "batch"} & kinds or any(each.chip or each.card for each in figures))
