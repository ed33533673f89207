import type { UpgradeConfigs } from '@inmesh/core';
import { Refusal } from './decoding.ts';

/** `upgrade_configs` of a route, or of a connection manager; `field` is where the list stands in the resource. */
export function decodeUpgrades(
  configs: readonly { readonly upgradeType: string; readonly enabled?: boolean | undefined }[],
  field: string,
): UpgradeConfigs {
  const upgrades: Record<string, boolean> = {};
  for (const [index, { upgradeType, enabled }] of configs.entries()) {
    const protocol = upgradeType.toLowerCase();
    if (Object.hasOwn(upgrades, protocol)) {
      throw new Refusal(`${field}[${index}].upgrade_type`, `Duplicate upgrade ${upgradeType}`);
    }
    upgrades[protocol] = enabled ?? true;
  }
  return upgrades;
}
