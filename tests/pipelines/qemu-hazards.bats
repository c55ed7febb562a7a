#!/usr/bin/env bats
# Tracking that is not to be trusted is found out, with its reason and status 4; and what is there of others stays.
load helpers
# shellcheck source=../support/qemu.bash
source "$HX_ROOT/tests/support/qemu.bash"
teardown() { qemu_stop; teardown_mounts; }

write() { printf '%s' "$2" | dd of="$qemu_dir/qsd.d0" bs=64K seek="$1" conv=notrunc status=none; }
# tracked NAME: a daemon whose disk is tracked, and a token.
tracked() {
  qemu-img create -q -f qcow2 d.qcow2 16M
  daemon_start qsd d.qcow2
  hx-cbt enable "qemu:$monitor"
  hx-fetch "qemu:$monitor" >full.stream
  token=$("$HX_ROOT/tests/support/apply_stream" --token 0 <full.stream)
  newest=$(bitmaps_of d0 | tail -n 1)
}
# needs_full REASON: an increment is refused, and its stream says why.
needs_full() {
  expect_status 4 hx-cbt-diff --progress json --since "$token" "qemu:$monitor"
  grep -q "\"reason\":\"$1\"" ../err || fail "not $1: $err"
  grep -aq "\"reason\":\"$1\"" ../out || fail "the stream does not say $1"
}

@test "tracking that was switched off: cbt-disabled" {
  tracked
  hx-cbt disable "qemu:$monitor"
  [ -z "$(bitmaps_of d0)" ]
  needs_full cbt-disabled
}

@test "a bitmap that is gone: bitmap-missing; and the next full begins anew" {
  tracked
  write 3 x
  hx-cbt-diff --since "$token" "qemu:$monitor" >/dev/null
  qmp block-dirty-bitmap-remove "{\"node\": \"d0\", \"name\": \"$newest\"}"
  needs_full bitmap-missing
  hx-fetch "qemu:$monitor" >full.stream
  token=$("$HX_ROOT/tests/support/apply_stream" --token 0 <full.stream)
  hx-cbt-diff --since "$token" "qemu:$monitor" >/dev/null
}

@test "a bitmap that somebody disabled: bitmap-disabled; and the next full begins anew" {
  tracked
  qmp block-dirty-bitmap-disable "{\"node\": \"d0\", \"name\": \"$newest\"}"
  write 3 x
  needs_full bitmap-disabled
  hx-fetch "qemu:$monitor" >full.stream
  token=$("$HX_ROOT/tests/support/apply_stream" --token 0 <full.stream)
  hx-cbt-diff --since "$token" "qemu:$monitor" >/dev/null
}

@test "a bitmap of another granularity: granularity-changed" {
  tracked
  token=${token/:65536:/:32768:}
  needs_full granularity-changed
}

@test "a disk that has grown: size-changed" {
  tracked
  qmp block_resize '{"node-name": "d0", "size": 33554432}' || skip "this daemon cannot resize a disk"
  needs_full size-changed
}

@test "QEMU that was killed: bitmap-inconsistent; that ended well: the increment goes on" {
  tracked
  write 5 changed
  daemon_quit qsd
  daemon_start again d.qcow2
  hx-cbt-diff --map json --since "$token" "qemu:$monitor" >map
  [ "$(jq '[.[] | select(.present) | .length] | add' map)" = 65536 ]
  [ "$(jq 'first(.[] | select(.present) | .start)' map)" = 327680 ]
  daemon_kill again
  daemon_start third d.qcow2
  needs_full bitmap-inconsistent
  hx-fetch "qemu:$monitor" >full.stream
  token=$("$HX_ROOT/tests/support/apply_stream" --token 0 <full.stream)
  hx-cbt-diff --since "$token" "qemu:$monitor" >/dev/null
  qmp query-named-block-nodes '{"flat": true}' | jq -e 'all(.[]."dirty-bitmaps"[]?; .inconsistent != true)'
}

@test "an image that was put back has another history: bitmap-missing" {
  tracked
  daemon_quit qsd
  cp d.qcow2 old.qcow2
  daemon_start two d.qcow2
  hx-fetch "qemu:$monitor" >full.stream
  token=$("$HX_ROOT/tests/support/apply_stream" --token 0 <full.stream)
  daemon_quit two
  daemon_start three old.qcow2
  hx-fetch "qemu:$monitor" >/dev/null
  [ "$(bitmaps_of d0 | wc -l)" -eq 3 ]
  needs_full bitmap-missing
}

