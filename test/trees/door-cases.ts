// The values that the doors of trees are tried with. A case says what its values are at each door; which of them mean the same, by `groups`.
import type { Cell } from '../../lib/trees/cell';
import type { Numbers } from '../../lib/trees/features';

export interface DoorCase {
  readonly title: string;
  /** As a list or a row has them. */
  readonly cells: readonly Cell[];
  /** What each means: values of one group are one value. Default: all differ. */
  readonly groups?: readonly number[];
  /** Typed arrays that hold the same. */
  readonly typed?: readonly Numbers[];
  /** The fields of a CSV file, where there is such a spelling. */
  readonly fields?: readonly string[];
  /** Columns of test/golden/doors.parquet. */
  readonly parquet?: readonly string[];
  /** Read as categories although the fields look like numbers. */
  readonly asCategories?: boolean;
  /** What a model that learned `cells` is asked for instead. */
  readonly asked?: Pick<DoorCase, 'cells' | 'fields' | 'typed'>;
}

const inf = Number.POSITIVE_INFINITY;
const doubles = [-inf, -1e300, -1e39, -3.4e38, -1, -5e-324, -0, 0, 5e-324, 1e-46, 0.1, 0.7, 1, 3.4e38, 1e39, 1e300, inf];
const floats = [-inf, -3.4e38, -1, -0, 0, Math.fround(1e-45), 0.1, 0.7, 1, 3.4e38, inf];
const days = [20180101, 20180111, 20180121, 20180102, 16777216, 16777217, 3];
const large = [-(2n ** 62n), 2n ** 53n - 1n, 2n ** 53n, 2n ** 53n + 2n, 2n ** 60n, 3n];
// The cut 2^60 + 2^36 lies between two f32: the nearest f64 of one more is on it, the nearest f32 beyond.
const midway = { learned: [2n ** 60n, 2n ** 60n + 2n ** 37n], asked: [2n ** 60n + 2n ** 36n, 2n ** 60n + 2n ** 36n + 1n] };
const unsigned = [0n, 2n ** 53n, 2n ** 53n + 2n, 2n ** 63n, 2n ** 64n - 2048n];
const nanoseconds = [1706695200123456789n, 1706695200123457789n, 1706695200124456789n, 0n, -1000000n];
const textOf = (values: readonly unknown[]): string[] => values.map(String);
const millisecondsOf = (t: bigint, unit: bigint): number => Number(t / unit) / (1e6 / Number(unit));
const moments = (unit: bigint): number[] =>
  nanoseconds.map((t) => (unit === 1n ? Number(t / 1_000_000n) + Number(t % 1_000_000n) / 1e6 : millisecondsOf(t, unit)));
/** Field by field as ISO 8601 writes them with the digits of the unit. */
const isoOf = (digits: number): string[] =>
  nanoseconds.map((t) => {
    const whole = new Date(Number(t / 1_000_000n)).toISOString().slice(0, -1);
    return digits <= 3
      ? `${whole}Z`
      : `${whole}${String(((t % 1_000_000n) + 1_000_000n) % 1_000_000n)
          .padStart(6, '0')
          .slice(0, digits - 3)}Z`;
  });
const [morning, later] = [Date.UTC(2024, 0, 31, 10), Date.UTC(2024, 0, 31, 10, 0, 1)];
const dates = [Date.UTC(2024, 0, 31), Date.UTC(2024, 1, 1), Date.UTC(1969, 11, 31)];
const minusZero = (values: readonly number[]): number[] => values.map((v, i) => (Object.is(v, -0) ? i + 1 : i));

