#!/usr/bin/env bash
# `etcd`, `kube-apiserver` and `kubectl`: a Kubernetes API without nodes, for istiod. Needs Go; a first build takes 7 minutes.
. "$(dirname "$0")/../common.sh"
skip_if v1.34.3 etcd kube-apiserver kubectl
name=k8s.io/component-base/version.git
build etcd kube go.etcd.io/etcd/server/v3
build kube-apiserver kube k8s.io/kubernetes/cmd/kube-apiserver \
  -ldflags="-s -w -X ${name}Version=$version -X ${name}Major=1 -X ${name}Minor=34"
build kubectl kube k8s.io/kubernetes/cmd/kubectl
done_with etcd kube-apiserver kubectl
