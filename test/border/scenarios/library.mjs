// The compiled library on this Node: training in several workers at once, which are terminated in the middle of steps and of trees; training that is
// aborted, after which its model still answers.
import { createRequire } from 'node:module';
import { parentPort, Worker, workerData } from 'node:worker_threads';

const require = createRequire(import.meta.url);
const { createDataset, createModel, Executor, examples, mlp, predict, train, trainTrees } = require('../../../dist/index.js');

const rows = 4000;
const features = Float32Array.from({ length: rows * 16 }, (_, i) => Math.sin(i * i * 0.013));
const label = Int32Array.from({ length: rows }, (_, i) => Number(features[i * 16] + features[i * 16 + 3] > 0));
const data = examples({ x: { data: features, shape: [16] }, label: { data: label } });
const endless = 1e6;

function check(condition, sentence) {
  if (!condition) throw new Error(sentence);
}

const trainNetwork = (executor, options) => {
  const model = createModel(mlp, { inputs: 16, hidden: [64], classes: 2 });
  return { model, result: train(model, data, { executor, batchSize: 50, ...options }) };
};

async function growTrees(options) {
  const dataset = await createDataset({ values: features, columns: 16 }, { label });
  return trainTrees(dataset, { objective: 'binary', ...options });
}

async function terminateWorkers() {
  for (let round = 0; round < 4; round++) {
    const workers = [0, 1, 2].map(() => new Worker(new URL(import.meta.url), { workerData: { round } }));
    await Promise.all(workers.map((worker) => new Promise((resolve, reject) => worker.once('message', resolve).once('error', reject))));
    await Promise.all(workers.map((worker) => worker.terminate()));
  }
}

async function abortTraining() {
  const executor = new Executor({ threads: 2 });
  const controller = new AbortController();
  const enough = ({ event, step }) => {
    if (event === 'step' && step === 400) controller.abort('enough');
  };
  const { model, result } = trainNetwork(executor, { epochs: endless, signal: controller.signal, listeners: [enough] });
  const reason = await result.then(
    () => 'nothing',
    (e) => e,
  );
  check(reason === 'enough', `expected the signal's reason, got ${reason?.stack ?? reason}`);
  const logits = await predict(model, data, { executor });
  const hits = label.reduce((n, y, i) => n + Number(logits[2 * i + 1] > logits[2 * i] === (y === 1)), 0);
  check(hits > 0.6 * rows, `expected the network to have learnt, got ${hits} of ${rows}`);
  const forest = await growTrees({ trees: 20 });
  const right = forest.predictSync({ values: features, columns: 16 }).reduce((n, p, i) => n + Number(p > 0.5 === (label[i] === 1)), 0);
  check(right > 0.9 * rows, `expected the forest to have learnt, got ${right} of ${rows}`);
}

/** Tells when both have come so far. */
async function trainForever({ round }) {
  let [steps, rounds] = [0, 0];
  const told = () => {
    if (steps > round && rounds > round) parentPort.postMessage('running');
  };
  const hear = ({ event }) => {
    if (event === 'step') steps++;
    told();
  };
  const network = trainNetwork(new Executor({ threads: 2 }), { epochs: endless, logEvery: 1, listeners: [hear] });
  const onProgress = () => {
    rounds++;
    told();
  };
  await Promise.all([network.result, growTrees({ trees: endless, onProgress })]);
}

if (parentPort === null) {
  await terminateWorkers();
  await abortTraining();
  console.log('trained');
} else {
  await trainForever(workerData);
}
