"""ATC's errors, each in the tool's own form, with what they mean and what to try."""

from __future__ import annotations

import pytest

from zoo_runner.backends.ascend.atc_advice import ADVICE, FAMILIES, advice_on
from zoo_runner.backends.ascend.atc_errors import diagnose

STARTED = "ATC start working now, please wait for a moment.\n...\n"
FAILED = "ATC run failed, Please check the detail log, Try 'atc --help' for more information\n"
NO_DECORATOR = "ModuleNotFoundError: No module named 'decorator'"
NO_BOOL = "AttributeError: module 'numpy' has no attribute 'bool'."

GEARS = "both flags are made of inputs"
SAID = {
    "E10001": ("Value [x] for parameter [--soc_version] is invalid. Reason: not supported.", "atc --help"),
    "E10002": ("Value [image] for parameter --input_shape is invalid. Reason: no colon.", "leave atc.input_shape out"),
    "E10003": ("Value [] for parameter [--x] is invalid. Reason: unknown command line flag 'x'", "flags come and go"),
    "E10007": ("[--framework] is required. The value must be [5(Onnx)].", "add it to the manifest"),
    "E10009": ("--dynamic_batch_size and --dynamic_dims are mutually exclusive.", "leave one of them out"),
    "E10011": ("Value [image:-1,3] for parameter --input_shape is invalid.", "leave atc.input_shape out"),
    "E10016": ("Opname [Softmax_0] specified in [--out_nodes] is not found in the model.", "leave atc.out_nodes out"),
    "E10018": (
        "Value [-1] for shape [1] is invalid. When --dynamic_batch_size is included, only N can be -1.",
        "both flags are made of inputs",
    ),
    "E10019": (
        "When --dynamic_image_size is included, only height and width can be -1.",
        "both flags are made of inputs",
    ),
    "E10020": ("Value [8] for parameter --dynamic_image_size is invalid.", GEARS),
    "E10031": (
        "--dynamic_batch_size is included, but none of the nodes has a batch size equaling -1.",
        "both flags are made of inputs",
    ),
    "E10034": ("Nodes (for example, [image]) connected to AIPP must not be of type fp16.", "leave one of them out"),
    "E10035": ("--dynamic_dims has 1 profiles, which is less than the minimum 2.", GEARS),
    "E10036": (
        "--dynamic_dims has 101 profiles, which is greater than the maximum 100.",
        "both flags are made of inputs",
    ),
    "E10037": ("A profile has 2 dimensions while another has 3 dimensions.", GEARS),
    "E10038": ("Dimension size 0 is invalid. The value must be greater than 0.", GEARS),
    "E10039": ("The --dynamic_dims argument have duplicate profiles.", GEARS),
    "E10040": (
        "the corresponding nodes specified in --input_shape must have -1 axes and cannot have '~'.",
        "both flags are made of inputs",
    ),
    "E10041": ("Failed to load the model from [model.onnx].", "export it again"),
    "E10045": (
        "The number of -1 axes in the --input_shape argument exceeds the dimension count per profile.",
        "both flags are made of inputs",
    ),
    "E10046": (
        "The total number of -1 axes in the --input_shape argument is greater than the dimension count.",
        "both flags are made of inputs",
    ),
    "E10047": ("--weight and --model are mutually exclusive.", "leave one of them out"),
    "E10049": ("Dimension count [3] configured in --input_shape does not match.", "leave atc.input_shape out"),
    "E10052": ("AIPP configuration is invalid. Reason: src_image_size_w is odd.", "write atc.aipp: auto"),
    "E10054": ("The required parameter [--model] for ATC is empty.", "add it to the manifest"),
    "E10055": ("The operation is not supported. Reason: mode 6.", "use a newer CANN"),
    "E10056": ("Cannot configure both parameters [--a] and [--b] simultaneously.", "leave one of them out"),
    "E10410": ("File [model.onnx] does not exist.", "exists and is readable"),
    "E10501": ("IR for Op [a] with optype [b] is not registered.", "operator package (opp)"),
    "E13000": ("Path [x] is empty. Reason: No such file.", "exists and is readable"),
    "E13001": ("Failed to open file [x]. Reason: Permission denied.", "exists and is readable"),
    "E13003": ("Failed to read file [x]. Reason: Is a directory.", "exists and is readable"),
    "E13024": ("Value [x] for environment variable [DUMP_GE_GRAPH] is invalid.", "set_env.sh in a fresh shell"),
    "E16002": ("No ONNX parser is registered for optype [ai.onnx::23::Div].", "lower onnx.opset"),
    "E16004": ("ONNX model has no graph.", "export it again"),
    "E16005": ("The model has [2] [--domain_version] fields, but only one is allowed.", "one operator set"),
    "E19010": ("No parser is registered for Op [a, optype [ai.onnx::23::Div]].", "lower onnx.opset"),
    "E40020": ("Failed to import Python module [te].", "install the package the message names"),
    "E40021": ("Failed to compile Op [L2Norm]. (oppath: [Compile l2norm.py failed].)", "numpy, decorator"),
    "E70014": ("In op[aipp], aipp output H and W should be equal to data's H and W.", "src_image_size_h"),
    "E76002": ("No ONNX parser is registered for optype [a].", "lower onnx.opset"),
    "E89999": ("Op [L2Norm] cannot be built.", "above it in the log"),
    "EC0010": ("Failed to import Python module [x].", "install the package the message names"),
    "EF0001": ("The SoC version is invalid.", "check soc_version"),
    "EL0004": ("Failed to allocate memory.", "take a smaller batch"),
    "EZ0501": ("IR for Op [a, optype [b]], is not registered.", "operator package (opp)"),
    "EZ3002": ("Optype [a] of Ops kernel [b] is unsupported. Reason: c.", "operator package (opp)"),
    "EZ3003": ("No supported Ops kernel and engine are found for [a], optype [b].", "operator package (opp)"),
    "EZ9010": ("No parser is registered for Op [a, optype [b]].", "lower onnx.opset"),
}
OF_FAMILIES = {
    "E10": ("E10061", "an argument of ATC is wrong"),
    "E11": ("E11017", "not a Caffe model"),
    "E12": ("E12009", "not a TensorFlow model"),
    "E13": ("E13026", "cannot use a file, a folder or a name"),
    "E14": ("E14001", "has an argument or attribute"),
    "E16": ("E16001", "cannot read the ONNX file"),
    "E1": ("E19000", "ATC's graph engine"),
    "E2": ("E20007", "cannot fuse or compile the graph"),
    "E3": ("E30006", "run on the chip's CPU"),
    "E4": ("E40002", "building an operator"),
    "E7": ("E70012", "inputs or attributes that it does not take"),
    "E8": ("E80001", "operator package (opp)"),
    "EB": ("EB0500", "building an operator"),
    "EC": ("EC0004", "environment of CANN's operator compiler"),
    "EE": ("EE1009", "driver or CANN's runtime"),
    "EF": ("EF0003", "ATC's fusion"),
    "EH": ("EH0001", "the runtime was called"),
    "EL": ("EL0001", "driver or CANN's runtime"),
    "EZ": ("EZ0001", "cannot be compiled or run"),
}


