#!/usr/bin/env bash
# Installs the peers that the suites of this folder need, into $PEERS_HOME (default ~/.cache/mesh-peers).
#
#   npm run peers:install                       what `npm run test:peers` needs
#   npm run peers:install -- envoy              this one
#   npm run peers:install -- istiod consul      control planes, which take Go ten minutes each to build the first time
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
  script=$here/install/$name.sh
  [[ -f $script ]] || script=$here/install/optional/$name.sh
  bash "$script" || failed=1
done
exit $failed
