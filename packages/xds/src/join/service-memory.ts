/** Hears which services are in use, to know them at the next start. */
export interface ServiceMemory {
  /** It has routes and was called. Told again from time to time while that is so. */
  used(target: string, authority: string): void;
  /** The control plane says that there is none. */
  lost(target: string, authority: string): void;
}
