// Who this process is to a mesh: follows an identity, and says what it sees of it. Keys are not shown.
//
//   node --conditions=@inmesh/source examples/identity/whoami.ts spiffe            SPIFFE_ENDPOINT_SOCKET names the agent
//   node --conditions=@inmesh/source examples/identity/whoami.ts istio             in a pod with a token for istio-ca
//   node --conditions=@inmesh/source examples/identity/whoami.ts consul web        CONSUL_HTTP_ADDR names the agent
//
// With --once it ends with the first identity.
import { X509Certificate } from 'node:crypto';
import { parseArgs } from 'node:util';
import { consulConnectCa, type Identity, type IdentityProvider, istioCa, spiffeWorkloadApi } from 'inmesh/identity';

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: { once: { type: 'boolean', default: false } },
});
const [source = '', service = ''] = positionals;

const providers: { readonly [source: string]: () => IdentityProvider } = {
  spiffe: () => spiffeWorkloadApi(),
  istio: () => istioCa(),
  consul: () => consulConnectCa({ service }),
};

function describe({ certificate, trust }: Identity): string {
  const lines: string[] = [];
  if (certificate !== null) {
    const { subjectAltName, issuer, validTo } = new X509Certificate(certificate.chain);
    lines.push(
      `I am ${subjectAltName?.replace('URI:', '')}, until ${validTo}, says ${issuer.replaceAll('\n', ', ') || 'a CA without a name'}`,
    );
  }
  const domains = [...(trust?.byTrustDomain?.keys() ?? [])];
  if (trust !== null)
    lines.push(domains.length > 0 ? `I trust ${domains.join(', ')}` : 'I trust whom one authority certifies');
  return lines.join('\n');
}

const open = providers[source];
if (open === undefined) throw new Error('say who to ask: spiffe, istio or consul SERVICE');
const stay = setInterval(() => {}, 60_000);
const unwatch = open().watch({
  changed: (identity) => {
    console.log(describe(identity));
    if (!values.once) return;
    clearInterval(stay);
    queueMicrotask(() => unwatch());
  },
  resourceError: (error) => console.log(`I am nobody: ${error.message}`),
  ambientError: (error) => console.log(`still the same, but: ${error.message}`),
  recovered: () => console.log('all is well again'),
});
