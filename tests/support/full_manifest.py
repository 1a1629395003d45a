"""A manifest with every key there is, but those that stand in place of others."""

from __future__ import annotations

from typing import Any

from dates import SOON

FULL: dict[str, Any] = {
    "name": "toy",
    "description": "all keys there are",
    "plugin": {"name": "toy", "config": {"size": 3, "classes": ["a", "b"], "more": {"x": None}}},
    "source": {"url": "https://example.org/repo", "commit": "abc", "note": "n"},
    "imported": {"file": "README.md", "sha256": "d" * 64, "unsaid": ["weights.url"]},
    "code": {
        "url": "https://example.org/{commit}.tar.gz",
        "commit": "b" * 40,
        "sha256": "a" * 64,
        "size": 5,
        "subdir": "src",
        "patches": ["fix.patch"],
        "requires": ["numpy>=1"],
    },
    "golden": {"url": ["g.npz", "https://example.org/g.npz"], "sha256": "e" * 64, "size": 9},
    "weights": {"url": "w.pth", "sha256": "a" * 64, "size": 5, "license": "MIT"},
    "dataset": {
        "name": "points",
        "url": ["https://example.org/a.tar", "b.tar"],
        "md5": "b" * 32,
        "sha256": "c" * 64,
        "size": 7,
        "root_env": "POINTS",
        "subdir": "a/b",
        "samples": 100,
    },
    "inputs": [{"name": "image", "dtype": "float32", "shape": ["batch", 3, 8, 8]}],
    "outputs": [
        {"name": "y", "dtype": "float32", "shape": ["batch", 2]},
        {"name": "z", "dtype": "float16", "shape": ["batch"]},
    ],
    "onnx": {"opset": 17, "simplify": True, "dynamic_batch": False, "exporter": "torchscript"},
    "atc": {
        "framework": 5,
        "input_format": "NCHW",
        "input_shape": "image:{batch},3,8,8",
        "out_nodes": ["a:0", "b:0"],
        "precision_mode": "force_fp16",
        "log": "error",
        "soc_version": "Ascend310P3",
        "insert_op_conf": "aipp_{batch}.cfg",
        "aipp": None,
        "flags": {"op_select_implmode": "high_precision", "fusion_switch_file": "f_{soc}.cfg"},
    },
    "infer": {"batch": 4, "threads": 2, "tool": "ais_bench-cli", "outfmt": "NPY"},
    "benchmark": {"batch": [1, 4], "loop": 10, "warmup": 0, "max_seconds": 2.5},
    "expected": {
        "accuracy": {
            "metric": "accuracy",
            "protocol": "top1",
            "unit": "percent",
            "value": 80.5,
            "tolerance": {"abs": 0.5, "rel": 0.001},
            "direction": "at_least",
            "rule": "interval",
            "absolute": None,
            "too_good": {"abs": 3.5, "then": "fail"},
            "confirm": "meant",
            "published": "https://example.org",
        },
        "chips": {
            "310P3": {
                "accuracy": {1: 80, 4: 80.25},
                "throughput": {1: 100, 4: 250.5},
                "unit": "images/s",
                "tolerance": {"rel": 0.05},
                "too_good": {"rel": 0.5},
                "confirm": "meant",
                "cann": "8.0",
                "published": "a table",
            }
        },
    },
    "uncertainty": {"resamples": 500, "seed": 3, "level": 0.9},
    "subsets": {
        "pr": {"every": 10, "offset": 2, "expected": {"value": 79.5, "tolerance": {"abs": 1}}},
        "tiny": {"every": 50, "offset": 0, "expected": None},
    },
    "waivers": [
        {
            "line": "accuracy/top1",
            "owner": "me",
            "issue": "https://example.org/1",
            "until": SOON,
            "floor": 78,
            "reason": "known",
            "confirm": "meant",
        }
    ],
}
"""Every section and key, so that everything in it can be broken."""
