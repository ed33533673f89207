import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { OtherHost } from './namespace.ts';

const program = fileURLToPath(new URL('./host-main.ts', import.meta.url));

/** A host in a process of its own, which can be stopped as one stops that hangs: its kernel goes on answering. */
export class Host implements Disposable {
  readonly address: string;
  readonly port: number;
  readonly #process: ChildProcess;

  private constructor(child: ChildProcess, address: string, port: number) {
    this.#process = child;
    this.address = address;
    this.port = port;
  }

  static async start(protocol: 'http1' | 'http2', other: OtherHost | null = null): Promise<Host> {
    const address = other?.host ?? '127.0.0.1';
    const node = [process.execPath, '--conditions=@inmesh/source', program, protocol, address];
    const [command = '', ...args] = [...(other?.within ?? []), ...node];
    const child = spawn(command, args, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
    const [{ port }] = (await once(child, 'message')) as [{ port: number }];
    return new Host(child, address, port);
  }

  stop(): void {
    this.#process.kill('SIGSTOP');
  }

  goOn(): void {
    this.#process.kill('SIGCONT');
  }

  [Symbol.dispose](): void {
    this.goOn();
    this.#process.kill('SIGKILL');
  }
}
