#!/usr/bin/env bash
# `consul`. Needs Go; a first build takes 8 to 14 minutes.
. "$(dirname "$0")/../common.sh"
skip_if v1.22.5 consul
build consul consul github.com/hashicorp/consul
done_with consul
