// A command in a network namespace, which only reaches istiod, by a unix socket of the host:
//
//   unshare -rn --fork --pid --kill-child node in-namespace.ts FOLDER PORT SOCKET COMMAND ARGUMENT...
//
// COMMAND runs in FOLDER; what it sends to PORT of the loopback goes to SOCKET. It ends this program when it ends.
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { relayTo } from './relay.ts';

const [folder = '', port = '', socket = '', command = '', ...args] = process.argv.slice(2);
execFileSync('ip', ['link', 'set', 'lo', 'up']);
const relay = relayTo({ path: socket });
relay.listen(Number(port), '127.0.0.1');
await once(relay, 'listening');
const child = spawn(command, args, { cwd: folder, stdio: ['ignore', 'inherit', 'inherit'] });
child.on('exit', (code) => process.exit(code ?? 1));
