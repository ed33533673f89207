export { CertificateAuthority, issueSelfSigned } from './authority.ts';
export { type CertificateRequest, makeCertificateRequest, readCertificateRequest } from './certificate-request.ts';
export { generateKey, type KeyType, secretPem } from './keys.ts';
export type { SubjectNames } from './names.ts';
export type { AuthorityOptions, IssueOptions, LeafOptions } from './options.ts';
export { derBlocks, pemOf } from './pem.ts';
