import { createMesh } from '../create-mesh.ts';
import type { Overrides } from '../overrides/overrides.ts';
import { explanationText } from './explanation-text.ts';
import type { CommandIo } from './io.ts';
import { parseCommandLine, UsageError } from './usage.ts';

/** `inmesh explain URL`: exit code 0 where the call would go out, 1 where it would be refused or nothing is known. */
export async function explainCommand(args: readonly string[], io: CommandIo): Promise<number> {
  const { values, positionals } = parseCommandLine({
    args: [...args],
    allowPositionals: true,
    options: {
      bootstrap: { type: 'string' },
      method: { type: 'string', default: 'GET' },
      header: { type: 'string', multiple: true, default: [] },
      override: { type: 'string' },
      within: { type: 'string', default: '5000' },
      json: { type: 'boolean', default: false },
    },
  });
  const [url, ...more] = positionals;
  if (url === undefined || more.length > 0) throw new UsageError('give one URL');
  if (!URL.canParse(url)) throw new UsageError(`"${url}" is no URL; write http://reviews:9080/`);
  if (!/^\d{1,9}$/.test(values.within))
    throw new UsageError(`--within ${values.within}: give a number of milliseconds`);
  if (!/^[A-Z]+$/.test(values.method))
    throw new UsageError(`--method ${values.method}: write it in capitals, such as POST`);
  const asked = { method: values.method, headers: headersOf(values.header), ...overridesOf(values.override) };
  await using mesh = await createMesh({
    env: io.env,
    onWarning: (warning) => io.err(`warning: ${warning.message}`),
    ...(values.bootstrap === undefined ? {} : { bootstrap: values.bootstrap }),
  });
  const explanation = await mesh.explain(url, { within: Number(values.within), ...asked });
  io.out(values.json ? JSON.stringify(explanation, null, 2) : explanationText(explanation));
  return explanation.verdict === 'mesh' || explanation.verdict === 'pass-through' ? 0 : 1;
}

/** `x-user: jason`, as curl takes them; a name that comes twice has two values. */
function headersOf(lines: readonly string[]): Record<string, string[]> {
  const headers: Record<string, string[]> = Object.create(null);
  for (const line of lines) {
    const [, name, value] = /^([^\s:]+)\s*:\s*(.*)$/.exec(line) ?? [];
    if (name === undefined || value === undefined) throw new UsageError(`--header "${line}": write 'x-user: jason'`);
    headers[name] = [...(headers[name] ?? []), value];
  }
  return headers;
}

function overridesOf(text: string | undefined): { overrides?: Overrides } {
  if (text === undefined) return {};
  try {
    return { overrides: JSON.parse(text) as Overrides };
  } catch (cause) {
    throw new UsageError(`--override ${text}: it is no JSON; write '{"route":{"reviews:9080":"reviews-canary"}}'`, {
      cause,
    });
  }
}
