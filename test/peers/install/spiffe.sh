#!/usr/bin/env bash
# `spiffe-agent`: a SPIFFE Workload API by go-spiffe's messages. Needs Go; a first build takes about a minute.
. "$(dirname "$0")/common.sh"
skip_if v2.8.1-names spiffe-agent
build spiffe-agent spiffe .
done_with spiffe-agent
