import assert from 'node:assert/strict';
import { type ResourceInput, resourcesFrom } from './resource.ts';
import { resourceType } from './resource-type.ts';
import { Snapshot } from './snapshot.ts';

function cluster(name: string, timeout = '1s'): ResourceInput {
  return { '@type': resourceType.cluster, name, connect_timeout: timeout };
}
function listener(name: string): ResourceInput {
  return { '@type': resourceType.listener, name };
}
function next(snapshot: Snapshot, ...inputs: ResourceInput[]): Snapshot {
  return snapshot.next(resourcesFrom(inputs));
}

describe('Snapshot', () => {
  it('gives a type a new version only when its own content changed', () => {
    const first = next(Snapshot.empty, cluster('a'), listener('l'));
    const same = next(first, listener('l'), cluster('a'));
    assert.equal(same, first);
    const changed = next(same, cluster('a', '2s'), listener('l'));
    assert.match(first.of(resourceType.cluster).version, /^1-[0-9a-f]{8}$/);
    assert.match(changed.of(resourceType.cluster).version, /^2-[0-9a-f]{8}$/);
    assert.equal(changed.of(resourceType.listener), first.of(resourceType.listener));
  });

  it('keeps the objects of resources that stayed the same', () => {
    const first = next(Snapshot.empty, cluster('a'), cluster('b'));
    const second = next(first, cluster('a'), cluster('b', '9s'));
    const [before, after] = [first, second].map((snapshot) => snapshot.of(resourceType.cluster).resources);
    assert.equal(after?.get('a'), before?.get('a'));
    assert.notEqual(after?.get('b'), before?.get('b'));
  });

  it('has versions that depend on the content, so that those of a restarted server are its own', () => {
    const one = next(Snapshot.empty, cluster('a')).of(resourceType.cluster).version;
    const other = next(Snapshot.empty, cluster('a', '2s')).of(resourceType.cluster).version;
    assert.notEqual(one, other);
    assert.equal(next(Snapshot.empty, cluster('a')).of(resourceType.cluster).version, one);
  });

  it('tells the removal of the last resource of a type by a new version', () => {
    const first = next(Snapshot.empty, cluster('a'));
    const second = next(first);
    assert.equal(second.of(resourceType.cluster).resources.size, 0);
    assert.match(second.of(resourceType.cluster).version, /^2-/);
  });

  it('refuses two resources of one type and name, naming both places', () => {
    assert.throws(
      () => next(Snapshot.empty, cluster('a'), cluster('a')),
      /resources\[1\] given in code: .*Cluster "a" is already defined at resources\[0\] given in code; remove/,
    );
  });
});
