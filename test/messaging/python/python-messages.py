"""Writes messages as the Python host does, with json.dumps and nothing else, for tests where there is no Python.

    python3 python-messages.py > python-messages.json

Each is a name and the body's bytes in base64: what is odd about them must not pass through another writer of JSON.
"""

import base64
import json

MESSAGES = {
    "an object": {"id": 1, "tags": ["a", "b"], "none": None, "yes": True, "no": False},
    "None": None,
    "True": True,
    "an empty object": {},
    "an empty list": [],
    "an empty string": "",
    "a tuple, which is a list": (1, (2, ())),
    "keys that are no strings": {1: "int", 1.5: "float", None: "None", False: "bool"},
    "nested": {"a": [{"b": [{"c": [[[{}]]]}]}]},
    "nested 500 deep": json.loads("[" * 500 + "]" * 500),
    "text beyond ASCII": "Grüße, 世界 \U0001f600",
    "a lone surrogate": "\ud800",
    "control characters, quotes and line separators": "\x00\x1f\x7f\"\\/\u2028",
    "a float without a fraction": 1.0,
    "1e16": 1e16,
    "1e22": 1e22,
    "the smallest float": 5e-324,
    "the largest float": 1.7976931348623157e308,
    "0.1 + 0.2": 0.1 + 0.2,
    "-0.0": -0.0,
    "the largest exact integer": 2**53 - 1,
    "an integer that is no double": 2**53 + 1,
    "the largest integer of 64 bits": 2**63 - 1,
    "an integer of 100 digits": 10**99 + 1,
    "NaN": float("nan"),
    "Infinity": {"price": float("inf")},
    "-Infinity": [float("-inf")],
}


def encode(message):
    return base64.b64encode(json.dumps(message).encode()).decode()


print(json.dumps({name: encode(message) for name, message in MESSAGES.items()}, indent=2))
