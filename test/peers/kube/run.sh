#!/usr/bin/env bash
# run.sh DIR API_PORT ETCD_PORT ETCD_PEER_PORT: a Kubernetes API on the loopback, its state in DIR, until it is ended. Ready once
# DIR/kubeconfig is there. No controllers run: nobody makes EndpointSlices but who writes them.
. "$(dirname "$0")/../install/common.sh"
mkdir -p "${1:?folder for the state}" && cd "$1"
api=https://127.0.0.1:${2:?} etcd=http://127.0.0.1:${3:?} etcd_peers=http://127.0.0.1:${4:?}
openssl genrsa -out sa.key 2048 2>/dev/null
echo 'admin-token,admin,1,system:masters' >tokens.csv
pids=()
trap 'trap - EXIT; kill "${pids[@]}" 2>/dev/null; wait' EXIT
trap 'exit 0' INT TERM
"$bin/etcd" --data-dir etcd --listen-client-urls "$etcd" --advertise-client-urls "$etcd" --listen-peer-urls "$etcd_peers" \
  --initial-advertise-peer-urls "$etcd_peers" --initial-cluster "default=$etcd_peers" --log-level warn >etcd.log 2>&1 &
pids+=($!)
"$bin/kube-apiserver" --etcd-servers="$etcd" --bind-address=127.0.0.1 --advertise-address=127.0.0.1 --secure-port="$2" \
  --cert-dir=certs --token-auth-file=tokens.csv --authorization-mode=RBAC --service-cluster-ip-range=10.96.0.0/16 \
  --service-account-issuer=https://kubernetes.default.svc --service-account-key-file=sa.key --service-account-signing-key-file=sa.key \
  --api-audiences=https://kubernetes.default.svc,istio-ca --disable-admission-plugins=ServiceAccount \
  --endpoint-reconciler-type=none >kube-apiserver.log 2>&1 &
pids+=($!)
until [[ $(curl -sk --noproxy '*' -H 'Authorization: Bearer admin-token' "$api/readyz") == ok ]]; do
  kill -0 "${pids[@]}" || exit 1
  sleep 0.2
done
cat >kubeconfig.part <<CONFIG
{apiVersion: v1, kind: Config, current-context: k, contexts: [{name: k, context: {cluster: k, user: admin}}],
clusters: [{name: k, cluster: {server: "$api", insecure-skip-tls-verify: true}}],
users: [{name: admin, user: {token: admin-token}}]}
CONFIG
mv kubeconfig.part kubeconfig
echo "kube: ready"
wait -n
