// Examples that any classifier can learn: each class has a prototype, an example is its class's prototype with noise (or some other tokens).
import type { Examples } from '../../lib/data/examples';
import { examples } from '../../lib/data/examples';
import type { Model } from '../../lib/models/model';
import { uniform } from '../../lib/nn/philox';
import { sizeOf } from '../../lib/shape';

const PROTOTYPES = 1;
const NOISE = 2;
const RUN = 7; // neighbours of one value: something for convolutions to see

export interface SyntheticOptions {
  readonly size: number;
  readonly classes: number;
  readonly seed?: number;
}

/** Labels go 0, 1, ..., so every class is there equally often. */
export function syntheticExamples(model: Model, { size, classes, seed = 1 }: SyntheticOptions): Examples {
  const { shape, dtype } = model.fields.x!;
  const width = sizeOf(shape);
  const prototypes = uniform(classes * width, { seed: 1, stream: PROTOTYPES });
  const noise = uniform(size * width, { seed, stream: NOISE });
  const label = Int32Array.from({ length: size }, (_, i) => i % classes);
  const runs = dtype === 'i32' ? 1 : RUN;
  const at = (i: number): number => prototypes[label[Math.floor(i / width)]! * width + runs * Math.floor((i % width) / runs)]!;
  const tokens = (model.config.vocabulary as number | undefined) ?? 0;
  const token = (i: number): number => Math.floor((noise[i]! < 0.5 ? at(i) : 2 * noise[i]! - 1) * tokens);
  const data =
    dtype === 'i32'
      ? Int32Array.from({ length: size * width }, (_, i) => token(i))
      : Float32Array.from({ length: size * width }, (_, i) => 2 * at(i) - 1 + (noise[i]! - 0.5));
  return examples({ x: { data, shape }, label: { data: label } });
}
