#!/usr/bin/env bash
# `gcp`: cache and server of envoyproxy/go-control-plane over files. Needs Go; a first build takes about a minute.
. "$(dirname "$0")/common.sh"
skip_if v0.14.0-sds gcp
build gcp go-control-plane .
done_with gcp
