// A look at a classifier: it stops where it is told to.
import { describe, expect, it } from 'vitest';
import { classify, lookAt } from '../../lib/cli/look';
import { createModel } from '../../lib/models/model';
import { definition as vit } from '../../lib/models/vit';
import { syntheticExamples } from '../models/synthetic';

describe('a look at a classifier', () => {
  it('ends with the reason of the signal', async () => {
    using model = createModel(vit, vit.tiny);
    const data = syntheticExamples(model, { size: 20, classes: 10 });
    const reason = new Error('enough');
    const signal = AbortSignal.abort(reason);
    await expect(classify(model, data, signal)).rejects.toBe(reason);
    await expect(lookAt(model, data, { height: 28, width: 28 }, signal)).rejects.toBe(reason);
    expect((await lookAt(model, data, { height: 28, width: 28 })).length).toBeGreaterThan(0);
  });
});
