#!/usr/bin/env node
// In a clone the sources run as they are, which takes a condition that only a new process can have; packed, dist runs.
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const source = fileURLToPath(new URL('../src/cli/main.ts', import.meta.url));
if (existsSync(source)) {
  const run = `import { main } from ${JSON.stringify(source)}; process.exitCode = await main(process.argv.slice(1));`;
  const args = ['--conditions=@inmesh/source', '--input-type=module', '--eval', run, '--', ...process.argv.slice(2)];
  const child = spawn(process.execPath, args, { stdio: 'inherit' });
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
  child.on('exit', (code, signal) => {
    process.exitCode = code ?? (signal === null ? 1 : 130);
  });
} else {
  const { main } = await import('../dist/cli/main.js');
  process.exitCode = await main(process.argv.slice(2));
}
