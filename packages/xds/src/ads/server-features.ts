/** What a bootstrap says of a control plane (`server_features`) and the ADS client heeds. */
export interface ServerFeatures {
  /** gRFC A53: a listener or cluster that the server takes away stays in force, and its watchers hear an ambient error. */
  readonly ignoreResourceDeletion: boolean;
  /** gRFC A88: what is refused, or said by the server not to be there, ends the version in force too. Wins over the one above. */
  readonly failOnDataErrors: boolean;
  /** gRFC A88: a server that says of each resource that it has not got it is only slow when it says nothing. */
  readonly resourceTimerIsTransientError: boolean;
}

/** Unknown features are ignored, as gRFC A27 asks. */
export function readServerFeatures(features: readonly string[]): ServerFeatures {
  return {
    ignoreResourceDeletion: features.includes('ignore_resource_deletion'),
    failOnDataErrors: features.includes('fail_on_data_errors'),
    resourceTimerIsTransientError: features.includes('resource_timer_is_transient_error'),
  };
}
