import type { TextDocument } from '../text/index.ts';
import type { Bootstrap, OutsideMesh } from './bootstrap.ts';
import { Fields } from './fields.ts';

const OUTSIDE: { readonly [written: string]: OutsideMesh } = {
  passThrough: 'passThrough',
  pass_through: 'passThrough',
  refuse: 'refuse',
};

const FLAVOURS = ['auto', 'grpc', 'sidecar', 'consul'] as const;

/**
 * What `inmesh.yaml` has beside Envoy's bootstrap:
 *
 *     inmesh:
 *       domains: ['*.corp']          # hosts that belong to the mesh, beside the default ones
 *       outside_mesh: refuse         # or pass_through, the default
 *       flavour: sidecar             # or grpc, consul, auto (the default)
 *       state_directory: /var/lib/web # what is remembered over a restart; default: nothing
 *       broker: /run/web             # where the processes of this host meet that share one stream; default: nowhere
 */
export function readInmeshBlock(
  document: TextDocument,
): Pick<Bootstrap, 'meshDomains' | 'outsideMesh' | 'flavour' | 'stateDirectory' | 'broker'> {
  const block = new Fields(document).inside('inmesh');
  for (const name of Object.keys(new Fields(document).object('inmesh') ?? {})) {
    if (!['domains', 'outside_mesh', 'outsideMesh', 'flavour', 'state_directory', 'broker'].includes(name)) {
      throw block.error(
        name,
        'is not known',
        'the block has domains, outside_mesh, flavour, state_directory and broker',
      );
    }
  }
  const meshDomains = block.strings('domains');
  for (const [index, domain] of meshDomains.entries()) {
    if (isDomainPattern(domain)) continue;
    throw document.error(
      ['inmesh', 'domains', index],
      `"${domain}" is no pattern of hosts`,
      'write a host name, or *. with a suffix',
    );
  }
  const name = block.has('outsideMesh') ? 'outsideMesh' : 'outside_mesh';
  const written = block.string(name) ?? 'pass_through';
  const outsideMesh = OUTSIDE[written];
  if (outsideMesh === undefined) throw block.error(name, `"${written}" is not known`, 'write pass_through or refuse');
  const named = block.string('flavour') ?? 'auto';
  const flavour = FLAVOURS.find((each) => each === named);
  if (flavour === undefined) throw block.error('flavour', `"${named}" is not known`, `write ${FLAVOURS.join(', ')}`);
  const [stateDirectory = null, broker = null] = ['state_directory', 'broker'].map((field) => {
    const directory = block.string(field);
    if (directory === '') throw block.error(field, 'is empty', 'name a directory, or leave the field out');
    return directory;
  });
  return { meshDomains, outsideMesh, flavour, stateDirectory, broker };
}

function isDomainPattern(text: string): boolean {
  return text === '*' || /^(\*\.)?[\w-]+(\.[\w-]+)*\.?$/.test(text);
}
