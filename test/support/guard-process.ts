import assert from 'node:assert/strict';

/** To be called in a `describe`: no rejection goes unhandled and no warning is given (too many listeners, too long a timer) in it. */
export function guardProcess(): void {
  const found: unknown[] = [];
  const note = (what: unknown) => found.push(what);
  before(() => {
    process.on('unhandledRejection', note);
    process.on('warning', note);
  });
  afterEach(async () => {
    await new Promise((resolve) => setImmediate(resolve));
    assert.deepEqual(found.splice(0), []);
  });
  after(() => {
    process.off('unhandledRejection', note);
    process.off('warning', note);
  });
}
