#!/usr/bin/env bash
# `grpc-go-watcher`: a client of grpc-go that follows a feed. Needs Go; a first build takes about a minute.
. "$(dirname "$0")/common.sh"
skip_if v1.85.0 grpc-go-watcher
build grpc-go-watcher grpc-go .
done_with grpc-go-watcher
