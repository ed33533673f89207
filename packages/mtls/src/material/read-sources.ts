import type { MaterialParts, NamedCertificate, NamedValidation, SourceReader } from '../material-parts.ts';
import type { PeerRole } from '../x509/path.ts';
import { materialError } from './config-error.ts';
import type { ReadCertificate, ReadParts, ReadValidation } from './read-parts.ts';
import { readTrustDomains } from './spiffe-config.ts';

/** Reads what the parts name. Throws what the reader throws, and for what this version cannot do. */
export function readSources(parts: MaterialParts, peer: PeerRole): ReadParts {
  const { certificates, validation, common, reader, regex, clock, makeSecureContext } = parts;
  return {
    peer,
    certificates: certificates.map((certificate) => readOwn(certificate, reader)),
    validation: validation === null ? null : readRules(validation, reader),
    parameters: common,
    regex,
    clock,
    ...(makeSecureContext && { makeSecureContext }),
  };
}

function readOwn({ source, certificate }: NamedCertificate, reader: SourceReader): ReadCertificate {
  const { certificateChain, privateKey, pkcs12, password, privateKeyProvider: provider } = certificate;
  if (provider !== null && (!provider.fallback || privateKey === null))
    throw materialError(source, `private_key_provider ${provider.name} is not supported: give a private_key`);
  return {
    place: source,
    certificateChain: certificateChain && reader.read(certificateChain),
    privateKey: privateKey && reader.readSecret(privateKey),
    pkcs12: pkcs12 && reader.readSecret(pkcs12),
    password: password && reader.readSecret(password),
  };
}

function readRules({ source, context, byTrustDomain }: NamedValidation, reader: SourceReader): ReadValidation {
  const { trustedCa, crl, customValidator } = context;
  const configured = customValidator === null ? null : readTrustDomains(customValidator, reader, source);
  return {
    place: source,
    rules: context,
    trustedCa: trustedCa && reader.read(trustedCa),
    crl: crl && reader.read(crl),
    trustDomains: byTrustDomain ?? configured,
  };
}
