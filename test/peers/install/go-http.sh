#!/usr/bin/env bash
# `go-http-server`: the HTTP server of Go's standard library. Needs Go; no module but that.
. "$(dirname "$0")/common.sh"
skip_if 1 go-http-server
build go-http-server go-http .
done_with go-http-server
