#!/usr/bin/env bash
# nginx: the one of the system where there is one, else that of Debian's package, unpacked and not installed. Needs no root.
. "$(dirname "$0")/common.sh"
skip_if 1 nginx
part=$PEERS_HOME/nginx.part
rm -rf "$part"
mkdir -p "$part/lists/partial" "$part/archives/partial"
fetch() { (cd "$part" && apt-get -q "$@" download nginx); }
if system=$(PATH=$PATH:/usr/sbin:/usr/local/sbin command -v nginx); then
  ln -sf "$system" "$bin/nginx"
else
  # Lists of packages of our own, where the system's are not there or are older than the mirror.
  own=(-o "Dir::State::lists=$part/lists" -o "Dir::Cache::archives=$part/archives" -o Dir::Cache::pkgcache= -o Dir::Cache::srcpkgcache=)
  if ! fetch >>"$log" 2>&1; then
    quietly apt-get -q "${own[@]}" update
    quietly fetch "${own[@]}"
  fi
  quietly dpkg-deb -x "$part"/nginx_*.deb "$part/files"
  mv -f "$part/files/usr/sbin/nginx" "$bin/nginx"
fi
rm -rf "$part"
# It is linked with libraries that the package does not hold: they are on most machines.
quietly "$bin/nginx" -v
done_with nginx
