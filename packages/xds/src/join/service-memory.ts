/** Hears which services are in use, to know them at the next start. */
export interface ServiceMemory {
  /** It has routes and was called. Told again from time to time while that is so. */
  used(target: string, authority: string): void;
  /** The control plane says that there is none. */
  lost(target: string, authority: string): void;
  /** It was called, and the control plane says that it is none of the mesh's. */
  outside(target: string, authority: string): void;
  /** That was its word the last time: calls need not wait for it to be said again. */
  wasOutside(target: string, authority: string): boolean;
}
