#!/usr/bin/env bash
# Installs the peers that the suites of this folder need, into $PEERS_HOME (default ~/.cache/mesh-peers).
#
#   npm run peers:install              all of them
#   npm run peers:install -- envoy     this one
#
# A peer that cannot be installed does not keep the others from it; the exit code tells.
set -uo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
peers=("$@")
if [[ ${#peers[@]} -eq 0 ]]; then
  for script in "$here"/install/*.sh; do
    name=$(basename "$script" .sh)
    [[ $name == common ]] || peers+=("$name")
  done
fi
failed=0
for name in "${peers[@]}"; do
  bash "$here/install/$name.sh" || failed=1
done
exit $failed
