// Writes the bytes of native/core/program.h by hand, so that the border is tested without the compiler.

export const dtypeIds = { f32: 0, bf16: 1, i32: 2, u8: 3, bool: 4, u16: 5, u32: 6, i64: 7, f64: 8, i16: 9, i8: 10 } as const;
export const kinds = { arena: 0, state: 1, input: 2, output: 3, constant: 4 } as const;

export interface BufferBytes {
  readonly kind: keyof typeof kinds;
  readonly bytes: number;
  readonly offset?: number;
}

export interface OperandBytes {
  readonly buffer: number;
  readonly dtype: keyof typeof dtypeIds;
  readonly shape: readonly number[];
  readonly strides?: readonly number[];
  readonly offset?: number;
}

export interface CallBytes {
  readonly name: string;
  readonly inputs: readonly OperandBytes[];
  readonly outputs: readonly OperandBytes[];
  readonly integers?: readonly number[];
  readonly numbers?: readonly number[];
}

export interface ProgramBytes {
  readonly arenaBytes?: number;
  readonly constants?: Uint8Array;
  readonly buffers: readonly BufferBytes[];
  readonly calls: readonly CallBytes[];
}

/** A growing little-endian byte sequence. */
function createWriter() {
  const parts: Uint8Array[] = [];
  const add = (bytes: number, set: (view: DataView) => void): void => {
    const part = new Uint8Array(bytes);
    set(new DataView(part.buffer));
    parts.push(part);
  };
  return {
    u8: (value: number) => add(1, (v) => v.setUint8(0, value)),
    u16: (value: number) => add(2, (v) => v.setUint16(0, value, true)),
    u32: (value: number) => add(4, (v) => v.setUint32(0, value, true)),
    i64: (value: number) => add(8, (v) => v.setBigInt64(0, BigInt(value), true)),
    f64: (value: number) => add(8, (v) => v.setFloat64(0, value, true)),
    bytes: (value: Uint8Array) => parts.push(value),
    end: () => new Uint8Array(Buffer.concat(parts)),
  };
}

type Writer = ReturnType<typeof createWriter>;

function writeOperand(out: Writer, { buffer, dtype, shape, strides, offset }: OperandBytes): void {
  out.u32(buffer);
  out.i64(offset ?? 0);
  out.u8(dtypeIds[dtype]);
  out.u8(shape.length);
  shape.forEach(out.i64);
  const dense = shape.map((_, axis) => shape.slice(axis + 1).reduce((a, b) => a * b, 1));
  (strides ?? dense).forEach(out.i64);
}

function writeCall(out: Writer, { name, inputs, outputs, integers = [], numbers = [] }: CallBytes): void {
  out.u8(name.length);
  out.bytes(new TextEncoder().encode(name));
  out.u16(inputs.length);
  out.u16(outputs.length);
  for (const operand of [...inputs, ...outputs]) writeOperand(out, operand);
  out.u32(integers.length);
  integers.forEach(out.i64);
  out.u32(numbers.length);
  numbers.forEach(out.f64);
}

export function encodeProgram({ arenaBytes = 0, constants = new Uint8Array(), buffers, calls }: ProgramBytes): Uint8Array {
  const out = createWriter();
  out.u32(0x31475754);
  out.u32(buffers.length);
  out.u32(calls.length);
  out.i64(arenaBytes);
  out.i64(constants.length);
  out.bytes(constants);
  for (const { kind, bytes, offset = 0 } of buffers) {
    out.u8(kinds[kind]);
    out.i64(bytes);
    out.i64(offset);
  }
  for (const call of calls) writeCall(out, call);
  return out.end();
}

/** outputs[0] = sums of equal chunks of inputs[0], by way of the arena and back into a state: every space but constants. */
export function encodeSums(length: number, chunks: number): Uint8Array {
  const line = (buffer: number, n: number): OperandBytes => ({ buffer, dtype: 'f32', shape: [n] });
  return encodeProgram({
    arenaBytes: 64 * Math.ceil((4 * chunks) / 64),
    buffers: [
      { kind: 'input', bytes: 4 * length },
      { kind: 'arena', bytes: 4 * chunks },
      { kind: 'output', bytes: 4 },
      { kind: 'state', bytes: 4 },
    ],
    calls: [
      { name: 'probe_read', inputs: [line(0, length)], outputs: [line(1, chunks)] },
      { name: 'probe_read', inputs: [line(1, chunks)], outputs: [line(2, 1)] },
      { name: 'probe_read', inputs: [line(1, chunks)], outputs: [line(3, 1)] },
    ],
  });
}

/** A kernel call for each of `gates` equal stretches of inputs[0], one after the other, then one that writes the state. */
export function encodeGates(gates: number, stretch: number): Uint8Array {
  const total: OperandBytes = { buffer: 1, dtype: 'f32', shape: [1] };
  const read = (gate: number): CallBytes => ({
    name: 'probe_read',
    inputs: [{ buffer: 0, dtype: 'f32', shape: [stretch], offset: 4 * stretch * gate }],
    outputs: [total],
  });
  return encodeProgram({
    arenaBytes: 64,
    buffers: [
      { kind: 'input', bytes: 4 * stretch * gates },
      { kind: 'arena', bytes: 4 },
      { kind: 'state', bytes: 4 },
    ],
    calls: [
      ...Array.from({ length: gates }, (_, gate) => read(gate)),
      { name: 'probe_read', inputs: [total], outputs: [{ ...total, buffer: 2 }] },
    ],
  });
}

/** outputs[0] = where the largest of each row of inputs[0] is. */
export function encodeArgmax(rows: number, length: number): Uint8Array {
  return encodeProgram({
    buffers: [
      { kind: 'input', bytes: 4 * rows * length },
      { kind: 'output', bytes: 4 * rows },
    ],
    calls: [
      {
        name: 'reduce_argmax',
        inputs: [{ buffer: 0, dtype: 'f32', shape: [rows, length] }],
        outputs: [{ buffer: 1, dtype: 'i32', shape: [rows, 1] }],
      },
    ],
  });
}
