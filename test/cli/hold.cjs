// Loaded into a process of the command line before it (stop.test.ts): the first call of a native function waits at a latch where it reads memory of its
// caller's; there the process gets a signal, and when it has heard it the call goes on.
const { join } = require('node:path');
const { TEST_LATCH, TEST_LIBRARY, TEST_FUNCTION, TEST_SIGNAL } = process.env;
const latches = require(TEST_LATCH);
const { native } = require(join(TEST_LIBRARY, 'native.js'));

/** The largest typed array among arguments. */
function findMemory(value) {
  if (ArrayBuffer.isView(value)) return value;
  const parts = typeof value === 'object' && value !== null ? Object.values(value).map(findMemory) : [];
  return parts.reduce((most, part) => ((part?.byteLength ?? 0) > (most?.byteLength ?? 0) ? part : most), undefined);
}

const addon = native();
const call = addon[TEST_FUNCTION];
addon[TEST_FUNCTION] = (...args) => {
  addon[TEST_FUNCTION] = call;
  const latch = latches.hold(findMemory(args));
  const look = setInterval(() => {
    if (!latches.arrived(latch)) return;
    clearInterval(look);
    process.once(TEST_SIGNAL, () => latches.open(latch));
    process.kill(process.pid, TEST_SIGNAL);
  }, 1);
  return call(...args);
};