def test_every_code_and_family_is_tried_here() -> None:
    assert set(SAID) == set(ADVICE)
    assert set(OF_FAMILIES) == set(FAMILIES)


FORMS = {
    "6": "{code}: {text}",
    "8.0": "{code}: [PID: 7] 2025-03-18-09:02:18.501.341 {text}",
    "8.3": "{code}[PID: 7] 2025-03-18-09:02:18.501.341 (Some_Name):  {text}",
}


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
@pytest.mark.parametrize("code", SAID)
def test_codes(code: str, form: str) -> None:
    text, remedy = SAID[code]
    below = "        Solution: Read the manual.\n        TraceBack (most recent call last):\n        a failed\n"
    failure = diagnose(f"{STARTED}{FAILED}{form.format(code=code, text=text)}\n{below}", 255)
    assert (failure.code, failure.message, failure.solution) == (code, text, "Read the manual.")
    assert remedy in failure.advice.remedy


@pytest.mark.parametrize("family", OF_FAMILIES)
def test_families(family: str) -> None:
    code, meaning = OF_FAMILIES[family]
    failure = diagnose(f"{STARTED}{FAILED}{code}: something\n", 255)
    assert failure.code == code
    assert meaning in failure.advice.meaning
    assert failure.advice.remedy


@pytest.mark.parametrize(
    ("code", "meaning"),
    [
        ("EZ9999", "an error inside CANN"),
        ("E19999", "an error inside CANN"),
        ("EX1234", "ATC gives no further explanation"),
    ],
)
def test_codes_that_say_little(code: str, meaning: str) -> None:
    assert meaning in advice_on(code).meaning


