#!/usr/bin/env bats
# Ends of all kinds at moments of all kinds: nothing of ours stays inside QEMU or on disk, at the latest when the next
# run has begun; and that run's delta has all that changed.
load helpers
# shellcheck source=../support/qemu.bash
source "$HX_ROOT/tests/support/qemu.bash"
teardown() { qemu_stop; teardown_mounts; }

apply() { "$HX_ROOT/tests/support/apply_stream" "$@"; }
begun() {
  qemu-img create -q -f qcow2 d.qcow2 32M
  daemon_start qsd d.qcow2
  hx-cbt enable "qemu:$monitor"
  make_dense "$qemu_dir/data" 8M
  dd if="$qemu_dir/data" of="$qemu_dir/qsd.d0" bs=1M conv=notrunc status=none
  writer_start "$qemu_dir/qsd.d0" "$1"
  before=$(names_inside)
  proxy_start
  hx-fetch "qemu:$qemu_dir/proxy.qmp" >g.stream
  token=$(apply --token 0 <g.stream)
  apply disk.img <g.stream
  copies_done
}
# delta_is_right: what comes now is the point that QEMU copied last.
delta_is_right() {
  copies_done
  rm -f "$qemu_dir"/copy-*
  hx-cbt-diff --since "$token" "qemu:$qemu_dir/proxy.qmp" >g.stream
  apply disk.img <g.stream
  copies_done
  cmp disk.img "$qemu_dir"/copy-*.raw
}
# pause SECONDS, at most: a moment to be killed at.
pause() { read -r -t "$1" <> <(:) || true; }

@test "a run that is ended by a signal takes everything with it" {
  begun 11
  local signal
  for signal in TERM INT HUP; do
    mkfifo fifo
    setsid hx-cbt-diff --since "$token" "qemu:$qemu_dir/proxy.qmp" >fifo 2>err.$signal 3>&- &
    local pid=$!
    exec 9<fifo
    head -c 100 <&9 >/dev/null
    [ "$(qmp query-jobs)" != '[]' ]
    [ "$signal" = INT ] || kill -$signal "$pid"
    [ "$signal" != INT ] || kill -TERM "$pid"
    status=0
    wait "$pid" || status=$?
    exec 9<&-
    rm fifo
    [ "$status" -gt 128 ] || fail "status $status: $(cat err.$signal)"
    copies_done
    assert_nothing_left "$before"
  done
  delta_is_right
}

@test "a run that is killed at random moments leaves nothing that the next one does not clear" {
  begun 12
  local pid
  for _ in 1 2 3 4 5 6 7 8; do
    hx-cbt-diff --since "$token" "qemu:$qemu_dir/proxy.qmp" >killed.stream 2>/dev/null 3>&- &
    pid=$!
    pause "0.0$((RANDOM % 100))"
    kill -9 "$pid" 2>/dev/null || true
    wait "$pid" || true
  done
  delta_is_right
  assert_nothing_left "$before"
}

@test "QEMU that is killed amid a run: it fails, leaves no files, and the next run needs a full" {
  begun 13
  mkfifo fifo
  hx-cbt-diff --since "$token" "qemu:$monitor" >fifo 2>err 3>&- &
  local pid=$!
  exec 9<fifo
  head -c 100 <&9 >/dev/null
  [ "$(qmp query-jobs)" != '[]' ]
  daemon_kill qsd
  cat <&9 >/dev/null
  exec 9<&-
  status=0
  wait "$pid" || status=$?
  [ "$status" -eq 5 ] || [ "$status" -eq 0 ] || fail "status $status: $(cat err)"
  [ -z "$(ls -A "$TMPDIR")" ]
  daemon_start again d.qcow2
  expect_status 4 hx-cbt-diff --progress json --since "$token" "qemu:$monitor"
  expect_err '"reason":"cbt-disabled"'  # they were never saved
}

@test "a job that somebody ends is found out: what was read may be of a later time" {
  begun 14
  mkfifo fifo
  hx-fetch --limit-rate 2M "qemu:$monitor" >fifo 2>err 3>&- &
  local pid=$! job
  exec 9<fifo
  head -c 100 <&9 >/dev/null
  job=$(qmp query-jobs | jq -r '.[].id')
  qmp job-cancel "{\"id\": \"$job\"}"
  cat <&9 >/dev/null
  exec 9<&-
  status=0
  wait "$pid" || status=$?
  [ "$status" -eq 3 ] || fail "status $status: $(cat err)"
  assert_nothing_left "$before"
}
