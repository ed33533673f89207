/**
 * Protocols that a request may change to, in lower case, and whether it may; what is not named here is told by the next level.
 * `*` stands for all, where bytes are carried and not requests. (upgrade_configs of a route, and of the connection manager)
 */
export type UpgradeConfigs = { readonly [protocol: string]: boolean };
