import assert from 'node:assert/strict';
import { workloadApiTarget } from './endpoint.ts';

describe('workloadApiTarget', () => {
  for (const [uri, target] of [
    ['unix:///run/spire/agent.sock', 'unix:/run/spire/agent.sock'],
    ['unix:/run/spire/agent.sock', 'unix:/run/spire/agent.sock'],
    ['tcp://127.0.0.1:8000', '127.0.0.1:8000'],
    ['tcp://[::1]:8000', '[::1]:8000'],
  ] as const) {
    it(`reads ${uri}`, () => assert.equal(workloadApiTarget(uri), target));
  }

  for (const uri of [
    '/run/spire/agent.sock',
    'unix:agent.sock',
    'unix://agent.sock',
    'unix:///run/agent.sock?a=b',
    'tcp://agent:8000',
    'tcp://127.0.0.1',
    'tcp://127.0.0.1:8000/path',
    'http://127.0.0.1:8000',
  ]) {
    it(`refuses ${uri}`, () => assert.throws(() => workloadApiTarget(uri), { code: 'invalid_config' }));
  }
});
