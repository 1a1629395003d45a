# ruff: noqa: E501 - complaints stand beside what causes them, one row a line
from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from dates import SOON
from zoo_runner.errors import ManifestError
from zoo_runner.manifest import atc_flags
from zoo_runner.manifest.load import load

Write = Callable[..., Path]

ACCURACY = "accuracy: {metric: m, protocol: p, value: 79.58}"
TWO = "accuracy: {m/p: {value: 79.58}, m/q: {value: 93}}"
FIGURE = "metric: m, protocol: p, value: 79.58, tolerance: {abs: 0.5}"
WAIVER = "owner: o, issue: 'https://x.org/1'"
LATER = f"line: m/p, {WAIVER}, until: {SOON}"
CHIP = "chips: {310P3: {throughput: {1: 4}, tolerance: {rel: 0.05}}}"

REFUSED = [
    ("weights: {url: 'ftp://x/y'}", "weights.url: expected http(s):, file:, package:, pypi: or a path relative to the manifest, found 'ftp://x/y' (string)"),
    ("weights: {url: 'https:///y'}", "weights.url: expected a host after https://, found 'https:///y' (string)"),
    *((f"weights: {{url: '{odd}'}}", f"weights.url: expected package:<package>/<path inside it>, without '..', found '{odd}' (string)") for odd in ("package:wheel", "package:///..", "package:wheel/", "package:wheel/../x", "package:whe-el/x", "package://wheel/x")),
    *((f"weights: {{url: '{odd}'}}", f"weights.url: expected pypi:NAME==VERSION, or pypi:NAME==VERSION/FILE for one file in that wheel, without '..', found '{odd}' (string)") for odd in ("pypi:net", "pypi:net>=1/w.pth", "pypi:-r==1", "pypi:net==1/../w.pth")),
    ("weights: {url: 'http://['}", "weights.url: expected a URL: Invalid IPv6 URL, found 'http://[' (string)"),
    ("weights: {url: 5}", "weights.url: expected a string, found 5 (integer); quote it"),
    ("weights: {url: []}", "weights.url: expected at least 1 in the list, found a list of 0"),
    ("weights: {url: [w, 'ftp://x/y'], sha256: " + "a" * 64 + "}", "weights.url.1: expected http(s):, file:, package:, pypi: or a path relative to the manifest, found 'ftp://x/y' (string)"),
    ("weights: {url: [w, 5], sha256: " + "a" * 64 + "}", "weights.url.1: expected a string, found 5 (integer); quote it"),
    ("weights: {url: [w, x, w], sha256: " + "a" * 64 + "}", "weights.url.2: expected each value once, found w again"),
    ("onnx: {url: m.onnx}", "onnx.sha256: expected the hash of the published export that onnx.url names; nothing else says which it is"),
    ("weights: {url: [w, x]}", "weights.url: expected a sha256 beside several addresses, as nothing else says that they have the same file; run once with one of them, and paste the line that the run prints"),
    ("weights: {url: ''}", "weights.url: expected a URL or path, found '' (string)"),
    ("atc: {flags: {keepdtype: f}}", "atc.flags.keepdtype: ATC is not known to have this flag; did you mean 'keep_dtype'? if `atc --help` of your CANN has it, write it below atc.unchecked_flags"),
    ("atc: {flags: {--keep_dtype: f}}", "atc.flags.--keep_dtype: ATC is not known to have this flag; did you mean 'keep_dtype'? if `atc --help` of your CANN has it, write it below atc.unchecked_flags"),
    ("atc: {flags: {zzz: f}}", "atc.flags.zzz: ATC is not known to have this flag; if `atc --help` of your CANN has it, write it below atc.unchecked_flags"),
    ("atc: {unchecked_flags: {log: debug}}", "atc.unchecked_flags.log: has its own key; write atc.log"),
    ("atc: {unchecked_flags: {output: x}}", "atc.unchecked_flags.output: is set by the run itself; remove it"),
    ("atc: {unchecked_flags: {--new: x}}", "atc.unchecked_flags.--new: expected a flag's name without --, of small letters, digits and _, found '--new'"),
    ("atc: {unchecked_flags: {out-nodes: x}}", "atc.unchecked_flags.out-nodes: expected a flag's name without --, of small letters, digits and _, found 'out-nodes'"),
    ("atc: {unchecked_flags: {'log=debug': x}}", "atc.unchecked_flags.log=debug: expected a flag's name without --, of small letters, digits and _, found 'log=debug'"),
    ("atc: {unchecked_flags: {new: '{size}'}}", "atc.unchecked_flags.new: expected no other placeholder than {batch} and {soc}, found {size}"),
    ("atc: {flags: {mode: 0}, unchecked_flags: {mode: 0}}", "atc.unchecked_flags.mode: is in atc.flags too; remove one"),
    ("atc: {precision_mode: force_fp32, unchecked_flags: {precision_mode_v2: fp16}}", "atc.unchecked_flags.precision_mode_v2: ATC takes either this or precision_mode, found both; remove one"),
    ("atc: {flags: {log: debug}}", "atc.flags.log: has its own key; write atc.log"),
    ("atc: {flags: {precision_mode: force_fp16}}", "atc.flags.precision_mode: has its own key; write atc.precision_mode"),
    ("atc: {flags: {output: x}}", "atc.flags.output: is set by the run itself; remove it"),
    ("atc: {precision_mode: force_fp32, flags: {precision_mode_v2: fp16}}", "atc.flags.precision_mode_v2: ATC takes either this or precision_mode, found both; remove one"),
    ("atc: {insert_op_conf: a.cfg, flags: {input_fp16_nodes: x}}", "atc.flags.input_fp16_nodes: ATC takes either this or insert_op_conf, found both; remove one"),
    ("atc: {aipp: auto, flags: {input_fp16_nodes: x}}", "atc.flags.input_fp16_nodes: ATC takes either this or aipp, found both; remove one"),
    ("atc: {aipp: auto, insert_op_conf: a.cfg}", "atc.aipp: makes an AIPP file, and insert_op_conf names one; remove one of the two"),
    ("atc: {aipp: auto, input_format: ND}", "atc.aipp: expected atc.input_format NCHW, found ND"),
    ("atc: {aipp: auto}", "atc.aipp: inputs: expected one input float32[batch, 3, height, width], found x float32[batch, 3]; remove atc.aipp"),
    ("atc: {flags: {debug_dir: 'd/{bach}'}}", "atc.flags.debug_dir: expected no other placeholder than {batch} and {soc}, found {bach}; did you mean 'batch'?"),
    ("atc: {flags: {debug_dir: 'd/{batch'}}", "atc.flags.debug_dir: expected braces only around {batch} and {soc}, found 'd/{batch'"),
    ("atc: {insert_op_conf: '{}.cfg'}", "atc.insert_op_conf: expected no other placeholder than {batch} and {soc}, found {}"),
    ("atc: {input_shape: 'x:{batch},{size}'}", "atc.input_shape: expected no other placeholder than {batch}, found {size}"),
    ("atc: {input_shape: 'x:{soc},3'}", "atc.input_shape: expected no other placeholder than {batch}, found {soc}"),
    ("atc: {input_shape: 'image:{batch},3'}", "atc.input_shape: expected x:..., naming inputs, found 'image:{batch},3'"),
    ("atc: {soc_version: 310P3}", "atc.soc_version: expected 'Ascend310P3', as ATC names chips, found '310P3' (string)"),
    ("atc: {out_nodes: ['a:0']}", "atc.out_nodes: expected 2 nodes, one for each of outputs in their order, found 1"),
    ("atc: {out_nodes: ['a:0', b]}", "atc.out_nodes: expected node:index throughout, or output names throughout, found ['a:0', 'b']"),
    ("atc: {out_nodes: ['a:x', 'b:0']}", "atc.out_nodes: expected node:index throughout, or output names throughout, found ['a:x', 'b:0']"),
    ("atc: {out_nodes: ['a:0', 'a:0']}", "atc.out_nodes.1: expected each value once, found a:0 again"),
    ("infer: {outfmt: TXT}", "infer.outfmt: would have no effect: infer.tool is in-process; add tool: ais_bench-cli"),
    ("benchmark: {batch: [1, 4, 1]}", "benchmark.batch.2: expected each value once, found 1 again"),
    ("expected: {accuracy: {metric: m, protocol: p, value: 101}}", "expected.accuracy.value: expected 0 to 100, as the unit is percent, found 101.0 (number)"),
    ("expected: {accuracy: {metric: m, protocol: p, value: 79.58, unit: fraction}}", "expected.accuracy.value: expected 0 to 1, as the unit is fraction, found 79.58 (number)"),
    ("expected: {chips: {310P3: {}, Ascend310P3: {}}}", "expected.chips.Ascend310P3: means the same chip as '310P3', which is 310P3; put the figures together"),
    ("expected: {chips: {310P@ascend: {}, 310P3: {}, 310p3@ascend: {}}}", "expected.chips.310p3@ascend: means the same chip as '310P@ascend', which is 310P3; put the figures together"),
    ("expected: {chips: {310P3@: {}}}", "expected.chips.310P3@: expected CHIP or CHIP@BACKEND, found '310P3@' (string)"),
    ("expected: {chips: {'@ascend': {}}}", "expected.chips.@ascend: expected CHIP or CHIP@BACKEND, found '@ascend' (string)"),
    ("expected: {chips: {310P3@a@b: {}}}", "expected.chips.310P3@a@b: expected CHIP or CHIP@BACKEND, found '310P3@a@b' (string)"),
    ("expected: {chips: {310P3: {accuracy: {1: 79.6}}}}", "expected.chips.310P3.accuracy: would never be compared: expected.accuracy names no metric"),
    (f"expected: {{{ACCURACY}, chips: {{310P3: {{accuracy: {{1: 796}}}}}}}}", "expected.chips.310P3.accuracy.1: expected 0 to 100, as the unit is percent, found 796.0 (number)"),
    (f"expected: {{{TWO}, chips: {{310P3: {{accuracy: {{1: 76, 4: 75.5}}}}}}}}", "expected.chips.310P3.accuracy: expected METRIC/PROTOCOL before the figures, as expected.accuracy has 2 (m/p, m/q), found none; write {m/p: {1: 76, 4: 75.5}}"),
    (f"expected: {{{TWO}, chips: {{310P3: {{accuracy: {{m/r: {{1: 76}}}}}}}}}}", "expected.chips.310P3.accuracy.m/r: would never be compared: expected.accuracy has no m/r; did you mean 'm/q' or 'm/p'?"),
    (f"expected: {{{ACCURACY}, chips: {{310P3: {{accuracy: {{top5: {{1: 76}}}}}}}}}}", "expected.chips.310P3.accuracy.top5: expected METRIC/PROTOCOL as key, such as top1/reference, found 'top5' (string)"),
    (f"expected: {{{TWO}, chips: {{310P3: {{accuracy: {{m/p: {{1: 796}}}}}}}}}}", "expected.chips.310P3.accuracy.m/p.1: expected 0 to 100, as the unit is percent, found 796.0 (number)"),
    (f"expected: {{{TWO}, chips: {{310P3: {{accuracy: {{1: 79, m/p: {{4: 79}}}}}}}}}}", "expected.chips.310P3.accuracy.1: expected METRIC/PROTOCOL as key, such as m/p, found 1 (integer); a figure beside others stands at a key of its own"),
    ("expected: {accuracy: {top1: {value: 76}}}", "expected.accuracy.top1: expected METRIC/PROTOCOL as key, such as top1/reference, found 'top1' (string)"),
    ("expected: {accuracy: {m/p: {value: 101}}}", "expected.accuracy.m/p.value: expected 0 to 100, as the unit is percent, found 101.0 (number)"),
    ("expected: {accuracy: {m/p: {value: 80, tolerancee: {abs: 1}}}}", "expected.accuracy.m/p.tolerancee: unknown key; did you mean 'tolerance'?"),
    ("expected: {accuracy: {m/p: 80}}", "expected.accuracy.m/p: expected a mapping, found 80 (integer); write {value: 80}"),
    ("expected: {accuracy: {m/p/q: {value: 80}}}", "expected.accuracy.m/p/q: expected METRIC/PROTOCOL as key, such as top1/reference, found 'm/p/q' (string)"),
    ("expected: {accuracy: {m/p@pr: {value: 80}}}", "expected.accuracy.m/p@pr: expected METRIC/PROTOCOL as key, such as top1/reference, found 'm/p@pr' (string)"),
    ("expected: {accuracy: {m/p: {value: 0.8}}}", 'expected.accuracy.m/p.value: 0.8 percent is next to nothing (is it a fraction? then write 80); if it is meant, add to expected.accuracy.m/p: confirm: "the reason"'),
    (f"expected: {{{TWO}}}\nsubsets: {{pr: {{every: 2, expected: {{value: 50}}}}}}", "subsets.pr.expected: expected METRIC/PROTOCOL before the figures, as expected.accuracy has 2 (m/p, m/q), found none; write {m/p: {value: 50, ...}}"),
    (f"expected: {{{TWO}}}\nsubsets: {{pr: {{every: 2, expected: {{m/r: {{value: 50}}}}}}}}", "subsets.pr.expected.m/r: would never be compared: expected.accuracy has no m/r; did you mean 'm/q' or 'm/p'?"),
    (f"expected: {{{TWO}}}\nsubsets: {{pr: {{every: 2, expected: {{m/q: {{value: 101}}}}}}}}", "subsets.pr.expected.m/q.value: expected 0 to 100, as the unit is percent, found 101.0 (number)"),
    ("expected: {chips: {310P3: {throughput: {16: 400}}}}", "expected.chips.310P3.throughput.16: would never be compared: benchmark.batch is [1]; add 16 there"),
    (f"expected: {{accuracy: {{{FIGURE}, too_good: {{abs: 0.5}}}}}}", "expected.accuracy.too_good: expected more than the tolerance (0.5), found 0.5"),
    (f"expected: {{accuracy: {{{FIGURE}, too_good: {{}}}}}}", "expected.accuracy.too_good: expected more than the tolerance (0.5), found 0"),
    (f"expected: {{accuracy: {{{FIGURE}, too_good: {{abs: 9}}, direction: within}}}}", "expected.accuracy.too_good: would have no effect: direction within has two wrong sides; remove it"),
    (f"expected: {{accuracy: {{{FIGURE}, direction: above}}}}", "expected.accuracy.direction: expected 'at_least', 'at_most' or 'within', found 'above' (string)"),
    (f"expected: {{accuracy: {{{FIGURE}, rule: pair}}}}", "expected.accuracy.rule: expected 'point', 'interval' or 'paired', found 'pair' (string); did you mean 'paired'?"),
    ("expected: {chips: {310P3: {throughput: {1: 4}, tolerance: {abs: 1}, confirm: so, too_good: {rel: 0.2}}}}", "expected.chips.310P3.too_good: expected more than the tolerance (1), found 0.8"),
    (f"expected: {{accuracy: {{{FIGURE}, rule: interval}}}}\nuncertainty: {{resamples: 0}}", "expected.accuracy.rule: expected uncertainty.resamples, which interval rests on, found 0"),
    ("uncertainty: {resamples: 99}", "uncertainty.resamples: expected 0 or at least 100, found 99 (integer)"),
    ("uncertainty: {resamples: 100001}", "uncertainty.resamples: expected at most 100000, found 100001 (integer)"),
    ("uncertainty: {level: 1}", "uncertainty.level: expected less than 1, found 1 (integer)"),
    ("uncertainty: {level: 95}", "uncertainty.level: expected less than 1, found 95 (integer)"),
    ("uncertainty: {seed: -1}", "uncertainty.seed: expected at least 0, found -1 (integer)"),
    ("subsets: {pr: {every: 1}}", "subsets.pr.every: expected at least 2, found 1 (integer)"),
    ("subsets: {pr: {every: 2, offset: 2}}", "subsets.pr.offset: expected less than every (2), found 2 (integer)"),
    ("subsets: {pr: {every: 99, offset: 10}}", "subsets.pr.offset: expected a position below dataset.samples (10), found 10"),
    ("subsets: {P R: {every: 2}}", "subsets.P R: expected lower-case letters, digits, '.', '_' and '-' as name, found 'P R' (string)"),
    ("subsets: {pr: {every: 2, expected: {value: 1}}}", "subsets.pr.expected: would never be compared: expected.accuracy names no metric"),
    (f"expected: {{{ACCURACY}}}\nsubsets: {{pr: {{every: 2, expected: {{value: 101}}}}}}", "subsets.pr.expected.value: expected 0 to 100, as the unit is percent, found 101.0 (number)"),
    (f"expected: {{{ACCURACY}}}\nwaivers: [{{line: m/q, {WAIVER}, until: {SOON}, floor: 78}}]", "waivers.0.line: expected the id of a line that is gated, found 'm/q' (string); did you mean 'm/p'?"),
    (f"expected: {{{CHIP}}}\nwaivers: [{{line: mAP, {WAIVER}, until: {SOON}, floor: 78}}]", "waivers.0.line: expected the id of a line that is gated, found 'mAP' (string); known here: throughput/310P3/1"),
    (f"waivers: [{{{LATER}, floor: 78}}]", "waivers.0.line: expected the id of a line that is gated, found 'm/p' (string); known here: none"),
    (f"expected: {{{ACCURACY}}}\nsubsets: {{pr: {{every: 2}}}}\nwaivers: [{{line: m/p@pr, {WAIVER}, until: {SOON}, floor: 78}}]", "waivers.0.line: expected the id of a line that is gated, found 'm/p@pr' (string); did you mean 'm/p'?"),
    (f"expected: {{{ACCURACY}}}\nwaivers: [{{{LATER}, floor: 78}}, {{{LATER}, floor: 77}}]", "waivers.1.line: expected one waiver a line, found a second one of 'm/p'; remove one"),
    (f"expected: {{{ACCURACY}}}\nwaivers: [{{{LATER}, floor: 79.58}}]", "waivers.0.floor: expected a figure that fails without the waiver, found 79.58 (number)"),
    (f"expected: {{accuracy: {{{FIGURE}, direction: at_least}}}}\nwaivers: [{{{LATER}, floor: 80}}]", "waivers.0.floor: expected a figure that fails without the waiver, found 80.0 (number)"),
    (f"expected: {{accuracy: {{{FIGURE}, direction: at_most}}}}\nwaivers: [{{{LATER}, floor: 79}}]", "waivers.0.floor: expected a figure that fails without the waiver, found 79.0 (number)"),
    (f"expected: {{{CHIP}}}\nwaivers: [{{line: throughput/310P3/1, {WAIVER}, until: {SOON}, floor: 3.8}}]", "waivers.0.floor: expected a figure that fails without the waiver, found 3.8 (number)"),
    *((f"expected: {{{ACCURACY}}}\nwaivers: [{{line: m/p, {WAIVER}, until: {day}, floor: 78}}]", f"waivers.0.until: expected a day of the calendar as YYYY-MM-DD, found {shown}")
      for day, shown in [("31.12.2026", "'31.12.2026' (string)"), ("20261231", "20261231 (integer)"), ("2026-02-30", "'2026-02-30' (string)"), ("2026-2-3", "'2026-2-3' (string)"),
                         ("2026-12-31T00:00:00", "'2026-12-31T00:00:00' (string)"), ("2026.5", "2026.5 (number)"), ("'2026-12-31 '", "'2026-12-31 ' (string)"), ("soon", "'soon' (string)"), ("''", "'' (string)")]),
    (f"expected: {{{ACCURACY}}}\nwaivers: [{{line: m/p, {WAIVER}, floor: 78}}]", "waivers.0.until: required, but not given (last day it holds, in UTC, as YYYY-MM-DD, at most 180 days ahead)"),
    (f"expected: {{{ACCURACY}}}\nwaivers: [{{{LATER.replace('https', 'ftp')}, floor: 78}}]", "waivers.0.issue: expected an http(s) link, found 'ftp://x.org/1' (string)"),
    (f"expected: {{{ACCURACY}}}\nwaivers: [{{{LATER.replace('owner: o', 'owner: ')}, floor: 78}}]", "waivers.0.owner: expected a string, found nothing (null); give a value or remove the key"),
    (f"expected: {{accuracy: {{{FIGURE}, too_good: {{then: stop}}}}}}", "expected.accuracy.too_good.then: expected 'warn', 'inconclusive' or 'fail', found 'stop' (string)"),
    ("expected: {chips: {310P3: {throughput: {1: 4}, too_good: {then: fail}}}}", "expected.chips.310P3.too_good: expected abs or rel: a throughput has no default"),
    (f"expected: {{accuracy: {{{FIGURE}, absolute: {{abs: 1}}}}}}", "expected.accuracy.absolute: would have no effect: the rule is point; write it as tolerance"),
    (f"expected: {{accuracy: {{{FIGURE}, confirm: ''}}}}", "expected.accuracy.confirm: expected at least 1 characters, found '' (string)"),
    ("expected: {chips: {310P3: {tolerance: {rel: 1}}}}", "expected.chips.310P3.tolerance.rel: expected less than 1, found 1 (integer)"),
]  # fmt: skip # one row a line


