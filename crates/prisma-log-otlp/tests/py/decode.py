"""Reads OTLP requests with the official package, in both forms.

Each line of stdin is {"path": …, "binary": hex, "text": JSON}; each line of stdout says what was
read in the binary form, whether the other form is the same message, and how many bytes were in
fields that the official package does not know.
"""

import base64
import json
import sys

from google.protobuf import json_format
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

IDS = ("traceId", "spanId", "parentSpanId")


def ids(value, change):
    """Changes the notation of ids: OTLP has hexadecimal digits, Protocol Buffers base64."""
    if isinstance(value, list):
        return [ids(item, change) for item in value]
    if isinstance(value, dict):
        return {
            key: change(item) if key in IDS and isinstance(item, str) else ids(item, change)
            for key, item in value.items()
        }
    return value


def unknown(message):
    """Bytes that would be lost if unknown fields were left out."""
    before = message.ByteSize()
    message.DiscardUnknownFields()
    return before - message.ByteSize()


for line in sys.stdin:
    case = json.loads(line)
    kind = ExportLogsServiceRequest if case["path"].endswith("logs") else ExportTraceServiceRequest
    message = kind.FromString(bytes.fromhex(case["binary"]))
    read = json_format.MessageToDict(message, use_integers_for_enums=True)
    to_base64 = lambda text: base64.b64encode(bytes.fromhex(text)).decode()
    other = json_format.ParseDict(ids(json.loads(case["text"]), to_base64), kind())
    # Compared as bytes: NaN is not equal to itself.
    same = other.SerializeToString(deterministic=True) == message.SerializeToString(deterministic=True)
    to_hex = lambda text: base64.b64decode(text).hex()
    print(json.dumps({"read": ids(read, to_hex), "same": same, "unknown": unknown(message)}))
