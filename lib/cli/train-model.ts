// tensorwood train MODEL: images in, a run folder with model, checkpoints, events, report and the held-out images out.
import { join } from 'node:path';
import { duration, grouped, percent } from '../dashboard/html';
import { type TrainingReport, writeTrainingReport } from '../dashboard/training-report';
import { type Examples, splitExamples } from '../data/examples';
import { bytesOf, idxBytes, type LabelledImages, mnistNormalisation } from '../data/images';
import { fail } from '../errors';
import { writeAtomically } from '../files/atomic';
import { makeRunFolder, setAside } from '../files/set-aside';
import { createModel, type Model, type ModelDefinition } from '../models/model';
import { findModel } from '../models/registry';
import { counted, fromFlags, type Options, parse, type Schema } from '../schema';
import { listCheckpoints } from '../train/checkpoint';
import { type Listener, readEvents } from '../train/events';
import { train, trainSchema } from '../train/loop';
import { loadModel } from '../train/model-file';
import { progressWriter } from '../train/progress';
import { type Recipe, recipes } from '../train/recipes';
import { flagsOfSchema, type Input, type Section, textFlag } from './command';
import { describeEnvironment } from './environment';
import { asExamples, imageFlags, openLabelledImages } from './image-sets';
import { lookAt, testOn } from './look';
import { checkRunFolder, type RunOptions, runSchema } from './run-flags';
import { shellWord, writeRun } from './runs';

const modelRunSchema = (name: string) =>
  runSchema({ things: 'images', heldOut: 0.2, output: join('runs', name), choosers: '--patience or --select best' });

export async function modelSections(name: string): Promise<Section[]> {
  const definition = await findModel(name);
  return [
    {
      title: 'Run',
      flags: {
        ...imageFlags,
        recipe: { value: 'NAME', doc: `settings known to work, under the flags given: ${Object.keys(recipes).join(', ')}` },
        resume: { doc: 'go on from the newest checkpoint in the output folder' },
        ...flagsOfSchema(modelRunSchema(name)),
      },
    },
    { title: `Model: ${definition.doc}`, flags: flagsOfSchema(definition.schema) },
    { title: 'Training', flags: flagsOfSchema(trainSchema) },
  ];
}

function recipeOf(name: string, { flags }: Input): Recipe | undefined {
  const asked = textFlag(flags, 'recipe');
  if (asked === undefined) return undefined;
  const recipe =
    recipes[asked] ??
    fail('ERR_TENSORWOOD_ARGUMENT', `train: expected --recipe to be one of ${Object.keys(recipes).join(', ')}, got '${asked}'`);
  if (recipe.model !== name) fail('ERR_TENSORWOOD_ARGUMENT', `train: the recipe '${asked}' is for the model ${recipe.model}, not ${name}`);
  return recipe;
}

/** What the images say about the model's configuration. */
function impliedConfig(schema: Schema, { fields, classes }: LabelledImages): Record<string, number> {
  const [channels, height, width] = fields.x.shape as [number, number, number];
  const implied = { channels, imageSize: height, classes: classes.length, inputs: channels * height * width };
  return Object.fromEntries(Object.entries(implied).filter(([name]) => name in schema));
}

interface Session extends Omit<RunOptions, 'heldOut'> {
  readonly input: Input;
  readonly name: string;
  readonly images: LabelledImages;
  readonly model: Model;
  readonly options: Options<typeof trainSchema>;
  readonly train: Examples;
  /** What is evaluated on the way. */
  readonly validation: Examples;
  /** What the model is tested on at the end: the same, unless that chooses what is kept. */
  readonly heldOut: Examples;
}

async function open(input: Input, definition: ModelDefinition): Promise<Session> {
  const { flags } = input;
  const recipe = recipeOf(definition.name, input);
  // What is held out is there to test on: it chooses nothing unless it is asked to.
  const options: Options<typeof trainSchema> = { select: 'last', ...recipe?.options, ...fromFlags(trainSchema, flags) };
  const schema = modelRunSchema(definition.name);
  const run = checkRunFolder(parse('train', schema, fromFlags(schema, flags)));
  const { seed, patience, select } = parse('train', trainSchema, options); // before images are read
  const images = await openLabelledImages(input);
  const config = { ...impliedConfig(definition.schema, images), ...recipe?.config, ...fromFlags(definition.schema, flags) };
  const model = createModel(definition, config, { seed });
  const data = asExamples(model, images.fields.x, images.fields.label.data);
  const { rest, held } = splitExamples(data, run.heldOut, { seed });
  const chooses = patience > 0 || select === 'best';
  const parts = chooses ? splitExamples(rest, held.size, { seed }) : { rest, held };
  return {
    ...{ ...run, input, name: definition.name, images, model, options },
    train: recipe?.augment(parts.rest) ?? parts.rest,
    validation: parts.held,
    heldOut: held,
  };
}