@pytest.mark.parametrize(("addition", "complaint"), REFUSED, ids=[addition for addition, _ in REFUSED])
def test_refused(write: Write, minimal: str, addition: str, complaint: str) -> None:
    with pytest.raises(ManifestError) as caught:
        load(write(f"{minimal}{addition}\n"))
    section = complaint.partition(".")[0]
    line = next(number for number, text in enumerate(addition.splitlines(), start=9) if text.startswith(section))
    assert str(caught.value) == f"m.yaml:{line}: {complaint}"


@pytest.mark.parametrize(
    ("override", "complaint"),
    [
        ("outputs.1.name=y", "outputs.1.name: expected each value once, found y again"),
        ("inputs.0.name='a b'", "inputs.0.name: expected a name without spaces, ':', ';' and ',', found 'a b' (string)"),
        ("inputs.0.shape=[3, batch]", "inputs.0.shape: expected 'batch' first and nowhere else, found [3, 'batch']"),
        ("inputs.0.shape=[batch, batch]", "inputs.0.shape: expected 'batch' first and nowhere else, found ['batch', 'batch']"),
        ("dataset.subdir=../x", "dataset.subdir: expected a folder inside the archive, found '../x' (string)"),
        ("dataset.subdir=/x", "dataset.subdir: expected a folder inside the archive, found '/x' (string)"),
    ],
)  # fmt: skip # one row a line
def test_override_refused(write: Write, minimal: str, override: str, complaint: str) -> None:
    with pytest.raises(ManifestError) as caught:
        load(write(minimal), [override])
    key, text = complaint.split(": ", 1)
    assert str(caught.value) == f"--set {override.split('=', maxsplit=1)[0]}: {text}"
    assert key == override.split("=", maxsplit=1)[0]


