// The list of native functions as lib sees it: loading, handles, memory, errors, jobs.
import { execFileSync } from 'node:child_process';
import { getEventListeners } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { TensorwoodError } from '../lib/errors';
import { addonPaths, loadAddon, native, runJob } from '../lib/native';
import { arrival, holdMemory, stopAtLatch } from './border/latch';
import { encodeProgram, encodeSums } from './border/program-bytes';

const runtime = native().createRuntime('cpu', 2, '');
const codeOf = (call: () => unknown): string => {
  try {
    call();
  } catch (error) {
    expect(error).toBeInstanceOf(TensorwoodError);
    return (error as TensorwoodError).code;
  }
  return 'no error';
};
const sums = native().loadProgram(runtime, encodeSums(1000, 10));
const kept: unknown[] = []; // or the collector would free it while another test counts
const keep = <T>(handle: T): T => {
  kept.push(handle);
  return handle;
};
const newState = () => keep(native().createBuffer(runtime, 4));
const ones = () => new Float32Array(1000).fill(1);
const wideSums = native().loadProgram(runtime, encodeSums(40_000, 10)); // of an input that is read in place
const wide = () => new Float32Array(40_000).fill(1);

/** A run that waits at a latch. */
function runHeld() {
  const input = wide();
  const latch = holdMemory(input);
  const started = native().runProgram(wideSums, [newState()], [input], [new Float32Array(1)]);
  return { latch, started, [Symbol.dispose]: () => latch.open() };
}

