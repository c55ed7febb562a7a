#!/usr/bin/env bats
# Memory stays under 256 MiB, however large or incompressible the disk is.
load helpers

# lean COMMAND…: its largest resident set is under 256 MiB (shared pages of programs included).
lean() {
  require time
  local figure kib
  figure=$(mktemp -p ..)
  command -p time -f %M -o "$figure" "$@" || return
  kib=$(tail -n 1 "$figure")
  echo "$kib $*" >>../memory
  [ "$kib" -lt $((256 * 1024)) ] || fail "$kib KiB: $*"
}
# all_lean COUNT: so many were measured, those in the middle of pipelines too, and all were lean.
all_lean() {
  [ "$(wc -l <../memory)" -eq "$1" ]
  awk '$1 >= 256 * 1024 || $1 < 1000 { print; bad = 1 } END { exit bad }' ../memory || fail "$(cat ../memory)"
}

@test "600 MiB without a zero, nor anything to compress: packed and restored, from files and pipes" {
  make_dense disk.img 600M
  lean hx-fetch disk.img >disk.stream
  lean hx-snap-pack disk.img -o file.mirn
  lean hx-snap-pack -o vm.mirn <disk.stream
  rm disk.stream
  lean hx-restore vm.mirn -o - | cmp - disk.img
  rm file.mirn
  lean hx-restore vm.mirn -o restored.img
  assert_same restored.img disk.img
  rm restored.img
  # Through a pipe, with more threads than processors and the largest chunks.
  hx-fetch disk.img | lean hx-snap-pack -j 8 --chunk-size 4M --unsealed | lean hx-restore -j 8 -o restored.img
  assert_same restored.img disk.img
  all_lean 7
}

@test "8 TiB of holes with islands: packed, shown and restored, sparse and right" {
  truncate -s 8T disk.img 2>/dev/null || skip 'no files of 8 TiB here'
  for island in 0 1 2 3 4; do put_bytes disk.img $((island * 1759218604441 + 4097)) 1000003 "$island"; done
  put_bytes disk.img $(((1 << 43) - 77)) 77
  lean hx-fetch disk.img | lean hx-snap-pack --no-checksum -o vm.mirn
  lean hx-info --json vm.mirn >info
  jq -e '.size == 8796093022208' info
  lean hx-restore vm.mirn -o restored.img
  all_lean 4
  [ "$(size_of restored.img)" -eq $((1 << 43)) ]
  assert_sparse restored.img 8M
  # Data at the same places, and the same there.
  local start length
  for file in disk.img restored.img; do
    hx-fetch --map json $file | jq -r '.[] | select(.data) | "\(.start) \(.length)"' >map
    [ -s map ]
    while read -r start length; do cmp -i "$start" -n "$length" disk.img restored.img; done <map
  done
}