IMAGE = "inputs=[{name: x, shape: [batch, 3, 2, 8]}]"


@pytest.mark.parametrize(
    ("inputs", "complaint"),
    [
        ("[{name: x, dtype: uint8, shape: [batch, 3, 2, 8]}]", "inputs: expected one input float32[batch, 3, height, width], found x uint8[batch, 3, 2, 8]; remove atc.aipp"),
        ("[{name: x, shape: [batch, 1, 2, 8]}]", "inputs: expected one input float32[batch, 3, height, width], found x float32[batch, 1, 2, 8]; remove atc.aipp"),
        ("[{name: x, shape: [batch, 3, 2, 8]}, {name: w, shape: [batch, 2]}]", "inputs: expected one input float32[batch, 3, height, width], found x float32[batch, 3, 2, 8], w float32[batch, 2]; remove atc.aipp"),
        ("[{name: x, shape: [batch, 3, 4097, 8]}]", "AIPP takes a height up to 4096 and a width of 2 to 4096, found 4097 x 8"),
        ("[{name: x, shape: [batch, 3, 2, 1]}]", "AIPP takes a height up to 4096 and a width of 2 to 4096, found 2 x 1"),
    ],
)  # fmt: skip # one row a line
def test_aipp_needs_an_image(write: Write, minimal: str, inputs: str, complaint: str) -> None:
    with pytest.raises(ManifestError) as caught:
        load(write(minimal), [f"inputs={inputs}", "atc.aipp=auto"])
    assert str(caught.value) == f"--set atc.aipp: {complaint}"