describe('loader', () => {
  it('names every path that was tried, and the cure', () => {
    expect(() => loadAddon(['/nowhere/a.node', '/nowhere/b.node'])).toThrow(
      /a.node: no such file(.|\n)*b.node: no such file\nRun: npx tensorwood build/,
    );
    expect(codeOf(() => loadAddon([__filename]))).toBe('ERR_TENSORWOOD_BINARY');
  });

  it('declares exactly the functions that the addon has', () => {
    const text = readFileSync(join(__dirname, '..', 'lib', 'native.ts'), 'utf8');
    const declared = [
      ...text
        .split('export interface Native {')[1]!
        .split('\n}\n')[0]!
        .matchAll(/^ {2}(\w+)\(/gm),
    ].map((m) => m[1]!);
    const missing = Object.keys(native()).filter((name) => !declared.includes(name));
    expect(missing).toEqual([]);
  });
});

describe('runtime', () => {
  it('describes the machine', () => {
    const { isas, cores, devices } = native().describe();
    expect(isas[0]).toBe('scalar');
    expect(cores).toBeGreaterThanOrEqual(1);
    expect(devices[0]).toMatchObject({ name: 'cpu', available: true, reason: '' });
  });

  it('takes each instruction set of the machine and refuses others', () => {
    for (const isa of native().describe().isas) expect(native().describeRuntime(keep(native().createRuntime('cpu', 1, isa))).isa).toBe(isa);
    expect(codeOf(() => native().createRuntime('cpu', 1, 'sse9'))).toBe('ERR_TENSORWOOD_DEVICE');
    expect(codeOf(() => native().createRuntime('abacus', 1, ''))).toBe('ERR_TENSORWOOD_DEVICE');
    expect(codeOf(() => native().createRuntime('cpu', 1.5, ''))).toBe('ERR_TENSORWOOD_ARGUMENT');
  });

  it('refuses a CUDA library that was built for another version', () => {
    const folder = mkdtempSync(join(tmpdir(), 'tensorwood-native-'));
    const library = join(folder, 'old.so');
    writeFileSync(join(folder, 'old.c'), 'const char* tensorwood_cuda_version() { return "0.0.1"; }\nvoid tensorwood_cuda_device() {}\n');
    execFileSync('cc', ['-shared', '-fPIC', '-o', library, join(folder, 'old.c')]);
    const script = 'console.log(require(process.argv[1]).describe().devices[1].reason)';
    const addon = addonPaths().find((path) => existsSync(path))!;
    const env = { ...process.env, TENSORWOOD_CUDA_LIBRARY: library };
    expect(execFileSync(process.execPath, ['-e', script, addon], { env, encoding: 'utf8' })).toBe(
      `${library} was built for another version of tensorwood; run \`npx tensorwood build --cuda\`\n`,
    );
    rmSync(folder, { recursive: true });
  });

  it('poisons the memory of tests: what no kernel has written is NaN', () => {
    expect(native().describeRuntime(runtime).poisoned).toBe(true);
    const line = { dtype: 'f32', shape: [16] } as const;
    const bytes = encodeProgram({
      arenaBytes: 64,
      buffers: [
        { kind: 'arena', bytes: 64 },
        { kind: 'output', bytes: 64 },
      ],
      calls: [{ name: 'probe_read', inputs: [{ ...line, buffer: 0 }], outputs: [{ ...line, buffer: 1 }] }],
    });
    const output = new Float32Array(16);
    native().runProgramSync(keep(native().loadProgram(runtime, bytes)), [], [], [output]);
    expect([...output]).toEqual(new Array(16).fill(Number.NaN));
  });

  it('counts the operations by which it measures', () => {
    const outputs = [
      { buffer: 0, dtype: 'i64', shape: [1] },
      { buffer: 1, dtype: 'f32', shape: [4] },
    ] as const;
    const buffers = [
      { kind: 'output', bytes: 8 },
      { kind: 'output', bytes: 16 },
    ] as const;
    const counted = (rounds: number): number => {
      const bytes = encodeProgram({ buffers, calls: [{ name: 'probe_flops', inputs: [], outputs, integers: [rounds] }] });
      const [operations, results] = [new BigInt64Array(1), new Float32Array(4)];
      native().runProgramSync(keep(native().loadProgram(runtime, bytes)), [], [], [operations as never, results]);
      return Number(operations[0]);
    };
    expect(counted(1)).toBeGreaterThan(0);
    expect(counted(30)).toBe(30 * counted(1));
  });

  it('measures rates', async () => {
    const { flops, bytesPerSecond } = await native().probe(runtime).promise;
    expect(flops).toBeGreaterThan(1e8);
    expect(bytesPerSecond).toBeGreaterThan(1e8);
  });
});

describe('handles', () => {
  it('refuses what is not a handle, and handles of another kind', () => {
    const state = newState();
    for (const wrong of [undefined, null, 1, {}, [], state, sums]) {
      expect(codeOf(() => native().describeRuntime(wrong as never))).toBe('ERR_TENSORWOOD_ARGUMENT');
    }
    expect(codeOf(() => native().dispose({} as never))).toBe('ERR_TENSORWOOD_ARGUMENT');
  });

  it('disposes any number of times and refuses use afterwards', () => {
    const state = newState();
    native().dispose(state);
    native().dispose(state);
    expect(codeOf(() => native().readBufferSync(state, 0, new Float32Array(1)))).toBe('ERR_TENSORWOOD_DISPOSED');
  });

  it('counts memory, and gives all of it back', () => {
    const before = native().memoryUsage();
    const own = native().createRuntime('cpu', 1, '');
    const buffer = native().createBuffer(own, 1 << 22);
    const program = native().loadProgram(own, encodeSums(1000, 10));
    expect(native().memoryUsage().bytes - before.bytes).toBe((1 << 22) + 64);
    for (const handle of [own, buffer, program]) native().dispose(handle);
    expect(native().memoryUsage()).toEqual(before);
  });

  it('frees what a running job uses when the job ends', async () => {
    const before = native().memoryUsage();
    const own = native().createRuntime('cpu', 1, '');
    const program = native().loadProgram(own, encodeSums(1000, 10));
    const state = native().createBuffer(own, 4);
    const output = new Float32Array(1);
    const { promise } = native().runProgram(program, [state], [ones()], [output]);
    for (const handle of [own, state, program]) native().dispose(handle);
    await promise;
    expect(output[0]).toBe(1000);
    expect(native().memoryUsage()).toEqual(before);
  });
});

describe('memory that a job may use', () => {
  const run = (input: Float32Array, output: Float32Array = new Float32Array(1)): number => {
    native().runProgramSync(sums, [newState()], [input], [output]);
    return output[0]!;
  };

  it('takes views with offsets and shared memory in place', () => {
    const wide = new Float32Array(1010);
    wide.fill(2, 7, 1007);
    expect(run(wide.subarray(7, 1007))).toBe(2000);
    const shared = new Float32Array(new SharedArrayBuffer(4000));
    expect(run(shared.fill(3))).toBe(3000);
    const target = new Float32Array(new SharedArrayBuffer(16), 8, 1);
    expect(run(ones(), target)).toBe(1000);
    expect([...new Float32Array(target.buffer)]).toEqual([0, 0, 1000, 0]);
  });

  it('copies small inputs of a job, so that it may be transferred or changed meanwhile', async () => {
    using held = runHeld(); // the job before
    const [input, output] = [ones(), new Float32Array(1)];
    const { promise } = native().runProgram(sums, [newState()], [input], [output]);
    input.fill(5);
    structuredClone(input.buffer, { transfer: [input.buffer as ArrayBuffer] });
    held.latch.open();
    await Promise.all([held.started.promise, promise]);
    expect(output[0]).toBe(1000);
  });

  it('refuses memory that has gone or can go', () => {
    const gone = ones();
    structuredClone(gone.buffer, { transfer: [gone.buffer as ArrayBuffer] });
    expect(codeOf(() => run(gone))).toBe('ERR_TENSORWOOD_ARGUMENT');
    const Resizable = ArrayBuffer as unknown as new (bytes: number, options: { maxByteLength: number }) => ArrayBuffer;
    expect(codeOf(() => run(new Float32Array(new Resizable(4000, { maxByteLength: 8000 }))))).toBe('ERR_TENSORWOOD_ARGUMENT');
    const Growable = SharedArrayBuffer as unknown as new (bytes: number, options: { maxByteLength: number }) => SharedArrayBuffer;
    expect(codeOf(() => run(new Float32Array(new Growable(4000, { maxByteLength: 8000 }))))).toBe('ERR_TENSORWOOD_ARGUMENT');
  });

  it('refuses wrong sizes, counts and alignment', () => {
    expect(codeOf(() => run(new Float32Array(999)))).toBe('ERR_TENSORWOOD_ARGUMENT');
    expect(codeOf(() => run(new Uint8Array(4001).subarray(1) as never))).toBe('ERR_TENSORWOOD_ARGUMENT');
    expect(codeOf(() => native().runProgramSync(sums, [], [ones()], [new Float32Array(1)]))).toBe('ERR_TENSORWOOD_ARGUMENT');
    const other = native().createRuntime('cpu', 1, '');
    const foreign = native().createBuffer(other, 4);
    expect(() => native().runProgramSync(sums, [foreign], [ones()], [new Float32Array(1)])).toThrow(/own runtime/);
    expect(codeOf(() => native().createBuffer(runtime, 2 ** 52))).toBe('ERR_TENSORWOOD_MEMORY');
    expect(codeOf(() => native().writeBufferSync(newState(), 2, new Float32Array(1)))).toBe('ERR_TENSORWOOD_ARGUMENT');
  });

  it('refuses a plan past the memory that this process may take, with the numbers', () => {
    const plan = { arenaBytes: 2 ** 46, buffers: [], calls: [] };
    expect(() => native().loadProgram(runtime, encodeProgram(plan))).toThrow(/at most \d+ bytes.*got 70368744177664: arena 70368744177664/);
    expect(codeOf(() => native().loadProgram(runtime, encodeProgram(plan)))).toBe('ERR_TENSORWOOD_MEMORY');
  });
});

describe('a program', () => {
  const line = (buffer: number, offset: number, length: number) => ({ buffer, offset: 4 * offset, dtype: 'f32' as const, shape: [length] });
  const load = (inputs: ReturnType<typeof line>[], outputs: ReturnType<typeof line>[]) => {
    const buffers = [
      { kind: 'arena' as const, bytes: 256 },
      { kind: 'arena' as const, bytes: 192, offset: 64 },
      { kind: 'input' as const, bytes: 64 },
    ];
    return codeOf(() =>
      native().loadProgram(runtime, encodeProgram({ arenaBytes: 256, buffers, calls: [{ name: 'probe_read', inputs, outputs }] })),
    );
  };

  it('may write over exactly one input, and over no part of one', () => {
    expect(load([line(0, 0, 16)], [line(0, 0, 16)])).toBe('no error');
    expect(load([line(0, 0, 16)], [line(0, 16, 16)])).toBe('no error');
    expect(load([line(0, 16, 16)], [line(1, 0, 16)])).toBe('no error'); // the same bytes by another buffer
    expect(load([line(0, 0, 16)], [line(0, 4, 12)])).toBe('ERR_TENSORWOOD_PROGRAM');
    expect(load([line(0, 0, 17)], [line(1, 0, 16)])).toBe('ERR_TENSORWOOD_PROGRAM');
    expect(load([line(0, 0, 16)], [line(0, 0, 8)])).toBe('ERR_TENSORWOOD_PROGRAM');
  });

  it('reads what it writes over in the same order, and writes nothing twice', () => {
    const view = (shape: number[], strides: number[]) => ({ buffer: 0, dtype: 'f32' as const, shape, strides });
    const tryCall = (input: ReturnType<typeof view>, output: ReturnType<typeof view>, buffer = 0): string => {
      const call = { name: 'probe_read', inputs: [input], outputs: [{ ...output, buffer }] };
      const buffers = [0, 64].map((offset) => ({ kind: 'arena' as const, bytes: 64, offset }));
      try {
        native().loadProgram(runtime, encodeProgram({ arenaBytes: 128, buffers, calls: [call] }));
      } catch (error) {
        return (error as Error).message;
      }
      return 'no error';
    };
    const shares = /share no memory/;
    expect(tryCall(view([4, 4], [1, 4]), view([4, 4], [4, 1]))).toMatch(shares);
    expect(tryCall(view([16], [1]), view([4, 1, 4], [4, 9, 1]))).not.toMatch(shares); // the same elements in the same order
    expect(tryCall(view([16], [1]), view([3, 4], [4, 1]), 1)).not.toMatch(shares);
    expect(tryCall(view([16], [1]), view([4, 4], [0, 1]), 1)).toMatch(shares);
    expect(tryCall(view([16], [1]), view([3, 4], [3, 1]), 1)).toMatch(shares);
  });

  const sized = { i8: 1, u8: 1, bool: 1, i16: 2, u16: 2, bf16: 2, i32: 4, u32: 4, f32: 4, i64: 8, f64: 8 } as const;
  it.each(Object.keys(sized) as (keyof typeof sized)[])('moves as many bytes of %s as its elements have', (dtype) => {
    const bytes = sized[dtype];
    const row = { dtype, shape: [2] };
    const calls = [
      {
        name: 'gather_rows',
        inputs: [
          { ...row, buffer: 0, shape: [3, 2] },
          { buffer: 1, dtype: 'i32' as const, shape: [1] },
        ],
        outputs: [{ ...row, buffer: 2, shape: [1, 2] }],
      },
      {
        name: 'concat',
        inputs: [
          { ...row, buffer: 0 },
          { ...row, buffer: 0, offset: 4 * bytes },
        ],
        outputs: [{ ...row, buffer: 3, shape: [4] }],
        integers: [0],
      },
    ];
    const buffers = [
      { kind: 'input' as const, bytes: 6 * bytes },
      { kind: 'input' as const, bytes: 4 },
      { kind: 'output' as const, bytes: 2 * bytes },
      { kind: 'output' as const, bytes: 4 * bytes },
    ];
    const table = Uint8Array.from({ length: 6 * bytes }, (_, i) => i + 1);
    const [gathered, joined] = [new Uint8Array(128), new Uint8Array(128)];
    const outputs = [gathered.subarray(0, 2 * bytes), joined.subarray(0, 4 * bytes)];
    native().runProgramSync(native().loadProgram(runtime, encodeProgram({ buffers, calls })), [], [table, Int32Array.of(1)], outputs);
    const padded = (part: number[]) => Uint8Array.from({ length: 128 }, (_, i) => part[i] ?? 0);
    const rows = Array.from({ length: 3 }, (_, r) => [...table.subarray(2 * r * bytes, 2 * (r + 1) * bytes)]);
    expect(gathered).toEqual(padded(rows[1]!)); // and nothing behind them
    expect(joined).toEqual(padded([...rows[0]!, ...rows[2]!]));
  });

  it('needs scratch memory that can be counted, as 2^46 keys of stride 0 on 1,024 threads do not', () => {
    const wide = native().createRuntime('cpu', 1024, '');
    const one = { buffer: 0, dtype: 'f32' as const, shape: [1, 1, 1, 1] };
    const all = { ...one, shape: [1, 1, 2 ** 46, 1], strides: [0, 0, 0, 1] };
    const outputs = [
      { ...one, buffer: 1 },
      { ...one, buffer: 2, shape: [1, 1, 1] },
    ];
    const call = { name: 'attention', inputs: [one, all, all], outputs, integers: [0, 0, 0, 0, 0, 0, 0], numbers: [1, 0] };
    const buffers = [0, 64, 128].map((offset) => ({ kind: 'arena' as const, bytes: 64, offset }));
    const bytes = encodeProgram({ arenaBytes: 192, buffers, calls: [call] });
    expect(() => native().loadProgram(wide, bytes)).toThrow(/at most 2\^47 bytes of scratch memory/);
    native().dispose(wide);
  });

  it('writes no input and stays within its buffers', () => {
    expect(load([line(0, 0, 16)], [line(2, 0, 16)])).toBe('ERR_TENSORWOOD_PROGRAM');
    expect(load([line(2, 0, 17)], [line(0, 0, 16)])).toBe('ERR_TENSORWOOD_PROGRAM');
    expect(load([line(3, 0, 16)], [line(0, 0, 16)])).toBe('ERR_TENSORWOOD_PROGRAM');
    expect(load([], [line(0, 0, 16)])).toBe('ERR_TENSORWOOD_PROGRAM');
  });
});

describe('jobs', () => {
  it('run in the order of the calls', async () => {
    const buffer = native().createBuffer(runtime, 4);
    const seen = new Float32Array(1);
    const jobs = [
      native().writeBuffer(buffer, 0, new Float32Array([5])),
      native().runProgram(sums, [buffer], [ones()], [new Float32Array(1)]),
    ];
    jobs.push(native().readBuffer(buffer, 0, seen));
    await Promise.all(jobs.map((j) => j.promise));
    expect(seen[0]).toBe(1000);
    native()
      .writeBuffer(buffer, 0, new Float32Array([6]))
      .promise.catch(() => {});
    native().readBufferSync(buffer, 0, seen);
    expect(seen[0]).toBe(6);
  });

  it('reject with the reason of the signal, and leave the state as it was', async () => {
    const [state, input] = [newState(), wide()];
    native().writeBufferSync(state, 0, Float32Array.of(5));
    using latch = holdMemory(input);
    await stopAtLatch(latch, (signal) => runJob(() => native().runProgram(wideSums, [state], [input], [new Float32Array(1)]), signal));
    const seen = new Float32Array(1);
    native().readBufferSync(state, 0, seen);
    expect(seen[0]).toBe(5);
  });

  it('do not start when the signal is already aborted, and remove their listener', async () => {
    const controller = new AbortController();
    const { signal } = controller;
    const job = runJob(() => native().runProgram(sums, [newState()], [ones()], [new Float32Array(1)]), signal);
    expect(getEventListeners(signal, 'abort')).toHaveLength(1);
    await job;
    expect(getEventListeners(signal, 'abort')).toHaveLength(0);
    controller.abort('late');
    await expect(runJob(() => expect.fail('it started'), signal)).rejects.toBe('late');
  });

  it('reject with a TensorwoodError that names the code and the line that awaits', async () => {
    using held = runHeld();
    const { promise, job } = held.started;
    const awaiting = (async function awaitsTheStep() {
      await promise;
    })().catch((e) => e);
    await arrival(held.latch, awaiting);
    native().cancel(job);
    held.latch.open();
    const error = await awaiting;
    expect(error).toBeInstanceOf(TensorwoodError);
    expect(error.code).toBe('ERR_TENSORWOOD_ABORTED');
    expect(error.stack).toContain('awaitsTheStep');
  });

  it('trace the time in each kernel', () => {
    native().traceProgram(sums, true);
    for (let i = 0; i < 3; i++) native().runProgramSync(sums, [newState()], [ones()], [new Float32Array(1)]);
    const rows = native().traceProgram(sums, false);
    expect(rows).toEqual([{ name: 'probe_read', calls: 9, milliseconds: expect.any(Number) }]);
    expect(rows[0]!.milliseconds).toBeGreaterThan(0);
  });
});
