import { parseArgs } from 'node:util';
import { isMeshError } from '@inmesh/core';
import type { DecodeProfile } from '@inmesh/xds';
import type { CommandIo } from './command.ts';
import { validateResources } from './validate.ts';

export const validateUsage: string = `Usage: inmesh validate PATH [--profile envoy|grpc] [--strict] [--json]

Checks a folder or file of resources as inmesh would on the stream, for use before they are deployed. A file may also be a dump:
an Envoy's /config_dump?include_eds, a client status (CSDS) as JSON, or a recorded feed ({ type URL: [resources] }).

  --profile  whose rules apply: Envoy's (the default), or those of the gRFCs
  --strict   warnings count as errors
  --json     the findings as JSON`;

/** `inmesh validate PATH`: a line per finding. Exit code 0: nothing is refused; 1: something is; 2: a mistake in the call. */
export function runValidateCommand(args: readonly string[], io: CommandIo): number {
  let path: string;
  let profile: DecodeProfile;
  let strict: boolean;
  let json: boolean;
  try {
    const { values, positionals } = parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        profile: { type: 'string', default: 'envoy' },
        strict: { type: 'boolean', default: false },
        json: { type: 'boolean', default: false },
      },
    });
    if (positionals.length !== 1) throw new Error('give one PATH');
    if (values.profile !== 'envoy' && values.profile !== 'grpc') {
      throw new Error(`--profile ${values.profile}: give envoy or grpc`);
    }
    profile = values.profile;
    path = positionals[0] as string;
    ({ strict, json } = values);
  } catch (error) {
    io.err(`${(error as Error).message}\n\n${validateUsage}`);
    return 2;
  }
  try {
    const { files, resources, findings } = validateResources(path, profile);
    const errors = findings.filter(({ severity }) => severity === 'error').length;
    if (json) io.out(JSON.stringify({ files, resources, findings }, null, 2));
    else {
      for (const { severity, origin, message } of findings) {
        const place = message.startsWith(origin) ? '' : `${origin}: `;
        io.out(`${severity}: ${place}${message}`);
      }
      io.out(`${resources} resources in ${files} files: ${errors} errors, ${findings.length - errors} warnings`);
    }
    return errors > 0 || (strict && findings.length > 0) ? 1 : 0;
  } catch (error) {
    if (!isMeshError(error)) throw error;
    io.err(error.message);
    return 1;
  }
}