def test_aipp_is_off_or_auto(write: Write, minimal: str) -> None:
    assert load(write(minimal), [IMAGE]).manifest.atc.aipp is None
    assert load(write(minimal), [IMAGE, "atc.aipp=auto"]).manifest.atc.aipp == "auto"
    with pytest.raises(ManifestError, match=r"--set atc.aipp: expected 'auto', found true \(boolean\)"):
        load(write(minimal), ["atc.aipp=on"])


@pytest.mark.parametrize(
    "addition",
    [
        "weights: {url: w.pth}",
        "weights: {url: /abs/w.pth}",
        "weights: {url: 'file:///abs/w.pth'}",
        "weights: {url: 'package:wheel/data/w.pth'}",
        "weights: {url: 'pypi:My.Net==1.0/data/w.pth'}",
        "weights: {url: 'https://example.com/w.pth?a=b'}",
        "dataset: {name: d, samples: 1, subdir: a/b}",
        "atc: {soc_version: Ascend310P3}",
        "atc: {out_nodes: ['Reshape_1:0', '/a/Softmax:1']}",
        "atc: {out_nodes: [y, z]}",
        "atc: {input_shape: 'x:{batch},3'}",
        "atc: {insert_op_conf: 'aipp_{batch}.cfg', flags: {op_bank_path: 'banks/{soc}', mode: 0}}",
        "atc: {flags: {precision_mode_v2: fp16, input_fp16_nodes: x}}",
        "atc: {unchecked_flags: {jit_compile: 1, new_file: './{soc}_{batch}.cfg', mode: 0}}",
        "expected: {accuracy: {metric: m, protocol: p, value: 0, tolerance: {abs: 1}, confirm: so}}",
        "expected: {accuracy: {metric: wer, protocol: p, value: 130, unit: words, tolerance: {rel: 0.05}}}",
        f"expected: {{{ACCURACY}, chips: {{310P3: {{accuracy: {{64: 79.6}}, throughput: {{1: 3}}}}}}}}",
        f"expected: {{accuracy: {{{FIGURE}, too_good: {{abs: 0.6}}, direction: at_most, rule: paired}}}}",
        "expected: {accuracy: {metric: wer, protocol: p, value: 5, unit: words, tolerance: {abs: 6}, direction: at_most, confirm: so}}",
        "expected: {chips: {310P3: {throughput: {1: 4}, tolerance: {abs: 1}, confirm: so, too_good: {rel: 0.3}}, 310P3@b: {}}}",
        f"expected: {{{ACCURACY}}}\nsubsets: {{pr: {{every: 10, offset: 9, expected: {{value: 70}}}}, b.2: {{every: 2}}}}",
        "uncertainty: {resamples: 0, seed: 7, level: 0.9}",
        f"expected: {{accuracy: {{{FIGURE}, rule: paired, absolute: {{abs: 1}}, too_good: {{then: fail}}}}}}",
        f"expected: {{{ACCURACY}}}\nwaivers: [{{{LATER}, floor: 79.57}}]",
        f"expected: {{accuracy: {{{FIGURE}, rule: paired}}}}\nwaivers: [{{{LATER}, floor: 78}}]",
        f"expected: {{{ACCURACY}, chips: {{310P3: {{accuracy: {{1: 78}}}}}}}}\nwaivers: [{{{LATER}, floor: 77}}]",
    ],
)
def test_accepted(write: Write, minimal: str, addition: str) -> None:
    kept = "".join(
        line + "\n" for line in minimal.splitlines() if line.split(":")[0] != addition.split(":", maxsplit=1)[0]
    )
    load(write(f"{kept}{addition}\n"))


def test_every_typed_flag_is_known() -> None:
    assert len(set(atc_flags.KNOWN)) == len(atc_flags.KNOWN)
    assert set(atc_flags.TYPED) | set(atc_flags.MANAGED) <= set(atc_flags.KNOWN)
