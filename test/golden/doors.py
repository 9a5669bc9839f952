"""Writes doors.parquet: the values of test/trees/door-cases.ts in the types of Parquet that hold them, each column filled up with nulls.

  pip install pyarrow && python test/golden/doors.py
"""
import datetime as dt
import os
import uuid

import pyarrow as pa
import pyarrow.parquet as pq

here = os.path.dirname(os.path.abspath(__file__))
inf = float("inf")
days = [20180101 + 10 * i for i in range(3)] + [20180102, 16777216, 16777217, 3]
moments = [1706695200123456789, 1706695200123457789, 1706695200124456789, 0, -1000000]  # nanoseconds since 1970
utc = dt.timezone.utc


def times(unit, zone=None):
    return pa.array([t // {"ms": 10**6, "us": 10**3, "ns": 1}[unit] for t in moments], pa.timestamp(unit, tz=zone))


columns = {
    "double": pa.array([-inf, -1e300, -1e39, -3.4e38, -1.0, -5e-324, -0.0, 0.0, 5e-324, 1e-46, 0.1, 0.7, 1.0, 3.4e38, 1e39, 1e300, inf, None]),
    "float": pa.array([-inf, -3.4e38, -1.0, -0.0, 0.0, 1e-45, 0.1, 0.7, 1.0, 3.4e38, inf], pa.float32()),
    "int32": pa.array(days, pa.int32()),
    "uint32": pa.array(days, pa.uint32()),
    "int64": pa.array(days, pa.int64()),
    "large": pa.array([-(2**62), 2**53 - 1, 2**53, 2**53 + 2, 2**60, 3], pa.int64()),
    "unsigned": pa.array([0, 2**53, 2**53 + 2, 2**63, 2**64 - 2048], pa.uint64()),
    "bool": pa.array([True, False, None]),
    "empty": pa.array(["", "Oslo", "Rome", None, " ", "NA"]),
    "bytes": pa.array([b"\xff\x00", b"ab", None], pa.binary()),
    "uuid": pa.array([uuid.UUID(int=5).bytes, uuid.UUID(int=2**127 + 3).bytes, None], pa.uuid()),
    "json": pa.array(['{"a": 1}', "[]", None], pa.json_()),
    "date": pa.array([dt.date(2024, 1, 31), dt.date(2024, 2, 1), dt.date(1969, 12, 31), None]),
    "zoned": pa.array([dt.datetime(2024, 1, 31, 10, tzinfo=utc), dt.datetime(2024, 1, 31, 10, 0, 1, tzinfo=utc), None], pa.timestamp("us", "UTC")),
    "zoneless": pa.array([dt.datetime(2024, 1, 31, 10), dt.datetime(2024, 1, 31, 10, 0, 1), None], pa.timestamp("us")),
    "ms": times("ms"),
    "us": times("us"),
    "ns": times("ns", "UTC"),
    "digits": pa.array(["1", "2", "3"]),
}
rows = max(len(column) for column in columns.values())
full = {name: pa.concat_arrays([column, pa.nulls(rows - len(column), column.type)]) for name, column in columns.items()}
pq.write_table(pa.table(full), f"{here}/doors.parquet", compression="NONE", store_schema=False)
