"""Reads bodies as the Python host does, one in base64 per line, and writes what Python then has, as Python would."""

import base64
import json
import sys

for line in sys.stdin:
    print(json.dumps(json.loads(base64.b64decode(line).decode())))
