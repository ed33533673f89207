import { readFileSync } from 'node:fs';
import type { RegexEngine, Secret } from '@inmesh/core';
import { re2 } from '../regex/re2.ts';
import { structuralValidator } from '../validate/index.ts';
import type { DecodeProfile, Decoding, Surroundings } from './decoding.ts';
import type { FilterTable } from './filters/row.ts';
import { httpFilters } from './filters/table.ts';

export interface DecodingOptions {
  /** Default: RE2. */
  readonly regex?: RegexEngine | undefined;
  /** Default: the filters of this package. */
  readonly filters?: FilterTable | undefined;
  /** Default `envoy`: a feed that is made for sidecars must be taken as sidecars take it. */
  readonly profile?: DecodeProfile | undefined;
  /** `certificate_providers` of the bootstrap. Default null: any name is taken. */
  readonly certificateProviders?: ReadonlySet<string> | null | undefined;
  /** Throws for a secret of SDS that no TLS context could use; it is refused then. Default: what certificates hold is not looked at here. */
  readonly judgeSecret?: ((secret: Secret, regex: RegexEngine) => void) | undefined;
}

const surroundings: Surroundings = {
  readFile: (path) => readFileSync(path),
  environment: (name) => process.env[name],
};

/** istiod names a certificate provider in its place in what it makes for gRPC, whose feeds are taken by both profiles. */
const ENVOY_EXEMPT: ReadonlySet<string> = new Set([
  'envoy.extensions.transport_sockets.tls.v3.CommonTlsContext.CombinedCertificateValidationContext.validation_context_sds_secret_config',
]);

/** gRPC leaves a locality of weight 0 out, where Envoy refuses it. */
const GRPC_EXEMPT: ReadonlySet<string> = new Set([
  'envoy.config.endpoint.v3.LocalityLbEndpoints.load_balancing_weight',
]);

/** Validation rules are compiled once for each: make one per mesh and keep it. */
export function newDecoding(options: DecodingOptions = {}): Decoding {
  const {
    regex = re2(),
    filters = httpFilters,
    profile = 'envoy',
    certificateProviders = null,
    judgeSecret = ignore,
  } = options;
  // gRPC knows no `validate.rules`: what it does not read may be missing. Ranges hold all the same, because this mesh reads more.
  const validate =
    profile === 'grpc'
      ? structuralValidator({ absence: 'allowed', exempt: GRPC_EXEMPT })
      : structuralValidator({ exempt: ENVOY_EXEMPT });
  return { validate, regex, filters, profile, certificateProviders, judgeSecret, surroundings };
}

function ignore(): void {}
