#!/usr/bin/env bats
# hx-vdsk killed before each system call that changes the file: sound, as before or as after, and what a guest writes
# then reaches no checkpoint. The same sweep finds that qemu-img snapshot is not so.
load helpers
# shellcheck source=tests/support/qcow2.bash
source "$HX_ROOT/tests/support/qcow2.bash"
# shellcheck source=tests/support/vdsk.bash
source "$HX_ROOT/tests/support/vdsk.bash"

setup() {
  hx_setup
  require qemu-img qemu-io jq strace
  strace -o /dev/null true 2>/dev/null || skip 'no ptrace here'
  RANDOM=4
  vdsk_begin 2M -o cluster_size=4k
  local name
  for name in one two; do
    vdsk_write 6
    hx-vdsk create --name $name disk.qcow2
    cp model/active model/$name
  done
  vdsk_write 4
  cp -r model after
}

@test "killed at each call: create" {
  cp after/active after/three
  kill_sweep after hx-vdsk create --name three disk.qcow2
}
@test "killed at each call: delete" {
  rm after/one
  kill_sweep after hx-vdsk delete --name one disk.qcow2
}
@test "killed at each call: restore, and the disk saved in the same step" {
  mv after/active after/three
  cp after/one after/active
  kill_sweep after hx-vdsk restore --name one --save-as three disk.qcow2
}
@test "the sweep finds what qemu-img snapshot -a loses" {
  cp after/one after/active
  ! kill_sweep after qemu-img snapshot -a one disk.qcow2 >../log || fail 'the sweep finds nothing'
  grep -q 'lost after a write\|none' ../log
}
