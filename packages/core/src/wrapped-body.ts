import type { Body, BodyReader } from './body.ts';

/** A body that is another one, but for how it is read. */
export abstract class WrappedBody implements Body {
  readonly bytes: null = null;
  protected readonly body: Body;

  constructor(body: Body) {
    this.body = body;
  }

  get length(): number | null {
    return this.body.length;
  }

  get replayable(): boolean {
    return this.body.replayable;
  }

  get failure(): Error | null {
    return this.body.failure;
  }

  abstract open(): BodyReader;

  commit(): void {
    this.body.commit();
  }

  cancel(reason: Error): void {
    this.body.cancel(reason);
  }
}
