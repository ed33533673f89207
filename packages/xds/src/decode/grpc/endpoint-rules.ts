import type { LbEndpoint, LocalityLbEndpoints } from '@inmesh/api/gen/envoy/config/endpoint/v3/endpoint_components_pb';
import type { ClusterLoadAssignment } from '@inmesh/api/gen/envoy/config/endpoint/v3/endpoint_pb';
import { addressText } from '@inmesh/core';
import { decodeAddress } from '../address.ts';
import { enumName, Refusal } from '../decoding.ts';

const MAX_UINT32 = 0xffff_ffff;

/**
 * What gRPC refuses of a ClusterLoadAssignment (gRFC A27): told locality by locality and endpoint by endpoint, because a large one
 * is decoded in steps. A locality without a weight is left out by gRPC before anything else about it is looked at.
 */
export class EndpointRules {
  readonly #addresses = new Set<string>();
  /** Weight and names of the localities of each priority. */
  readonly #priorities = new Map<number, { weight: number; readonly localities: Set<string> }>();
  #counted = false;
  #weight = 0;

  frame(message: ClusterLoadAssignment): void {
    for (const [index, { dropPercentage }] of (message.policy?.dropOverloads ?? []).entries()) {
      const denominator = dropPercentage?.denominator ?? 0;
      const name = enumName('envoy.type.v3.FractionalPercent.DenominatorType', denominator);
      if (name === String(denominator)) {
        throw new Refusal(`policy.drop_overloads[${index}].drop_percentage.denominator`, `${name} is not known`);
      }
    }
  }

  /** Before its endpoints. */
  locality(message: LocalityLbEndpoints, field: string): void {
    if (message.locality === undefined) throw new Refusal(`${field}.locality`, 'value is required');
    const weight = message.loadBalancingWeight ?? 0;
    this.#weight = 0;
    this.#counted = weight > 0;
    if (!this.#counted) return;
    const { priority } = message;
    const at = this.#priorities.get(priority) ?? { weight: 0, localities: new Set<string>() };
    this.#priorities.set(priority, at);
    at.weight += weight;
    if (at.weight > MAX_UINT32) {
      throw new Refusal(field, `the sum of the weights of localities at priority ${priority} exceeds ${MAX_UINT32}`);
    }
    const { region, zone, subZone } = message.locality;
    const name = JSON.stringify([region, zone, subZone]);
    if (at.localities.has(name)) throw new Refusal(field, `duplicate locality ${name} at priority ${priority}`);
    at.localities.add(name);
  }

  endpoint(message: LbEndpoint, field: string): void {
    if (!this.#counted) return;
    const weight = message.loadBalancingWeight ?? 1;
    if (weight === 0) throw new Refusal(`${field}.load_balancing_weight`, 'must be at least 1');
    this.#weight += weight;
    if (this.#weight > MAX_UINT32) {
      throw new Refusal(field, `the sum of the weights of endpoints in the same locality exceeds ${MAX_UINT32}`);
    }
    const host = message.hostIdentifier;
    if (host.case !== 'endpoint') return;
    this.#address(host.value.address, `${field}.endpoint.address`);
    for (const [index, { address }] of host.value.additionalAddresses.entries()) {
      this.#address(address, `${field}.endpoint.additional_addresses[${index}].address`);
    }
  }

  /** After all localities. */
  end(): void {
    for (let priority = 0; priority < this.#priorities.size; priority++) {
      if (!this.#priorities.has(priority)) throw new Refusal('endpoints', `priority ${priority} is missing`);
    }
  }

  #address(message: Parameters<typeof decodeAddress>[0], field: string): void {
    const address = decodeAddress(message, field, 'ip');
    if (address === null) return;
    const text = addressText(address);
    if (this.#addresses.has(text)) throw new Refusal(field, `duplicate endpoint with the same address ${text}`);
    this.#addresses.add(text);
  }
}
