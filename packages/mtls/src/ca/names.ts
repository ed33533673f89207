import { isIP } from 'node:net';
import type { GeneralName, Name } from '@peculiar/asn1-x509';
import type { Asn1 } from './asn1.ts';

/** Names of a certificate, by kind. (RFC 5280, section 4.2.1.6) */
export interface SubjectNames {
  /** Such as a SPIFFE ID. */
  readonly uris?: readonly string[];
  readonly dnsNames?: readonly string[];
  readonly ips?: readonly string[];
  readonly emails?: readonly string[];
  /** Of another kind: the OID of its type, and text. */
  readonly otherNames?: readonly { readonly oid: string; readonly text: string }[];
}

const COMMON_NAME = '2.5.4.3';

/** Empty text gives the empty name, as workloads have it: their name is in the alternative ones. */
export function commonName({ x509 }: Asn1, text: string): Name {
  if (text === '') return new x509.Name();
  const value = new x509.AttributeValue({ utf8String: text });
  return new x509.Name([
    new x509.RelativeDistinguishedName([new x509.AttributeTypeAndValue({ type: COMMON_NAME, value })]),
  ]);
}

/** Throws for what cannot be written as a name of its kind. */
export function generalNames(asn1: Asn1, names: SubjectNames): GeneralName[] {
  const { GeneralName } = asn1.x509;
  return [
    ...(names.uris ?? []).map((uri) => new GeneralName({ uniformResourceIdentifier: ascii(uri, 'URI') })),
    ...(names.dnsNames ?? []).map((dns) => new GeneralName({ dNSName: ascii(dns, 'DNS name') })),
    ...(names.ips ?? []).map((ip) => new GeneralName({ iPAddress: checkedIp(ip) })),
    ...(names.emails ?? []).map((email) => new GeneralName({ rfc822Name: ascii(email, 'email address') })),
    ...(names.otherNames ?? []).map((other) => otherName(asn1, other.oid, other.text)),
  ];
}

export function subjectNamesOf(names: Iterable<GeneralName>): SubjectNames {
  const uris: string[] = [];
  const dnsNames: string[] = [];
  const ips: string[] = [];
  const emails: string[] = [];
  for (const name of names) {
    if (name.uniformResourceIdentifier !== undefined) uris.push(name.uniformResourceIdentifier);
    else if (name.dNSName !== undefined) dnsNames.push(name.dNSName);
    else if (name.iPAddress !== undefined) ips.push(name.iPAddress);
    else if (name.rfc822Name !== undefined) emails.push(name.rfc822Name);
  }
  return { uris, dnsNames, ips, emails };
}

function otherName(asn1: Asn1, typeId: string, text: string): GeneralName {
  const value = asn1.convert.serialize(new asn1.x509.DirectoryString({ utf8String: text }));
  return new asn1.x509.GeneralName({ otherName: new asn1.x509.OtherName({ typeId, value }) });
}

/** They are written as IA5String; international names come in their ASCII form. */
function ascii(text: string, kind: string): string {
  if (/^[\x21-\x7e]+$/.test(text)) return text;
  throw new Error(`${JSON.stringify(text)} cannot be the ${kind} of a certificate: it must be ASCII without blanks`);
}

function checkedIp(text: string): string {
  if (isIP(text) !== 0 && !text.includes('%')) return text;
  throw new Error(`${JSON.stringify(text)} is no IP address`);
}
