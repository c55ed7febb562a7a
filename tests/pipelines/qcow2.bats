#!/usr/bin/env bats
# qcow2 images are read without QEMU: the same bytes, the same map and the same refusals as QEMU has.
load helpers
# shellcheck source=tests/support/qcow2.bash
source "$HX_ROOT/tests/support/qcow2.bash"

setup() {
  hx_setup
  require qemu-img qemu-io jq
}

# same IMAGE: read by us is read by QEMU.
same() {
  raw_of "$1" want.raw
  hx-fetch -q --raw "$1" | cmp - want.raw || fail "$1: other bytes"
  [ "$(hx-fetch --map=json "$1" | zero_map)" = "$(qemu-img map --output=json "$1" | zero_map)" ] ||
    fail "$1: another map" "$(hx-fetch --map=json "$1" | zero_map)" "$(qemu-img map --output=json "$1" | zero_map)"
}
# no_qemu COMMAND…: with a PATH in which there is no qemu-nbd.
no_qemu() { PATH="$HX_BIN:/nowhere" "$(command -v "$1")" "${@:2}"; }

@test "clusters of each size, both versions, each refcount width: bytes and map are QEMU's" {
  local version bits size
  for version in 0.10 1.1; do
    for size in 512 4k 64k 2M; do
      q_create a.qcow2 6M -o "compat=$version,cluster_size=$size"
      q_write a.qcow2 'write -P 1 0 5000' 'write -P 2 1000k 700k' 'write -P 3 5M 1M' 'discard 1100k 64k' 'write -z 5M 300k'
      same a.qcow2
    done
  done
  for bits in 1 2 8 64; do
    q_create a.qcow2 3M -o "refcount_bits=$bits"
    q_write a.qcow2 'write -P 7 100k 1M'
    same a.qcow2
  done
}

@test "compressed clusters: deflate and zstd, of each size, between others" {
  local kind size
  make_sparse disk.img 5M
  text_bytes 1500000 | dd of=disk.img bs=64k seek=40 conv=notrunc status=none
  for kind in zlib zstd; do
    for size in 4k 64k 2M; do
      qemu-img convert -c -f raw -O qcow2 -o "compression_type=$kind,cluster_size=$size" disk.img a.qcow2
      same a.qcow2
      q_write a.qcow2 'write -P 9 3M 100k' 'write -z 2560k 64k'
      same a.qcow2
    done
  done
  # Pieces that are no clusters.
  [ "$(hx-fetch -q --raw --range 2621441+70001 a.qcow2 | sha256sum)" = \
    "$(raw_of a.qcow2 w.raw; tail -c +2621442 w.raw | head -c 70001 | sha256sum)" ]
}

@test "subclusters, preallocation, an external data file, a disk that is no multiple of a cluster" {
  q_create sub.qcow2 4M -o extended_l2=on,cluster_size=128k
  q_write sub.qcow2 'write -P 1 4k 4k' 'write -P 2 1M 130k' 'write -z 1060k 8k' 'write -z 2M 4k' 'discard 4k 4k'
  same sub.qcow2
  q_create pre.qcow2 3M -o preallocation=falloc
  q_write pre.qcow2 'write -P 4 1M 64k' 'write -z 1M 64k'
  same pre.qcow2
  q_create data.qcow2 3M -o data_file=data.raw
  q_write data.qcow2 'write -P 5 0 64k' 'write -P 6 2M 100k'
  same data.qcow2
  q_create rawdata.qcow2 3M -o data_file=rawdata.raw,data_file_raw=on
  q_write rawdata.qcow2 'write -P 5 0 64k' 'write -z 0 64k'
  same rawdata.qcow2
  q_create odd.qcow2 1000448
  q_write odd.qcow2 'write -P 6 900k 72k'
  same odd.qcow2
  q_create none.qcow2 0
  [ "$(hx-fetch -q --raw none.qcow2 | wc -c)" -eq 0 ]
}

