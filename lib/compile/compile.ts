// The passes, in order: from what a step function recorded to the bytes of a program. TENSORWOOD_DUMP=<pass>, or all, prints what each leaves.
// gradient() is no pass: it runs while the step function is traced.
import type { Options } from '../schema';
import { boolean, choice, parse } from '../schema';
import { fuse } from './fuse';
import type { Graph } from './graph';
import type { HasKernel } from './lower';
import { lower } from './lower';
import type { MemoryPlan } from './memory';
import { planMemory } from './memory';
import { fusePatterns, trimOutputs } from './patterns';
import { lowerPrecision } from './precision';
import type { Program } from './program';
import { writeProgram } from './program';
import { recompute } from './recompute';
import { schedule } from './schedule';
import { showGraph, showPlan } from './show';

/** What decides how a graph is compiled. */
export const settingsSchema = {
  precision: choice(
    ['f32', 'bf16'],
    'f32',
    'bf16 stores large activations and their gradients in half the bytes; variables and results stay f32',
  ),
  recompute: boolean(false, 'compute norms and activation functions again for the backward pass: a third of the memory off a transformer'),
  reuse: boolean(true, 'tensors that do not live at the same time share memory'),
};

export interface CompileSettings extends Options<typeof settingsSchema> {
  /** Which kernels the device has. Default: all that operations name. */
  readonly hasKernel?: HasKernel | undefined;
  /** Called after each pass with its name and the graph as text. Default: prints the passes that TENSORWOOD_DUMP names. */
  readonly observe?: ((pass: string, show: () => string) => void) | undefined;
}

export interface Compiled {
  readonly plan: MemoryPlan;
  readonly program: Program;
}

function dump(pass: string, show: () => string): void {
  const wanted = process.env.TENSORWOOD_DUMP;
  if (wanted === pass || wanted === 'all') process.stderr.write(`--- ${pass}\n${show()}\n`);
}

/** Compiles a traced graph. */
export function compileGraph(traced: Graph, settings: CompileSettings = {}): Compiled {
  const { observe = dump, hasKernel = () => true, ...options } = settings;
  const { precision, recompute: again, reuse } = parse('compile', settingsSchema, options);
  const step = (pass: string, graph: Graph): Graph => {
    observe(pass, () => showGraph(graph));
    return graph;
  };
  let graph = step('trace', traced);
  graph = step('precision', lowerPrecision(graph, precision, hasKernel));
  graph = step('lower', lower(graph, hasKernel));
  graph = fusePatterns(graph);
  graph = step('fuse', fuse(trimOutputs(again ? recompute(graph) : graph)));
  const scheduled = schedule(graph);
  step('schedule', scheduled.graph);
  const plan = planMemory(scheduled, { reuse });
  observe('memory', () => showPlan(plan));
  const program = writeProgram(plan);
  observe('program', () => `${program.bytes.length} bytes, ${program.states.length} states, inputs ${program.inputs.join(' ')}`);
  return { plan, program };
}
