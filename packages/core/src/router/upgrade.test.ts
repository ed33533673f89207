import assert from 'node:assert/strict';
import { send } from '../testing/caller.ts';
import { Harness } from '../testing/harness.ts';
import { forward, route, virtualHost } from '../testing/models.ts';

/** The listener of the harness allows websocket. */
function statusOf(upgrade: string, upgrades: { readonly [protocol: string]: boolean } = {}): number {
  const harness = new Harness();
  harness.use(virtualHost([route(forward('reviews', { upgrades }))]));
  const { caller } = send(harness.dispatch, { upgrade });
  return harness.connector.opening.length === 1 ? 101 : caller.status;
}

describe('upgrades', () => {
  it('are taken on where the connection manager allows them, in any letter case', () => {
    assert.equal(statusOf('websocket'), 101);
    assert.equal(statusOf('WebSocket'), 101);
    assert.equal(statusOf('chat'), 403);
  });

  it('are allowed and forbidden by the route first', () => {
    assert.equal(statusOf('websocket', { websocket: false }), 403);
    assert.equal(statusOf('chat', { chat: true }), 101);
  });
});
