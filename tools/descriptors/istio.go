package main

// Istio's own messages: filters that istiod puts into the feed of a sidecar, and the CA that it signs certificates with. The
// configuration of its peer_metadata filter is in no Go module: it travels as a TypedStruct and is known by name only.
import (
	_ "istio.io/api/envoy/config/filter/http/alpn/v2alpha1"
	_ "istio.io/api/envoy/config/filter/network/metadata_exchange"
	_ "istio.io/api/envoy/extensions/stats"
	_ "istio.io/api/security/v1alpha1"
)