@test "what was trimmed is zero in the delta" {
  tracked
  write 8 data
  hx-fetch "qemu:$monitor" >full.stream
  token=$("$HX_ROOT/tests/support/apply_stream" --token 0 <full.stream)
  fallocate -p -o $((8 * 65536)) -l 65536 "$qemu_dir/qsd.d0"
  hx-cbt-diff --map json --since "$token" "qemu:$monitor" >map
  [ "$(jq -c '[.[] | select(.present) | {start, length, zero}]' map)" = '[{"start":524288,"length":65536,"zero":true}]' ]
}

@test "what is of others stays: bitmaps, nodes, exports, the NBD server" {
  # shellcheck disable=SC2034,SC2054  # for daemon_start; the commas are QEMU's
  daemon_export=none daemon_arguments=(--nbd-server "addr.type=unix,addr.path=$BATS_TEST_TMPDIR/nbd.sock"
    --export type=nbd,id=foreign,node-name=d0,name=foreign,writable=on)
  qemu-img create -q -f qcow2 d.qcow2 16M
  daemon_start qsd d.qcow2
  hx-cbt enable "qemu:$monitor"
  qmp block-dirty-bitmap-add '{"node": "d0", "name": "backup-1"}'
  expect_status 10 hx-fetch "qemu:$monitor"
  expect_err "already running" "?nbd="
  hx-fetch "qemu:$monitor?nbd=$BATS_TEST_TMPDIR/nbd.sock" >full.stream
  bitmaps_of d0 | grep -x backup-1
  qmp query-block-exports | jq -e 'map(.id) == ["foreign"]'
  nbdinfo "nbd+unix:///foreign?socket=$BATS_TEST_TMPDIR/nbd.sock" >/dev/null
}

@test "a token of something else is refused, and so is a source that tracks nothing" {
  tracked
  token='52 b4 49 50 30 2b 1d b6-51 46 74 5d f1 95 37 9b/16'
  needs_full token-foreign
  truncate -s 1M disk.img
  expect_status 4 hx-cbt-diff --since "$token" disk.img
}

@test "a monitor that another client has is told, and a socket that is none" {
  qemu-img create -q -f qcow2 d.qcow2 1M
  daemon_start qsd d.qcow2
  expect_status 2 hx-fetch "qemu:$qemu_dir/none"
  expect_status 2 hx-fetch "qemu:$monitor#d7"
  expect_err "'d7'"
}

@test "a qcow2 that no machine uses: its own bitmaps tell what changed, and which are not to be trusted" {
  tracked
  "$HX_ROOT/tests/support/apply_stream" disk.img <full.stream
  write 3 first
  hx-fetch "qemu:$monitor" >/dev/null
  write 9 second
  fallocate -p -o 0 -l 65536 "$qemu_dir/qsd.d0"
  daemon_quit qsd
  expect_status 0 hx-cbt-diff --map json --since "$token" d.qcow2
  [ "$(jq '[.[] | select(.present) | .length] | add' ../out)" = $((3 * 65536)) ]
  hx-cbt-diff --since "$token" d.qcow2 >delta.stream
  "$HX_ROOT/tests/support/apply_stream" disk.img <delta.stream
  qemu-img convert -O raw d.qcow2 now.img
  assert_same disk.img now.img
  # As snapshots they are a chain.
  hx-snap-pack -q -o full.mirn <full.stream
  hx-snap-pack -q -o delta.mirn <delta.stream
  hx-restore -q full.mirn delta.mirn -o restored.img
  assert_same restored.img now.img
  # Its own token asks for the same bitmaps again, which hold more than they must.
  local again
  again=$("$HX_ROOT/tests/support/apply_stream" --token 0 <delta.stream)
  [ "$again" != "$token" ]
  hx-cbt-diff --since "$again" d.qcow2 >/dev/null
  # Somebody wrote who does not know bitmaps: he cleared the autoclear feature.
  cp d.qcow2 stale.qcow2
  printf '\0' | dd of=stale.qcow2 bs=1 seek=95 conv=notrunc status=none
  expect_status 4 hx-cbt-diff --progress json --since "$token" stale.qcow2
  expect_err '"reason":"bitmap-inconsistent"'
  daemon_start crash d.qcow2
  daemon_kill crash
  expect_status 4 hx-cbt-diff --progress json --since "$token" d.qcow2
  expect_err '"reason":"bitmap-inconsistent"'
}
