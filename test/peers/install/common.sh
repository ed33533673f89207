# Sourced by every install script: one peer, one line on stdout, the rest in a log outside the work tree.
#
# A script is named for its peer, says its version and the files it makes, and does nothing where that very version is there:
#
#   skip_if VERSION FILE...   leave if so
#   build NAME FOLDER PACKAGE build NAME from the module in test/peers/FOLDER, pinned by its go.sum
#   done_with FILE...         say what was made
set -euo pipefail
peers=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
peer=$(basename "$0" .sh)
PEERS_HOME=${PEERS_HOME:-$HOME/.cache/mesh-peers}
bin=$PEERS_HOME/bin
log=$PEERS_HOME/log/$peer.log
mkdir -p "$bin" "$PEERS_HOME/log"

skip_if() {
  version=$1 stamp=$PEERS_HOME/log/$peer.version
  shift
  [[ -f $stamp && $(<"$stamp") == "$version" ]] || return 0
  local file
  for file; do [[ -x $bin/$file ]] || return 0; done
  echo "$peer $version: already in $bin"
  exit 0
}

# Logs the output of a command; when it fails, shows the end of it and leaves.
quietly() {
  "$@" >>"$log" 2>&1 </dev/null || {
    tail -n 15 "$log" >&2
    echo "$peer: failed, see $log" >&2
    exit 1
  }
}

build() {
  local name=$1 folder=$2 package=$3
  shift 3
  quietly env -C "$peers/$folder" GOFLAGS=-mod=readonly GOWORK=off \
    go build -trimpath -buildvcs=false -ldflags='-s -w' "$@" -o "$bin/$name.part" "$package"
  mv "$bin/$name.part" "$bin/$name"
}

done_with() {
  echo "$version" >"$stamp"
  echo "$peer $version: installed $* in $bin"
}
