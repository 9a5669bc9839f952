"""Writes the Parquet files beside it: every type, encoding and codec that pyarrow writes, in few rows. What they hold stands in test/data/parquet.test.ts.

  pip install pyarrow && python test/golden/parquet/parquet.py
"""
import datetime as dt
import decimal
import os
import uuid

import pyarrow as pa
import pyarrow.parquet as pq

here = os.path.dirname(os.path.abspath(__file__))
D = decimal.Decimal


def write(name, table, **options):
    pq.write_table(table, f"{here}/{name}.parquet", **{"compression": "NONE", "store_schema": False, **options})


def times(unit, zone=None):
    last = 1_706_695_200_123_456_789 // {"ms": 10**6, "us": 10**3, "ns": 1}[unit]
    return pa.array([0, None, -1, last], pa.timestamp(unit, tz=zone))


types = pa.table({
    "bool": pa.array([True, None, False, True]),
    "int8": pa.array([-128, None, 127, 0], pa.int8()),
    "uint8": pa.array([0, None, 255, 200], pa.uint8()),
    "int16": pa.array([-32768, None, 32767, 0], pa.int16()),
    "uint16": pa.array([0, None, 65535, 40000], pa.uint16()),
    "int32": pa.array([-(2**31), None, 2**31 - 1, 0], pa.int32()),
    "uint32": pa.array([0, None, 2**32 - 1, 2**31], pa.uint32()),
    "int64": pa.array([-(2**53), None, 2**53, 20180131], pa.int64()),
    "int64_merged": pa.array([2**53, 2**53 + 1, None, -(2**63)], pa.int64()),
    "uint64": pa.array([0, None, 2**64 - 1, 2**63], pa.uint64()),
    "float16": pa.array([1.5, None, float("inf"), 2**-24], pa.float16()),
    "float": pa.array([0.1, None, float("-inf"), 1e-45], pa.float32()),
    "double": pa.array([0.1, None, 1e300, float("nan")], pa.float64()),
    "double_exact": pa.array([0.5, None, -2.0, 3.0], pa.float64()),
    "decimal4": pa.array([D("12.30"), None, D("-0.01"), D("9999999.99")], pa.decimal128(9, 2)),
    "decimal8": pa.array([D("0.3"), None, D("-123456789012345.6"), D("0.1")], pa.decimal128(18, 1)),
    "decimal13": pa.array([D("0.3"), None, D("-12345678901234567890.5"), D("0.1")], pa.decimal128(30, 1)),
    "date": pa.array([dt.date(2024, 1, 31), None, dt.date(1969, 12, 31), dt.date(1, 1, 1)]),
    "time_ms": pa.array([dt.time(0, 0, 1), None, dt.time(23, 59, 59, 999000), dt.time(0)], pa.time32("ms")),
    "time_us": pa.array([dt.time(0, 0, 1), None, dt.time(23, 59, 59, 999999), dt.time(0)], pa.time64("us")),
    "time_ns": pa.array([1_000_000_000, None, 86_399_999_999_999, 0], pa.time64("ns")),
    "timestamp_ms": times("ms"),
    "timestamp_us": times("us"),
    "timestamp_ns": times("ns"),
    "timestamp_ms_utc": times("ms", "UTC"),
    "timestamp_us_utc": times("us", "UTC"),
    "timestamp_ns_utc": times("ns", "Europe/Paris"),
    "text": pa.array(["b", None, "ä\U0001f600", ""]),
    "enum": pa.array(["red", None, "green", "red"]).dictionary_encode(),
    "bytes_text": pa.array([b"b", None, "ä".encode(), b"b"], pa.binary()),
    "bytes": pa.array([b"\xff\x00", None, b"ab", b"\xff\x00"], pa.binary()),
    "fixed": pa.array([b"\xff\x00\x01", None, b"abc", b"\xff\x00\x01"], pa.binary(3)),
    "uuid": pa.array([uuid.UUID(int=i).bytes if i else None for i in (5, 0, 2**127 + 3, 5)], pa.uuid()),
    "json": pa.array(['{"a": 1}', None, "[]", '{"a": 1}'], pa.json_()),
    "null": pa.nulls(4),
    "list": pa.array([[1, 2], None, [], [3]]),
    "map": pa.array([[("a", 1)], None, [], [("b", 2)]], pa.map_(pa.string(), pa.int64())),
    "struct": pa.array([{"x": 1}, None, {"x": None}, {"x": 2}]),
})
write("types", types, write_statistics=False, use_dictionary=["text", "int64", "date", "enum", "uuid"])

flat = types.drop_columns(["null", "list", "map", "struct"]).take(pa.array([0, 3, 3, 0, 0]))
required = flat.cast(pa.schema([pa.field(f.name, f.type, nullable=False) for f in flat.schema]))
write("required", required, compression="SNAPPY", data_page_version="2.0", row_group_size=3, write_statistics=False, store_decimal_as_integer=True)

rows = range(150)
encoded = pa.table({
    "int32": pa.array([(i * i) % 1000 - 500 for i in rows], pa.int32()),
    "int64": pa.array([None if i % 7 == 0 else i * 10**12 for i in rows], pa.int64()),
    "text": pa.array([f"value {i % 50:03}" for i in rows]),
    "prefix": pa.array([None if i % 11 == 0 else f"common prefix {i}" for i in rows]),
    "float": pa.array([i / 8 for i in rows], pa.float32()),
    "double": pa.array([i / 3 for i in rows], pa.float64()),
    "fixed": pa.array([bytes([97 + i % 26] * 4) for i in rows], pa.binary(4)),
    "bool": pa.array([i % 3 == 0 for i in rows]),
    "plain": pa.array([i % 2 for i in rows], pa.int32()),
})
encodings = {"int32": "DELTA_BINARY_PACKED", "int64": "DELTA_BINARY_PACKED", "text": "DELTA_LENGTH_BYTE_ARRAY", "prefix": "DELTA_BYTE_ARRAY",
             "float": "BYTE_STREAM_SPLIT", "double": "BYTE_STREAM_SPLIT", "fixed": "BYTE_STREAM_SPLIT", "bool": "RLE", "plain": "PLAIN"}
for version in ("1.0", "2.0"):
    write(f"encodings-{version[0]}", encoded, use_dictionary=False, column_encoding=encodings, data_page_version=version, data_page_size=256,
          write_statistics=False)

small = pa.table({"x": pa.array([1.5, 2.5, None]), "t": pa.array(["a", "b", "a"])})
for codec in ("SNAPPY", "GZIP", "BROTLI", "ZSTD", "LZ4"):
    write(codec.lower(), small, compression=codec)
write("int96", types.select(["timestamp_ns"]), use_deprecated_int96_timestamps=True)
write("no-rows", small.slice(0, 0))
with pq.ParquetWriter(f"{here}/empty-groups.parquet", small.schema, compression="NONE", store_schema=False) as writer:
    for part in (small.slice(0, 0), small, small.slice(0, 0)):
        writer.write_table(part)
