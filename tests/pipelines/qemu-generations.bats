#!/usr/bin/env bats
# A machine that keeps writing, and its disks at points in time: each is compared with a full copy that QEMU itself made
# of the same point, in the same transaction. The extent streams are read by a model that shares no code with ours.
load helpers
# shellcheck source=../support/qemu.bash
source "$HX_ROOT/tests/support/qemu.bash"
teardown() { qemu_stop; teardown_mounts; }

apply() { "$HX_ROOT/tests/support/apply_stream" "$@"; }
token_of() { apply --token "${2:-0}" <"$1"; }
# same_as_copy N DISK IMAGE: the N-th point in time.
same_as_copy() {
  copies_done
  cmp -- "$3" "$qemu_dir/copy-$1-$2.raw" || fail "point $1 of disk $2 is not what QEMU copied"
  rm "$qemu_dir/copy-$1-$2.raw"
}

# generations COUNT: a full, then deltas, each since the one before; the writer never stops.
generations() {
  local number token
  hx-cbt enable "qemu:$monitor"
  proxy_start
  hx-fetch "qemu:$qemu_dir/proxy.qmp" >g.stream
  apply disk.img <g.stream
  same_as_copy 0 0 disk.img
  for ((number = 1; number <= $1; number++)); do
    token=$(token_of g.stream)
    [[ $token == qemu:1:* ]] || fail "no token: $token"
    hx-cbt-diff --since "$token" "qemu:$qemu_dir/proxy.qmp" >g.stream
    apply disk.img <g.stream 2>kind
    [ "$(cat kind)" = delta ]
    same_as_copy "$number" 0 disk.img
  done
}

@test "a daemon that keeps writing to a qcow2: a full and seven deltas are each the point in time that QEMU copied" {
  qemu-img create -q -f qcow2 d.qcow2 50331648
  daemon_start qsd d.qcow2
  local before
  before=$(names_inside)
  writer_start "$qemu_dir/qsd.d0" 1
  generations 7
  writer_stop
  assert_nothing_left "$before"
}

@test "a raw disk off every grid, written faster: the same" {
  truncate -s 20973056 d.raw
  daemon_start qsd d.raw
  writer_start "$qemu_dir/qsd.d0" 2 0.0005
  generations 5
}

@test "two disks are of one moment, and each delta is of its own" {
  qemu-img create -q -f qcow2 a.qcow2 16M
  qemu-img create -q -f qcow2 b.qcow2 9M
  daemon_start qsd a.qcow2 b.qcow2
  hx-cbt enable "qemu:$monitor"
  writer_start "$qemu_dir/qsd.d0" 3
  writer_start "$qemu_dir/qsd.d1" 4
  proxy_start
  hx-fetch "qemu:$qemu_dir/proxy.qmp" >g.stream
  apply a.img b.img <g.stream
  same_as_copy 0 0 a.img
  same_as_copy 0 1 b.img
  hx-cbt-diff --since "$(token_of g.stream 1)" --since "$(token_of g.stream 0)" "qemu:$qemu_dir/proxy.qmp" >g2.stream
  apply b.img a.img <g2.stream
  same_as_copy 1 0 b.img
  same_as_copy 1 1 a.img
}

@test "what was read but never sealed is in the next delta, too" {
  qemu-img create -q -f qcow2 d.qcow2 32M
  daemon_start qsd d.qcow2
  hx-cbt enable "qemu:$monitor"
  writer_start "$qemu_dir/qsd.d0" 5
  proxy_start
  local token
  hx-fetch "qemu:$qemu_dir/proxy.qmp" >g.stream
  token=$(token_of g.stream)
  apply disk.img <g.stream
  # The sink dies: by its own end, by a full disk, by a signal.
  hx-cbt-diff --since "$token" "qemu:$qemu_dir/proxy.qmp" | head -c 1000 >/dev/null || true
  hx-cbt-diff --since "$token" "qemu:$qemu_dir/proxy.qmp" >/dev/full || true
  hx-cbt-diff --since "$token" "qemu:$qemu_dir/proxy.qmp" >g.stream
  apply disk.img <g.stream
  copies_done
  cmp disk.img "$qemu_dir/copy-3-0.raw"
  [ "$(bitmaps_of d0 | wc -l)" -eq 5 ]
}

@test "a machine of QEMU, without a guest: its devices are its disks" {
  qemu-img create -q -f qcow2 d.qcow2 8M
  machine_start vm d.qcow2
  hx-cbt enable "qemu:$monitor"
  local before
  before=$(names_inside)
  proxy_start
  hx-fetch "qemu:$qemu_dir/proxy.qmp" >g.stream
  apply disk.img <g.stream
  same_as_copy 0 0 disk.img
  qmp human-monitor-command '{"command-line": "qemu-io vd0 \"write -P 7 1M 100k\""}'
  qmp human-monitor-command '{"command-line": "qemu-io -d vd0 \"write -z -u 4M 64k\""}'
  hx-cbt-diff --since "$(token_of g.stream)" "qemu:$qemu_dir/proxy.qmp#vd0" >g2.stream
  apply disk.img <g2.stream
  same_as_copy 1 0 disk.img
  [ "$(stat -c %s g2.stream)" -lt 300000 ] || fail "a delta of $(stat -c %s g2.stream) bytes"
  assert_nothing_left "$before"
  kill "$(cat "$qemu_dir/proxy.pid")"
}
