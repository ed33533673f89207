import type { Call } from '../../call.ts';
import type { FilterCallbacks, FilterFactory, FilterResponse, FilterType, HttpFilter } from '../filter.ts';
import type { StatefulSessionConfig } from './config.ts';
import { type SessionState, sessionState } from './session-state.ts';

/** Sends the calls of a session to the host that answered its first. (envoy.filters.http.stateful_session) */
export const statefulSession: FilterType<StatefulSessionConfig, StatefulSessionConfig | 'disabled'> = {
  compile(config, overrides, { clock }) {
    const settings = overrides.at(-1) ?? config;
    if (settings === 'disabled' || settings.state === null) return null;
    return new Sessions(settings, sessionState(settings.state, clock));
  },
};

class Sessions implements FilterFactory {
  readonly config: StatefulSessionConfig;
  readonly state: SessionState;

  constructor(config: StatefulSessionConfig, state: SessionState) {
    this.config = config;
    this.state = state;
  }

  create({ head }: Call): HttpFilter | null {
    return this.state.covers(head.path) ? new SessionCall(this) : null;
  }
}

class SessionCall implements HttpFilter {
  readonly #sessions: Sessions;
  #asked: string | null = null;

  constructor(sessions: Sessions) {
    this.#sessions = sessions;
  }

  onRequestHeaders({ call }: FilterCallbacks): void {
    const { state, config } = this.#sessions;
    this.#asked = state.read(call.head);
    if (this.#asked === null) return;
    call.overrideHost = { host: this.#asked, strict: config.strict, strictStatus: config.strictStatus };
  }

  onResponseHeaders({ call }: FilterCallbacks, { headers }: FilterResponse): void {
    if (call.endpoint !== null) this.#sessions.state.write(headers, call.endpoint.key, this.#asked);
  }
}
