// Floating-point numbers of fewer than 64 bits: their values, and their shortest texts.

/**
 * A binary floating-point number of IEEE's form, by its value: (-1)^s 2^(e - bias) (1 + m / 2^mantissaBits). Where `finite`, the largest exponent stands for
 * numbers, too, and only all ones for NaN (E4M3).
 */
export function widen(
  bits: number,
  { exponentBits, mantissaBits, finite = false }: { exponentBits: number; mantissaBits: number; finite?: boolean },
): number {
  const sign = (bits >> (exponentBits + mantissaBits)) & 1 ? -1 : 1;
  const ones = (1 << exponentBits) - 1;
  const exponent = (bits >> mantissaBits) & ones;
  const mantissa = bits & ((1 << mantissaBits) - 1);
  const bias = ones >> 1;
  if (exponent === ones && !finite) return mantissa ? Number.NaN : sign * Number.POSITIVE_INFINITY;
  if (exponent === ones && mantissa === (1 << mantissaBits) - 1) return Number.NaN;
  const scale = 2 ** -mantissaBits;
  return sign * (exponent === 0 ? mantissa * scale * 2 ** (1 - bias) : (1 + mantissa * scale) * 2 ** (exponent - bias));
}

const leastNormal = 2 ** -126; // of f32: below it there are fewer digits

/** The shortest decimal that rounds to the same f32: 0.1, and not the digits of its double. */
export function shortestSingle(value: number): string {
  for (let digits = Math.abs(value) < leastNormal ? 1 : 6; digits < 9; digits++) {
    const rounded = Number(value.toPrecision(digits));
    if (Math.fround(rounded) === value) return String(rounded);
  }
  return String(value);
}
