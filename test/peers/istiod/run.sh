#!/usr/bin/env bash
# run.sh KUBECONFIG DIR XDS_PORT SECURE_PORT HTTP_PORT WEBHOOK_PORT MONITORING_PORT: istiod with its CA on the loopback, its working
# files in DIR, until it is ended. When it is ready, http://127.0.0.1:HTTP_PORT/ready answers 200.
. "$(dirname "$0")/../install/common.sh"
export KUBECONFIG=$(realpath "${1:?kubeconfig}")
mkdir -p "${2:?folder for working files}" && cd "$2"
quietly "$bin/kubectl" apply --server-side -f "$PEERS_HOME/share/istio-crds.yaml"
quietly "$bin/kubectl" create namespace istio-system
export POD_NAMESPACE=istio-system POD_NAME=istiod REVISION=default CLUSTER_ID=Kubernetes
export ISTIOD_CUSTOM_HOST=localhost ISTIOD_ADDR=istiod.istio-system.svc:15012 INJECTION_WEBHOOK_CONFIG_NAME= VALIDATION_WEBHOOK_CONFIG_NAME=
exec "$bin/pilot-discovery" discovery --kubeconfig="$KUBECONFIG" --grpcAddr="127.0.0.1:$3" --secureGRPCAddr="127.0.0.1:$4" \
  --httpAddr="127.0.0.1:$5" --httpsAddr="127.0.0.1:$6" --monitoringAddr="127.0.0.1:$7" --ctrlz_address=127.0.0.1 --ctrlz_port=0
