#!/usr/bin/env bash
# `grpc-go-watcher`: a client of grpc-go that follows a feed, and tells or asks for a client's status; and a server by a feed. Needs Go; a first build takes about a minute.
. "$(dirname "$0")/common.sh"
skip_if v1.85.0-mtls grpc-go-watcher
build grpc-go-watcher grpc-go .
done_with grpc-go-watcher
