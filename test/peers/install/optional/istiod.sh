#!/usr/bin/env bash
# `pilot-discovery` (istiod), `pilot-agent`, and `istio-xds`, istiod's own xDS server over files. Needs Go; a first build takes 11 to
# 16 minutes.
. "$(dirname "$0")/../common.sh"
skip_if v0.0.0-20260827124520-eed52ebb66ad pilot-discovery pilot-agent istio-xds
istio=istio.io/istio
build pilot-discovery istiod $istio/pilot/cmd/pilot-discovery -tags=vtprotobuf
build pilot-agent istiod $istio/pilot/cmd/pilot-agent -tags=vtprotobuf
build istio-xds istiod . -tags=vtprotobuf
mkdir -p "$PEERS_HOME/share"
source=$(env -C "$peers/istiod" GOFLAGS=-mod=readonly GOWORK=off go list -m -f '{{.Dir}}' $istio)
install -m 644 "$source/manifests/charts/base/files/crd-all.gen.yaml" "$PEERS_HOME/share/istio-crds.yaml"
done_with pilot-discovery pilot-agent istio-xds
