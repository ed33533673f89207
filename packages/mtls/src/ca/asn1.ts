type Schema = typeof import('@peculiar/asn1-schema');
type X509 = typeof import('@peculiar/asn1-x509');
type Csr = typeof import('@peculiar/asn1-csr');

/** The messages of X.509 and their codec. */
export interface Asn1 {
  readonly convert: Schema['AsnConvert'];
  readonly OctetString: Schema['OctetString'];
  readonly x509: X509;
  readonly csr: Csr;
}

/** Loaded when a first certificate or request is made: whoever gets certificates from elsewhere never pays for it (about 40 ms). */
export async function loadAsn1(): Promise<Asn1> {
  const [schema, x509, csr] = await Promise.all([
    import('@peculiar/asn1-schema'),
    import('@peculiar/asn1-x509'),
    import('@peculiar/asn1-csr'),
  ]);
  return { convert: schema.AsnConvert, OctetString: schema.OctetString, x509, csr };
}
