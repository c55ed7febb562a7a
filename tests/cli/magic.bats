#!/usr/bin/env bats
# The magic(5) entry: what file(1) says of snapshots and streams.
load helpers

says() { file -b -m "$HX_ROOT/man/hx.magic" "$@"; }

@test "file knows snapshots, sealed or not, ours or not, and streams" {
  require file
  make_dense disk.img 200K
  hx-fetch --name web disk.img >disk.stream
  hx-snap-pack --name web disk.img -o sealed.mirn
  hx-snap-pack --name web --unsealed disk.img | cat >unsealed.mirn
  [ "$(says disk.stream)" = 'hx extent stream, version 1' ]
  [ "$(says sealed.mirn)" = 'MIRN disk snapshot, version 1, with index, sealed, "name":"web"' ]
  [ "$(says unsealed.mirn)" = 'MIRN disk snapshot, version 1, with index, not sealed, "name":"web"' ]
  [ "$(says "$GOLDEN"/mirn-v1/good/hello.mirn)" = 'MIRN disk snapshot, version 1, "name":"hello"' ]
  [ "$(says --mime-type sealed.mirn)" = application/x-mirn ]
  [ "$(says --mime-type disk.stream)" = application/x-hx-stream ]
}

@test "file keeps version 2 apart, and takes no text that begins with MIRN" {
  require file
  printf 'MIRN\0\0\0\2\0\0\1\0{' >two.mirn
  printf 'MIRN is a format' >text
  [ "$(says two.mirn)" = 'MIRN disk snapshot, version 2' ]
  [[ $(says text) != *MIRN* ]]
}
