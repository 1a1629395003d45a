"""Finished English sentences in Chinese: the templates of the catalogue, and what is put into them."""

from __future__ import annotations

import re

import pytest

from zoo_runner.language.catalogue import Entry, catalogue
from zoo_runner.language.translation import Translator, translated, translator
from zoo_runner.language.words import SINGLE_WORDS

PAIRS = {
    "only {0} of {1} were scored; run without --limit": "{1}中只评测了 {0} 个；请去掉 --limit",
    "{0}; confirmed: {1}": "{0}；已确认：{1}",
    "the weights are lost": "权重丢失",
    "{0} images": "{0} 张图片",
    "no search: {0}": "没有查找：{0}",
    "outputs of {0} differ": "{0}的输出不同",
    "{0} more {1}": "多了 {0} 个{1}",
    "known here: {0}": "可用的有：{=0}",
    "{0} of {1} runs": "{1} 次中的第 {#0} 次",
    "cannot run here:\n{0}\n  (see all of it)": "本机无法运行：\n{0}\n  （见全部情况）",
}


@pytest.fixture(scope="module")
def chinese() -> Translator:
    return Translator([Entry("", english, other) for english, other in PAIRS.items()])


@pytest.mark.parametrize(
    ("english", "other"),
    [
        pytest.param("", "", id="nothing"),
        pytest.param("87.5 -> 90", "87.5 -> 90", id="no word"),
        pytest.param("/data/the weights are lost.txt", "/data/the weights are lost.txt", id="part of a name"),
        pytest.param("the weights are lost", "权重丢失", id="a sentence"),
        pytest.param("M.yaml:3: the weights are lost", "M.yaml:3：权重丢失", id="behind a place"),
        pytest.param("the weights are lost; 12 images", "权重丢失；12 张图片", id="two of them"),
        pytest.param("the weights are lost\n  12 images", "权重丢失\n  12 张图片", id="two lines"),
        pytest.param(
            "top1: only 8 of 150 images were scored; run without --limit",
            "top1：150 张图片中只评测了 8 个；请去掉 --limit",
            id="a semicolon of its own",
        ),
        pytest.param("no search: the weights are lost", "没有查找：权重丢失", id="a sentence in a sentence"),
        pytest.param("no search: a; b: c", "没有查找：a; b: c", id="anything behind a colon"),
        pytest.param("outputs of a b differ", "a b 的输出不同", id="Latin letters have space"),
        pytest.param(
            "cannot run here:\n  x: y; z\n  (see all of it)",
            "本机无法运行：\n  x: y; z\n  （见全部情况）",
            id="quoted lines",
        ),
        pytest.param("known here: the weights are lost", "可用的有：the weights are lost", id="names stay"),
        pytest.param("7 of 9 runs", "9 次中的第 7 次", id="a number"),
        pytest.param("the path of 9 runs", "the path of 9 runs", id="no number"),
        pytest.param("7 more things", "多了 7 个 things", id="a count"),
        pytest.param("7.5 more %", "多了 7.5 %", id="a percentage"),
        pytest.param("7 more %", "多了 7 %", id="a whole percentage"),
        pytest.param("7 of the images", "7 of the images", id="words of another sentence"),
        pytest.param("CUDA error: invalid device", "CUDA error: invalid device", id="another tool's words"),
        pytest.param("x" * 30_000 + "\nthe weights are lost", "x" * 30_000 + "\n权重丢失", id="a long text"),
    ],
)
def test_a_text_is_translated_as_far_as_it_is_known(chinese: Translator, english: str, other: str) -> None:
    assert chinese(english) == other


@pytest.mark.parametrize("entry", [Entry("", "the net", ""), Entry("", "the net", "网络", fuzzy=True)])
def test_what_is_missing_or_a_guess_stays_english(entry: Entry) -> None:
    assert Translator([entry])("the net") == "the net"


def test_english_needs_no_catalogue() -> None:
    assert translated("the weights are lost", "en") == "the weights are lost"


