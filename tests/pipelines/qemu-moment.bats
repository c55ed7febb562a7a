#!/usr/bin/env bats
# The moment that is read: file systems frozen for it and thawed in any case; given up before the machine is harmed.
load helpers
# shellcheck source=../support/qemu.bash
source "$HX_ROOT/tests/support/qemu.bash"
teardown() { qemu_stop; teardown_mounts; }

agent_start() {
  "$HX_ROOT/tests/support/guest_agent" "$qemu_dir/agent" agent.log "$@" 3>&- &
  echo $! >"$qemu_dir/agent.pid"
  until [ -e "$qemu_dir/agent" ]; do read -r -t 0.02 <> <(:) || true; done
}

@test "the guest agent freezes before the moment and thaws after it" {
  qemu-img create -q -f qcow2 d.qcow2 4M
  daemon_start vm d.qcow2
  agent_start
  hx-fetch "qemu:$monitor?agent=$qemu_dir/agent" >/dev/null
  [ "$(grep -v sync agent.log | tr '\n' ' ')" = 'guest-fsfreeze-freeze guest-fsfreeze-thaw ' ]
}

@test "an agent that does not freeze is told, and thawed all the same; nothing was begun" {
  qemu-img create -q -f qcow2 d.qcow2 4M
  daemon_start vm d.qcow2
  agent_start refuse
  local before
  before=$(names_inside)
  expect_status 8 hx-fetch --progress json "qemu:$monitor?agent=$qemu_dir/agent"
  expect_err 'fsfreeze hook has failed' '"reason":"freeze-failed"'
  tail -n 1 agent.log | grep -x guest-fsfreeze-thaw
  assert_nothing_left "$before"
}

@test "where what is overwritten has no room, the run is given up and the machine goes on" {
  qemu-img create -q -f qcow2 d.qcow2 96M
  daemon_start vm d.qcow2
  small_tmpfs small 110M
  dd if=/dev/urandom of="$qemu_dir/vm.d0" bs=1M count=96 conv=notrunc status=none
  local before
  before=$(names_inside)
  TMPDIR=$PWD/small hx-fetch --progress json --limit-rate 10M "qemu:$monitor" >fifo.out 2>../err 3>&- &
  local pid=$!
  until [ "$(qmp query-block-exports | jq length)" -gt 1 ]; do kill -0 "$pid"; done
  dd if=/dev/zero of="$qemu_dir/vm.d0" bs=1M count=96 conv=notrunc status=none
  status=0
  wait "$pid" || status=$?
  [ "$status" -eq 7 ] || fail "status $status: $(cat ../err)"
  grep -q '"reason":"overlay-full"' ../err || fail "$(cat ../err)"
  cmp -n $((96 << 20)) "$qemu_dir/vm.d0" /dev/zero
  assert_nothing_left "$before"
  [ -z "$(ls -A small)" ]
}