def test_all_that_is_known_is_told() -> None:
    text = f"""\
{FAILED}EZ9999: Inner Error!
EZ9999  [InferShape] The k-axis must be the same[FUNC:InferShape][FILE:ops.cc][LINE:14]
        TraceBack (most recent call last):
        build graph failed
EZ3003: No supported Ops kernel and engine are found for [a], optype [b].
        Possible Cause: The operator is not supported by the system.
        Solution: 1. Check the OPP component.
"""
    assert str(diagnose(text, 255)) == (
        "  it said: EZ3003: No supported Ops kernel and engine are found for [a], optype [b].\n"
        "  possible cause, by ATC: The operator is not supported by the system.\n"
        "  solution, by ATC: 1. Check the OPP component.\n"
        "  meaning: this chip has no kernel for an operator of the graph\n"
        "  try: check soc_version and that the operator package (opp) is installed; else the network must be exported "
        "with another operator\n"
    )


@pytest.mark.parametrize(
    ("text", "code", "message", "because", "meaning"),
    [
        pytest.param(
            f"{NO_DECORATOR}\n{FAILED}E40000: Failed to import te.platform.log_util.\n",
            *("E40000", "Failed to import te.platform.log_util.", NO_DECORATOR, "a Python package that CANN's"),
            id="a module is missing",
        ),
        pytest.param(
            f"{FAILED}EC0010: [PID: 1] 2025-07-08-10:25:28.680.962 Failed to import Python module [{NO_DECORATOR}.].\n",
            *("EC0010", f"Failed to import Python module [{NO_DECORATOR}.].", f"{NO_DECORATOR}.].", "a Python package"),
            id="a module is missing, with a code of its own",
        ),
        pytest.param(
            f"{FAILED}E40021: Failed to compile Op [Index].\n  File index.py, line 1\n{NO_BOOL}\n",
            *("E40021", f"Failed to compile Op [Index]. File index.py, line 1 {NO_BOOL}", NO_BOOL, "a Python package"),
            id="numpy is too new",
        ),
        pytest.param(
            f"{FAILED}E40021: Failed to compile Op [Index].\n  ValueError: k\n",
            *("E40021", "Failed to compile Op [Index]. ValueError: k", "ValueError: k", "building an operator"),
            id="an operator's own error",
        ),
        pytest.param(
            f"{NO_DECORATOR}\n{FAILED}E10016: Opname a\n",
            *("E10016", "Opname a", "", "is no node of the graph"),
            id="an error that has nothing to do with it",
        ),
        pytest.param(f"Traceback:\n{NO_DECORATOR}\n", "", NO_DECORATOR, "", "a Python package", id="without a code"),
    ],
)
def test_python(text: str, code: str, message: str, because: str, meaning: str) -> None:
    failure = diagnose(text, 1)
    assert (failure.code, failure.message, failure.because) == (code, message, because)
    assert meaning in failure.advice.meaning
    assert str(failure).count("decorator'") <= 1  # nothing is told twice


@pytest.mark.parametrize(
    ("text", "exit_code", "message", "meaning"),
    [
        ("", -9, "ended by signal SIGKILL", "stopped from outside or crashed"),
        ("Killed\n", 137, "ended by signal SIGKILL", "stopped from outside or crashed"),
        ("Segmentation fault (core dumped)\n", 139, "ended by signal SIGSEGV", "stopped from outside or crashed"),
        ("./atc: line 3:  7 Killed\n", 1, "./atc: line 3:  7 Killed", "stopped from outside or crashed"),
        ("E40021: while it compiled\n", 137, "ended by signal SIGKILL", "stopped from outside or crashed"),
        (f"{FAILED}E10016: Opname a\n", 139, "Opname a", "is no node of the graph"),
        ("E10016: Opname a\n", 255, "Opname a", "is no node of the graph"),
        (
            "atc.bin: error while loading shared libraries: a.so: no\n",
            127,
            "atc.bin: error while load",
            "shared library",
        ),
        ("one\ntwo\n\nthree\nfour\n", 1, "two / three / four", "no further explanation"),
        ("", 1, "(no output)", "no further explanation"),
    ],
)
def test_without_a_code(text: str, exit_code: int, message: str, meaning: str) -> None:
    failure = diagnose(text, exit_code)
    assert failure.message.startswith(message)
    assert meaning in failure.advice.meaning
