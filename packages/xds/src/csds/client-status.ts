import { create, fromBinary, type JsonObject, type JsonValue, toBinary } from '@bufbuild/protobuf';
import type { Any } from '@bufbuild/protobuf/wkt';
import { messageType, toJson } from '@inmesh/api';
import type { UpdateFailureState } from '@inmesh/api/gen/envoy/admin/v3/config_dump_shared_pb';
import type {
  ClientConfig,
  ClientConfig_GenericXdsConfig,
  ClientStatusRequest,
  ClientStatusResponse,
} from '@inmesh/api/gen/envoy/service/status/v3/csds_pb';
import { type Clock, outsideContext } from '@inmesh/core';
import { type ClientConfigParts, clientConfig } from './client-config.ts';

/** Why a request is refused, by gRPC's codes. */
export interface StatusRefusal {
  readonly code: number;
  readonly message: string;
}

/** A ClientStatusResponse in protobuf's JSON form. */
export interface ClientStatusJson {
  readonly config: readonly JsonObject[];
}

/** What is known when somebody asks. */
export type ClientConfigSource = () => Omit<ClientConfigParts, 'excludeContents'>;

/** gRPC's INVALID_ARGUMENT. */
const invalidArgument = 3;

/** Milliseconds of work after which the event loop is let run: an operator's question must not hold up calls. */
const sliceMs = 5;

const responseType = (): ReturnType<typeof messageType<ClientStatusResponse>> =>
  messageType<ClientStatusResponse>('envoy.service.status.v3.ClientStatusResponse');

/** The answers of the Client Status Discovery Service (gRFC A40), made in slices, whatever brings the questions. */
export class ClientStatus {
  readonly #source: ClientConfigSource;
  readonly #clock: Clock;

  constructor(source: ClientConfigSource, clock: Clock) {
    this.#source = source;
    this.#clock = clock;
  }

  /** A serialized ClientStatusRequest → a serialized ClientStatusResponse, or why not. */
  async answer(request: Uint8Array): Promise<Uint8Array | StatusRefusal> {
    let asked: ClientStatusRequest;
    try {
      const type = messageType<ClientStatusRequest>('envoy.service.status.v3.ClientStatusRequest');
      asked = fromBinary(type, request);
    } catch (error) {
      return { code: invalidArgument, message: `the request cannot be decoded: ${(error as Error).message}` };
    }
    // There is one node here, which whoever asks has found already; all of gRPC's implementations refuse it, too.
    if (asked.nodeMatchers.length > 0) {
      return {
        code: invalidArgument,
        message: 'node_matchers are not supported: leave them out, there is one node here',
      };
    }
    const config = await this.#config(asked.excludeResourceContents);
    return toBinary(responseType(), create(responseType(), { config: [config] }));
  }

  /** The same as JSON, with the field names of the protos, as Envoy's admin pages have them. */
  async json({ excludeContents = false }: { readonly excludeContents?: boolean } = {}): Promise<ClientStatusJson> {
    const config = await this.#config(excludeContents);
    const resources = config.genericXdsConfigs;
    config.genericXdsConfigs = [];
    const outer = toJson(messageType<ClientConfig>('envoy.service.status.v3.ClientConfig'), config, protoNames);
    const inner: JsonValue[] = [];
    await this.#inSlices(
      (function* () {
        for (const resource of resources) {
          inner.push(resourceJson(resource));
          yield;
        }
      })(),
    );
    return { config: [{ ...(outer as JsonObject), generic_xds_configs: inner }] };
  }

  #config(excludeContents: boolean): Promise<ClientConfig> {
    return this.#inSlices(clientConfig({ ...this.#source(), excludeContents }));
  }

  async #inSlices<T>(work: Generator<undefined, T, undefined>): Promise<T> {
    let until = this.#clock.now() + sliceMs;
    for (;;) {
      const { done, value } = work.next();
      if (done) return value;
      if (this.#clock.now() < until) continue;
      await new Promise<void>((resolve) => outsideContext(() => this.#clock.afterInput(resolve)));
      until = this.#clock.now() + sliceMs;
    }
  }
}

const protoNames = { useProtoFieldName: true };

/** Contents apart, because some have no JSON form. */
function resourceJson({ xdsConfig, errorState, ...rest }: ClientConfig_GenericXdsConfig): JsonValue {
  const type = messageType<ClientConfig_GenericXdsConfig>('envoy.service.status.v3.ClientConfig.GenericXdsConfig');
  const json = toJson(type, rest, protoNames) as JsonObject;
  if (xdsConfig !== undefined) json.xds_config = contentJson(xdsConfig);
  if (errorState !== undefined) {
    const { failedConfiguration, ...failure } = errorState;
    const failureType = messageType<UpdateFailureState>('envoy.admin.v3.UpdateFailureState');
    const failureJson = toJson(failureType, failure, protoNames) as JsonObject;
    if (failedConfiguration !== undefined) failureJson.failed_configuration = contentJson(failedConfiguration);
    json.error_state = failureJson;
  }
  return json;
}

/** Bytes that cannot be decoded, or that hold extensions of others, are shown as they are, in base64. */
function contentJson(content: Any): JsonValue {
  try {
    return toJson(messageType<Any>('google.protobuf.Any'), content, protoNames);
  } catch {
    return { '@type': content.typeUrl, value: Buffer.from(content.value).toString('base64') };
  }
}
