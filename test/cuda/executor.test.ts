// The executor on the second back-end. Without a GPU the reason is told; with TENSORWOOD_CUDA_LIBRARY naming the host-shim build (npm run test:cuda) or a
// real one, the same step function gives the CPU's numbers.
import { describe, expect, it } from 'vitest';
import { gradient } from '../../lib/compile/gradient';
import { array, compile, Executor } from '../../lib/executor';
import { native } from '../../lib/native';
import { add, gelu, mul } from '../../lib/ops/elementwise';
import { linear } from '../../lib/ops/matmul';
import { sum } from '../../lib/ops/reduce';
import { tensor } from '../../lib/ops/source';
import { Variable } from '../../lib/ops/state';

const cuda = native()
  .describe()
  .devices.find((device) => device.name === 'cuda')!;

const values = (count: number, seed: number): Float32Array => Float32Array.from({ length: count }, (_, i) => Math.sin(i * 1.7 + seed));

async function step(device: string): Promise<Float32Array[]> {
  using executor = new Executor({ device });
  const weight = new Variable({ name: 'weight', shape: [37, 19], initial: values(37 * 19, 1) });
  const bias = new Variable({ name: 'bias', shape: [37], initial: values(37, 2) });
  using run = compile(
    (x) => {
      const y = add(gelu(linear(x, weight, bias)), mul(linear(x, weight, bias), tensor(Float32Array.of(0.5))));
      return [y, ...gradient(sum(mul(y, y)), [weight, bias])];
    },
    { executor },
  );
  return (await run(array(values(11 * 19, 3), [11, 19]))) as Float32Array[];
}

describe('cuda', () => {
  it.skipIf(cuda.available)('is refused with the reason where it cannot be used', () => {
    expect(cuda.reason).not.toBe('');
    expect(() => new Executor({ device: 'cuda' })).toThrow(
      expect.objectContaining({ code: 'ERR_TENSORWOOD_DEVICE', message: `cuda: ${cuda.reason}` }),
    );
  });

  it.skipIf(!cuda.available)('runs a compiled step with the numbers of the CPU', async () => {
    const [expected, got] = [await step('cpu'), await step('cuda')];
    got.forEach((output, k) => {
      const scale = Math.max(...expected[k]!.map(Math.abs));
      output.forEach((value, i) => {
        expect(Math.abs(value - expected[k]![i]!)).toBeLessThan(1e-4 * scale);
      });
    });
  });
});