/** What a run leaves in its folder besides that which train() sees to. */
const products = ['run.json', 'held-out-images.idx', 'held-out-labels.idx', 'report.html'];

/** Once the run has started, and not before: makes room for what it leaves, unless it goes on from checkpoints, and writes what predict needs. */
function inputsWriter(session: Session): { readonly listener: Listener; readonly written: () => Promise<void> | undefined } {
  let written: Promise<void> | undefined;
  return {
    written: () => written,
    listener({ event }) {
      if (event !== 'start') return;
      if (listCheckpoints(join(session.output, 'checkpoints')).length === 0) setAside('train', session.output, products);
      written = writeInputs(session);
      written.catch(() => undefined); // told after the training
    },
  };
}

/** Writes what predict needs: the run, and the held-out images with their labels. */
async function writeInputs({ output, images, heldOut }: Session): Promise<void> {
  const rows = Int32Array.from({ length: heldOut.size }, (_, i) => i);
  const { x, label } = heldOut.read(rows, { seed: 0, stream: 0 }) as { x: Float32Array; label: Int32Array };
  const [channels, ...size] = images.fields.x.shape;
  const shape = channels === 1 ? [heldOut.size, ...size] : [heldOut.size, channels!, ...size];
  const pixels = await bytesOf(x, mnistNormalisation);
  await writeRun(output, { kind: 'model', model: 'model.safetensors', classes: images.classes });
  await writeAtomically(join(output, 'held-out-images.idx'), [idxBytes({ shape, data: pixels })]);
  await writeAtomically(join(output, 'held-out-labels.idx'), [idxBytes({ shape: [heldOut.size], data: Uint8Array.from(label) })]);
}

const nextLine = (output: string): string =>
  `npx tensorwood predict ${shellWord(output)} --data ${shellWord(join(output, 'held-out-images.idx'))} --labels ${shellWord(join(output, 'held-out-labels.idx'))}`;

/** How good the saved model is on images that chose nothing, where the evaluations on the way cannot tell. */
async function test({ validation, heldOut }: Session, best: Model | undefined, signal?: AbortSignal): Promise<TrainingReport['tested']> {
  return best === undefined || validation === heldOut ? undefined : testOn(best, heldOut, signal);
}

/** The report of whatever the run has reached; the model file holds the chosen weights. Returns what a test at the end found. */
async function writeReport(session: Session, signal?: AbortSignal): Promise<TrainingReport['tested']> {
  const { input, name, output, title, images, train, validation, heldOut } = session;
  const [, height, width] = images.fields.x.shape as [number, number, number];
  using best = (await loadModel(join(output, 'model.safetensors')).catch(() => undefined))?.model;
  const tested = await test(session, best, signal);
  const choosing = validation === heldOut ? '' : `${grouped(validation.size)} to choose what is kept, `;
  await writeTrainingReport(join(output, 'report.html'), {
    title: title || `${name} on ${textFlag(input.flags, 'data')}`,
    summary: `${counted(train.size, 'image')} to learn from, ${choosing}${grouped(heldOut.size)} held out to test on.`,
    events: readEvents(join(output, 'events.jsonl')),
    classes: images.classes,
    samples: best === undefined ? [] : await lookAt(best, heldOut, { height, width }, signal),
    ...(tested === undefined ? {} : { tested }),
    environment: describeEnvironment(0),
    ...(best === undefined ? {} : { next: nextLine(output) }),
  });
  return tested;
}

/** Runs `tensorwood train MODEL`. */
export async function runTrainModel(input: Input, name: string): Promise<void> {
  const session = await open(input, await findModel(name));
  const { model, output, options, validation } = session;
  makeRunFolder('train', output);
  const inputs = inputsWriter(session);
  const running = train(model, session.train, {
    ...options,
    validation,
    folder: output,
    resume: input.flags.resume === true,
    signal: input.signal,
    listeners: [inputs.listener, progressWriter(process.stderr, { resume: '--resume' })],
    notes: { classes: JSON.stringify(session.images.classes), normalisation: JSON.stringify(mnistNormalisation) },
  });
  const result = await running.catch(async (error: unknown) => {
    // The error of the training is the one to tell. A run that never started has nothing to report.
    await inputs
      .written()
      ?.then(() => writeReport(session))
      .catch(() => undefined);
    throw error;
  });
  await inputs.written();
  const tested = (await writeReport(session, input.signal)) ?? result.evaluation;
  process.stdout.write(
    `${result.reason} after ${duration(result.seconds)}${tested === undefined ? '' : `: held-out accuracy ${percent(tested.metrics.accuracy!, 2)}`}\n`,
  );
  process.stdout.write(
    `model   ${join(output, 'model.safetensors')}\nreport  ${join(output, 'report.html')}\nnext    ${nextLine(output)}\n`,
  );
  model.dispose();
}
