// What an open CSV table holds is counted, and given back.
import { expect, it } from 'vitest';
import { native } from '../../lib/native';

it('counts what an open CSV file holds', async () => {
  const bytes = Buffer.from('1,a\n2,b\n'.repeat(50_000));
  const before = native().memoryUsage();
  const types = { numbers: [], categories: [], dates: [], knownNumbers: [], knownCategories: [] };
  const lists = { names: [], columns: [], ignore: [], missing: [], missingNumbers: [], ...types };
  const form = { delimiter: ',', quote: '"', decimal: '.', thousands: '', dateOrder: 'y' };
  const spec = { ...form, skipLines: 0, header: 0, trim: true, skipBadLines: false, badValuesMissing: false, ...lists };
  const own = native().createRuntime('cpu', 1, '');
  const { csv } = await native().openCsv(own, bytes, 'bytes', spec).promise;
  expect(native().memoryUsage().bytes - before.bytes).toBeGreaterThanOrEqual(100_000 * 12);
  native().dispose(csv);
  expect(native().memoryUsage()).toEqual(before);
});