export const cases: readonly DoorCase[] = [
  {
    title: 'f64',
    cells: [...doubles, null],
    groups: [...minusZero(doubles), doubles.length],
    typed: [Float64Array.of(...doubles, Number.NaN)],
    fields: [...doubles.map((v) => (Object.is(v, -0) ? '-0' : String(v))), ''],
    parquet: ['double'],
  },
  {
    title: 'f32',
    cells: [...floats, Number.NaN],
    groups: [...minusZero(floats), floats.length],
    typed: [Float32Array.of(...floats, Number.NaN), Float64Array.from([...floats, Number.NaN], Math.fround)],
    fields: [...textOf(floats), 'nan'],
    parquet: ['float'],
  },
  {
    title: 'decimals between those learned',
    cells: [0, 0.2, 0.4, 0.6, 0.8, 1],
    typed: [Float64Array.of(0, 0.2, 0.4, 0.6, 0.8, 1)],
    fields: ['0', '0.2', '0.4', '.6', '8e-1', '1.0'],
    asked: { cells: [0.1, 0.3, 0.5, 0.7, 0.9], fields: ['0.1', '0.3', '0.5', '0.7', '0.9'] },
  },
  {
    title: 'integers beyond 2^24',
    cells: days,
    typed: [Int32Array.from(days), Uint32Array.from(days), Float64Array.from(days), BigInt64Array.from(days.map(BigInt))],
    fields: textOf(days),
    parquet: ['int32', 'uint32', 'int64'],
  },
  { title: 'integers beyond 2^53', cells: large, typed: [BigInt64Array.from(large)], fields: textOf(large), parquet: ['large'] },
  {
    title: 'bigints between two floats',
    cells: midway.learned,
    typed: [BigInt64Array.from(midway.learned)],
    asked: { cells: midway.asked, typed: [BigInt64Array.from(midway.asked)] },
  },
  {
    title: 'unsigned 64 bits',
    cells: unsigned,
    typed: [Float64Array.from(unsigned, Number)],
    fields: textOf(unsigned),
    parquet: ['unsigned'],
  },
  {
    title: 'booleans',
    cells: [true, false, null],
    typed: [Float32Array.of(1, 0, Number.NaN)],
    fields: ['true', 'false', ''],
    parquet: ['bool'],
  },
  {
    title: 'the empty text',
    cells: ['', 'Oslo', 'Rome', null, ' ', 'NA'],
    groups: [0, 1, 2, 0, 4, 5],
    fields: ['""', 'Oslo', 'Rome', '', '" "', '"NA"'],
    parquet: ['empty'],
  },
  {
    title: 'names among which NaN is missing',
    cells: [Number.NaN, 'Oslo', 'Rome', Number.NaN, null],
    groups: [0, 1, 2, 0, 0],
    fields: ['NaN', 'Oslo', 'Rome', 'nan', ''],
  },
  { title: 'bytes', cells: ['ff00', '6162', null], fields: ['ff00', '6162', ''], parquet: ['bytes'] },
  {
    title: 'UUIDs',
    cells: ['00000000-0000-0000-0000-000000000005', '80000000-0000-0000-0000-000000000003', null],
    fields: ['00000000-0000-0000-0000-000000000005', '80000000-0000-0000-0000-000000000003', ''],
    parquet: ['uuid'],
  },
  { title: 'JSON', cells: ['{"a": 1}', '[]', null], fields: ['"{""a"": 1}"', '[]', ''], parquet: ['json'] },
  {
    title: 'dates',
    cells: [...dates.map((t) => new Date(t)), null],
    typed: [Float64Array.of(...dates, Number.NaN)],
    fields: ['2024-01-31', '2024-02-01', '1969-12-31', ''],
    parquet: ['date'],
  },
  {
    title: 'times with a zone',
    cells: [new Date(morning), new Date(later), null],
    typed: [Float64Array.of(morning, later, Number.NaN)],
    fields: ['2024-01-31T10:00:00Z', '2024-01-31 12:00:01+02:00', ''],
    parquet: ['zoned'],
  },
  {
    title: 'times without a zone',
    cells: [morning, BigInt(later), null],
    typed: [Float64Array.of(morning, later, Number.NaN)],
    fields: ['2024-01-31 10:00:00', '2024-01-31T10:00:01', ''],
    parquet: ['zoneless'],
  },
  ...(
    [
      ['ms', 1_000_000n, 3, [0, 0, 2, 3, 4]],
      ['us', 1000n, 6, undefined],
      ['ns', 1n, 9, undefined],
    ] as const
  ).map(([unit, size, digits, groups]) => ({
    title: `times in ${unit}`,
    cells: moments(size),
    ...(groups && { groups }),
    typed: [Float64Array.from(moments(size))],
    fields: isoOf(digits),
    parquet: [unit],
  })),
  {
    title: 'categories spelled otherwise',
    cells: ['1', '2', '3'],
    fields: ['1', '2', '3'],
    parquet: ['digits'],
    asCategories: true,
    asked: { cells: ['1.0', 'two', ' 3'], fields: ['1.0', 'two', '" 3"'] },
  },
];
