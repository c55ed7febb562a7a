#!/usr/bin/env bats
# Binary data neither goes to a terminal nor comes from one.
load helpers

# refused TOOL COMMAND
refused() {
  on_a_terminal "$2"
  [ "$status" -eq 2 ] || fail "status $status, not 2: $2" "$out"
  expect_out "$1: error: " terminal
}

@test "an extent stream is not written to a terminal" {
  make_sparse disk.img 1M
  refused hx-fetch 'hx-fetch disk.img'
}
@test "a disk is not written to a terminal" {
  make_sparse disk.img 1M
  hx-snap-pack -q disk.img -o vm.mirn
  refused hx-restore 'hx-restore vm.mirn -o -'
}
@test "a snapshot is not written to a terminal" {
  make_sparse disk.img 1M
  refused hx-snap-pack 'hx-snap-pack disk.img'
}
@test "a stream is not read from a terminal" {
  refused hx-snap-pack 'hx-snap-pack -o vm.mirn'
  refused hx-restore 'hx-restore - -o disk.img'
  assert_no_files_left .
}
