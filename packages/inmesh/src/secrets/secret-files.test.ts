import assert from 'node:assert/strict';
import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type MeshError, type Secret, VirtualClock, type Watcher } from '@inmesh/core';
import type { WatchDirectory } from '@inmesh/mtls';
import { certificateProviders } from './certificate-providers.ts';
import { SecretFiles } from './secret-files.ts';

const secret = (name: string, text = ''): Secret => ({
  name,
  kind: 'session_ticket_keys',
  keys: [{ kind: 'environment', variable: text }],
});
const textOf = (found: Secret) =>
  found.kind === 'session_ticket_keys' && found.keys[0]?.kind === 'environment' ? found.keys[0].variable : found.kind;

/** Hears of one secret. */
class Told implements Watcher<Secret> {
  readonly said: string[] = [];
  changed(value: Secret): void {
    this.said.push(`${value.name} ${textOf(value)}`);
  }
  resourceError({ reason }: MeshError): void {
    this.said.push(`lost: ${reason}`);
  }
  ambientError({ reason }: MeshError): void {
    this.said.push(`ambient: ${reason}`);
  }
}

class Directory {
  changed: () => void = () => assert.fail('nobody watches');
  readonly watch: WatchDirectory = (_, changed) => {
    this.changed = changed;
    return { renew: () => {}, end: () => (this.changed = () => assert.fail('nobody watches')) };
  };
}

describe('secrets in files', () => {
  const folder = mkdtempSync(join(tmpdir(), 'inmesh-sds-'));
  after(() => rmSync(folder, { recursive: true }));
  const path = join(folder, 'sds.json');
  const write = (secrets: { readonly [name: string]: string }) => {
    writeFileSync(`${path}.new`, JSON.stringify(secrets));
    renameSync(`${path}.new`, path);
  };
  const read = (text: string) =>
    Object.entries(JSON.parse(text) as Record<string, string>).map(([n, t]) => secret(n, t));

  it('are read now, and when they change', () => {
    const [clock, directory, told] = [new VirtualClock(), new Directory(), new Told()];
    write({ a: '1', b: '2' });
    const files = new SecretFiles({ read, watchDirectory: directory.watch, clock });
    const unwatch = files.watch({ name: 'b' }, { path, watchedDirectory: folder }, told);
    write({ b: '3' });
    directory.changed();
    clock.advance(100);
    assert.deepEqual(told.said, ['b 2', 'b 3']);
    write({ a: '4' });
    directory.changed();
    clock.advance(5_000);
    assert.deepEqual(told.said.slice(2), [`ambient: ${path} has no secret "b"`]);
    unwatch();
    clock.advance(60_000);
    assert.equal(told.said.length, 3);
  });

  it('are missed by name where the file has none, until it has', () => {
    const [clock, told] = [new VirtualClock(), new Told()];
    write({ a: '1' });
    const files = new SecretFiles({ read, watchDirectory: new Directory().watch, clock });
    const unwatch = files.watch({ name: 'b' }, { path, watchedDirectory: null }, told);
    clock.advance(5_000);
    assert.deepEqual(told.said, [`lost: ${path} has no secret "b"`]);
    write({ b: '2' });
    clock.advance(60_000);
    assert.deepEqual(told.said.slice(1), ['b 2']);
    unwatch();
  });
});

describe('certificate providers of the bootstrap', () => {
  const parts = { clock: new VirtualClock(), onWarning: () => {} };
  const reasonOf = (plugin: string, config: { readonly [field: string]: unknown }) => {
    const entries = { default: { plugin, config } };
    const provider = certificateProviders({ origin: 'boot.json', certificateProviders: entries }, parts).get('default');
    const told: string[] = [];
    provider?.watch({
      changed: () => assert.fail('there is nothing'),
      resourceError: ({ reason }) => told.push(reason),
      ambientError: () => assert.fail('there was nothing'),
    })();
    return told.join();
  };

  it('have nothing where their plugin is not known, or its settings are wrong', () => {
    assert.match(reasonOf('private_ca', {}), /boot\.json: certificate_providers\.default: plugin_name "private_ca"/);
    assert.match(reasonOf('file_watcher', {}), /boot\.json: certificate_providers\.default\.config: certificate_file/);
  });
});
