import { execFileSync } from 'node:child_process';

/** Another host, as far as the kernel is concerned: a network namespace behind a pair of virtual Ethernet devices. Linux, as root. */
export class OtherHost implements Disposable {
  /** A command that runs the one after it on that host. */
  readonly within: readonly string[];
  readonly host: string;
  readonly #name: string;
  readonly #own: string;
  readonly #near: string;

  constructor() {
    // RFC 2544's addresses for tests of networks; by our pid, because others of this machine may do the same.
    const net = `198.18.${process.pid & 255}`;
    const block = ((process.pid >> 8) & 63) * 4;
    this.#own = `${net}.${block + 1}`;
    this.host = `${net}.${block + 2}`;
    this.#name = `inmesh${process.pid}`;
    const far = `im${process.pid}b`;
    this.#near = `im${process.pid}a`;
    this.within = ['ip', 'netns', 'exec', this.#name];
    ip('netns', 'add', this.#name);
    try {
      ip('link', 'add', this.#near, 'type', 'veth', 'peer', 'name', far, 'netns', this.#name);
      ip('addr', 'add', `${this.#own}/30`, 'dev', this.#near);
      ip('link', 'set', this.#near, 'up');
      ip('-n', this.#name, 'addr', 'add', `${this.host}/30`, 'dev', far);
      ip('-n', this.#name, 'link', 'set', far, 'up');
    } catch (error) {
      this[Symbol.dispose]();
      throw error;
    }
  }

  /** Whatever it sends is lost from now on: no answer, no reset, no end of a connection. */
  vanish(): void {
    ip('-n', this.#name, 'route', 'add', 'blackhole', `${this.#own}/32`);
  }

  comeBack(): void {
    ip('-n', this.#name, 'route', 'del', 'blackhole', `${this.#own}/32`);
  }

  [Symbol.dispose](): void {
    ip('netns', 'del', this.#name);
    // The namespace lives on while a process in it ends; its device must not.
    try {
      ip('link', 'del', this.#near);
    } catch {
      // It went with the namespace, or never came.
    }
  }
}

/** Why there can be no other host here; null where there can. */
export function whyNoOtherHost(): string | null {
  try {
    new OtherHost()[Symbol.dispose]();
    return null;
  } catch (error) {
    return (error as Error).message.split('\n')[0] ?? '';
  }
}

function ip(...args: string[]): void {
  execFileSync('ip', args, { stdio: ['ignore', 'ignore', 'pipe'] });
}