@test "chains: raw and qcow2 below, shorter ones, zeros over data, subclusters over a base" {
  make_sparse base.raw 2M
  q_create one.qcow2 3M -F raw -b base.raw
  q_write one.qcow2 'write -P 1 100k 50k' 'write -z 0 64k' 'write -P 2 2500k 64k'
  same one.qcow2
  q_create two.qcow2 4M -F qcow2 -b one.qcow2 -o extended_l2=on
  q_write two.qcow2 'write -P 3 110k 2k' 'write -z 2500k 8k' 'write -P 4 3900k 64k'
  same two.qcow2
  q_create three.qcow2 1M -F qcow2 -b two.qcow2 -o cluster_size=512
  same three.qcow2
  no_qemu hx-fetch -q --raw two.qcow2 | cmp - <(raw_of two.qcow2 w.raw && cat w.raw)
}

@test "a snapshot in an image, by name and by id, of another size than the disk, and beside its backing file" {
  make_dense base.raw 2M
  q_create a.qcow2 2M -F raw -b base.raw
  q_write a.qcow2 'write -P 1 100k 300k'
  qemu-img snapshot -c mon a.qcow2
  q_write a.qcow2 'write -P 2 200k 300k'
  qemu-img snapshot -c 'a b#c' a.qcow2
  qemu-img resize -q a.qcow2 3M
  q_write a.qcow2 'write -P 3 0 2M'
  for name in mon 'a b#c'; do
    raw_of a.qcow2 want.raw "$name"
    no_qemu hx-fetch -q --raw "a.qcow2#snapshot=$name" | cmp -n 2097152 - want.raw
    [ "$(hx-fetch -q --raw "a.qcow2#snapshot=$name" | wc -c)" -eq 2097152 ]
  done
  hx-fetch -q --raw 'a.qcow2#snapshot-id=1' | cmp - <(hx-fetch -q --raw 'a.qcow2#snapshot=mon')
  same a.qcow2
  expect_status 2 hx-fetch --raw 'a.qcow2#snapshot=tue'
  expect_err "has no checkpoint 'tue'"
  qemu-img snapshot -c mon a.qcow2
  expect_status 10 hx-fetch --raw 'a.qcow2#snapshot=mon'
  expect_err 'several checkpoints' '1 3'
  # A file whose name looks like it.
  cp base.raw 'b.raw#snapshot=x'
  hx-fetch -q --raw 'b.raw#snapshot=x' | cmp - base.raw
}

@test "refused: encrypted, a format of the backing file that is not said, corrupt; cut short is no zeros" {
  # The header says so; qemu-img cannot make one on a machine that is too busy to measure itself.
  q_create luks.qcow2 1M
  printf '\0\0\0\2' | dd of=luks.qcow2 bs=1 seek=32 conv=notrunc status=none
  expect_status 8 hx-fetch --raw luks.qcow2
  expect_err encrypted
  q_create a.qcow2 2M
  q_write a.qcow2 'write -P 1 0 2M'
  truncate -s 1M a.qcow2
  expect_status 1 hx-fetch --raw a.qcow2
  expect_err 'cut short'
  # A table beyond the end.
  q_create b.qcow2 1M
  printf '\0\0\0\0\0\1\0\0' | dd of=b.qcow2 bs=1 seek=40 conv=notrunc status=none
  truncate -s 65536 b.qcow2
  expect_status 1 hx-fetch --raw b.qcow2
}

@test "a disk that QEMU writes to is refused, and with --force read; while we read, QEMU does not write" {
  q_create a.qcow2 2M
  q_write a.qcow2 'write -P 1 0 2M'
  mkfifo hold
  qemu-io -f qcow2 a.qcow2 <hold >qemu.out 2>&1 3>&- &
  local qemu=$!
  exec 9>hold
  echo 'read 0 512' >&9
  until grep -q 'read 512' qemu.out; do kill -0 $qemu; done
  expect_status 10 hx-fetch --raw a.qcow2
  expect_err 'QEMU for writing'
  hx-fetch -q --raw --force a.qcow2 | cmp - <(head -c 2M /dev/zero | tr '\0' '\1')
  exec 9>&-
  wait $qemu
  # The pipe is full: hx-fetch waits in the middle of its work.
  mkfifo out
  hx-fetch -q --raw a.qcow2 >out 3>&- 9>&- &
  local ours=$!
  exec 8<out
  head -c 1 <&8 >/dev/null
  ! qemu-io -f qcow2 -c 'write 0 512' a.qcow2 >qemu.out 2>&1 || fail 'QEMU writes'
  grep -q lock qemu.out
  qemu-io -r -f qcow2 -c 'read 0 512' a.qcow2 >/dev/null
  cat <&8 >/dev/null
  exec 8<&-
  wait $ours
}
