import { createPrivateKey, X509Certificate } from 'node:crypto';
import { createSecureContext } from 'node:tls';
import { derBlocks } from '../ca/index.ts';
import type { BuildMaterial, BuiltMaterial, CertificateSummary, MaterialParts } from '../material-parts.ts';

/** Builds the least that handshakes need, and keeps what it was asked to build. */
export class PlainBuilder {
  readonly asked: MaterialParts[] = [];

  readonly build: BuildMaterial = (parts): BuiltMaterial => {
    this.asked.push(parts);
    const { certificates, validation, reader } = parts;
    const pairs = certificates.map(({ source, certificate: { certificateChain, privateKey } }) => {
      const cert = Buffer.from(reader.read(certificateChain!));
      const key = Buffer.from(reader.readSecret(privateKey!).reveal());
      const leaf = leafOf(cert, source);
      if (!leaf.checkPrivateKey(createPrivateKey(key))) throw new Error(`${source}: the key is another one's`);
      return { cert, key, leaf };
    });
    const { trustedCa = null, crl = null } = validation?.context ?? {};
    const ca = trustedCa === null ? undefined : Buffer.from(reader.read(trustedCa));
    if (ca !== undefined) leafOf(ca, validation!.source);
    const secureContext = createSecureContext({
      cert: pairs.map((pair) => pair.cert),
      key: pairs.map((pair) => pair.key),
      ...(ca !== undefined && { ca }),
      ...(crl !== null && { crl: Buffer.from(reader.read(crl)) }),
    });
    return {
      material: {
        secureContext,
        verify: (socket) =>
          socket.authorized || ca === undefined
            ? null
            : { failure: 'fail_verify_error', message: String(socket.authorizationError) },
      },
      own: pairs.map((pair) => summaryOf(pair.leaf)),
      roots:
        ca === undefined
          ? []
          : derBlocks(ca.toString(), 'CERTIFICATE').map((der) => summaryOf(new X509Certificate(der))),
    };
  };
}

function leafOf(pem: Buffer, source: string): X509Certificate {
  try {
    return new X509Certificate(pem);
  } catch (cause) {
    throw new Error(`${source} holds no certificate in PEM`, { cause });
  }
}

function summaryOf(certificate: X509Certificate): CertificateSummary {
  return {
    serialNumber: certificate.serialNumber,
    uris: (certificate.subjectAltName ?? '')
      .split(', ')
      .flatMap((name) => (name.startsWith('URI:') ? name.slice(4) : [])),
    notBefore: certificate.validFromDate.getTime(),
    notAfter: certificate.validToDate.getTime(),
  };
}
