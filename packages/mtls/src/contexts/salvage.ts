import type { ContextValues } from './context-sources.ts';

/**
 * Uses of the new values what can be used beside the old ones, where all of them together cannot: a bad certificate must not
 * keep new roots out. Each is tried by itself; `use` says whether it worked, and is in force then.
 */
export function salvage(old: ContextValues, wanted: ContextValues, use: (values: ContextValues) => boolean): void {
  let values = old;
  const tryWith = (next: ContextValues): void => {
    if (use(next)) values = next;
  };
  if (wanted.validation !== old.validation) tryWith({ ...values, validation: wanted.validation });
  for (const [index, certificate] of wanted.certificates.entries()) {
    if (certificate === old.certificates[index]) continue;
    tryWith({ ...values, certificates: values.certificates.with(index, certificate) });
  }
}
