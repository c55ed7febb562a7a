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

# What is in a file's names must not move the cursor, nor turn text around: C0, C1 (as UTF-8 and as a byte), bidi.
@test "names from files do not reach a terminal as they are" {
  make_sparse disk.img 1M
  local csi=$'\xc2\x9b' override=$'\xe2\x80\xae' name
  name="a${csi}31mb${override}c"
  hx-snap-pack -q --name "$name" disk.img -o vm.mirn
  make_dense dense.img 4M
  head -c 3000000 <(hx-fetch dense.img 2>/dev/null) | hx-snap-pack -q --resume -o "$name.mirn" || true
  local raw
  for command in 'hx-info vm.mirn' 'hx-info --json vm.mirn' 'hx-ckpt show .*.checkpoint' 'hx-ckpt show -v .*.checkpoint' \
    'hx-ckpt show --json .*.checkpoint' 'hx-ckpt list' 'hx-ckpt list --json' 'hx-ckpt check .*.checkpoint' \
    'hx-restore --json vm.mirn -o x.img' 'hx-restore --progress json vm.mirn -o y.img 2>&1' 'hx-info .*.checkpoint 2>&1 || true'; do
    bash -c "$command" >../shown
    [ -s ../shown ] || fail "nothing: $command"
    for raw in "$csi" "$override" $'\033'; do
      ! grep -qF "$raw" ../shown || fail "raw: $command"
    done
  done
  hx-info vm.mirn >../shown
  grep -qF '\x9b31m' ../shown
  [ "$(hx-info --json vm.mirn | jq -r .name)" = "$name" ]
}