@pytest.mark.parametrize(
    ("english", "other"),
    [
        (
            "voc07_map (reference): 47.75, expected at least 92.3 - 0.5; short of 91.80 by 44.05",
            "voc07_map (reference)：47.75，预期 ≥ 92.3 - 0.5；距 91.80 还差 44.05",
        ),
        (
            "map fell from 79.58 to 78.12 percent, which chance can do (95 % interval of the difference -1.2 to 0.3)",
            "map 从 79.58 降至 78.12 %，可能只是随机波动（差值的 95 % 区间 -1.2 至 0.3）",
        ),
        ("made with stand-ins: no figure here is an NPU's", "使用模拟程序得出：其中没有 NPU 的实测数值"),
        ("stopped after fetch, as asked", "已按要求在 fetch 之后停止"),
        (
            "the predictions of all 24 images are the baseline's, to the last bit",
            "全部 24 个图片的预测结果与基线逐位一致",
        ),
    ],
)
def test_what_decides_is_chinese(english: str, other: str) -> None:
    assert translator("zh")(english) == other


@pytest.mark.parametrize(
    ("english", "other"),
    [
        ("M.yaml: no such file; did you mean 'N.yaml'?", "M.yaml：没有该文件；是否想写 'N.yaml'？"),
        ("M.yaml: no such file; the folder has batch, b.yaml", "M.yaml：没有该文件；目录中有 batch, b.yaml"),
        ("M.yaml:4: infer.zzz: unknown key; known here: batch, b", "M.yaml:4: infer.zzz：未知的键；可用的有：batch, b"),
        (
            "M.yaml:3: infer.batch: expected an integer, found 'four' (string); write it without quotes",
            "M.yaml:3: infer.batch：应为整数，实际是 'four'（字符串）；请去掉引号",
        ),
        (
            "M.yaml:1: plugin: required, but not given\nM.yaml:1: inputs: required, but not given (a b)",
            "M.yaml:1: plugin：必填，但没有给出\nM.yaml:1: inputs：必填，但没有给出 (a b)",
        ),
        (
            "M.yaml:1: a: required, but not given (in the order of the .om's outputs)",
            "M.yaml:1: a：必填，但没有给出 (in the order of the .om's outputs)",
        ),
        ("M.yaml:3: a.b: expected more than 0, found -3", "M.yaml:3: a.b：应为大于 0 的值，实际是 -3"),
        (
            "M.yaml:3: a.b: expected a folder inside the archive, found '../x' (string)",
            "M.yaml:3: a.b：应为压缩包内的目录，实际是 '../x'（字符串）",
        ),
        (
            "no plugin is registered as 'a b'; did you mean 'ab'? (registered: ab, plugin)",
            "未注册的插件：'a b'；是否想写 'ab'？（已注册：ab, plugin）",
        ),
        (
            "plugin 'x': zoo_network(config) returned None, expected an object like a.Network",
            "插件 'x'：zoo_network(config) 返回了 None，应为类似 a.Network 的对象",
        ),
        ("3 of the 10 images", "10 个图片中的 3 个"),
        ("2.5 of the 10.5 %", "10.5 %中的 2.5"),
    ],
)
def test_errors_and_their_remedies_are_chinese(english: str, other: str) -> None:
    assert translator("zh")(english) == other


def test_single_words_are_known_by_themselves() -> None:
    known = {each.english for each in catalogue("zh")}
    assert [each for each in SINGLE_WORDS if each not in known] == []
    assert translator("zh")("not gated") == "不参与判定"


@pytest.mark.parametrize("value", ["92", "odm_conf"])
def test_no_sentence_is_taken_for_another(value: str) -> None:
    """Else a red line could read like a green one: each is translated as if it were the only one in the catalogue."""
    entries = [each for each in catalogue("zh") if each.translation and not each.fuzzy and not each.context]
    together = Translator(entries)
    wrong = []
    for entry in entries:
        numbers = set(re.findall(r"\{#(\d+)\}", entry.translation))
        text = entry.english
        for place in set(re.findall(r"\{(\d+)\}", text)):
            text = text.replace(f"{{{place}}}", "92" if place in numbers else value)
        if together(text) != Translator([entry])(text):
            wrong.append((text, together(text)))
    assert len(entries) > 1000
    assert wrong == []
