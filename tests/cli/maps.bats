#!/usr/bin/env bats
# Maps of disks are exchanged with qemu-img, nbdinfo, bmaptool and ddrescue.
load helpers

# The parts that the stream of hx-fetch --extents MAP covers, as [[offset, length], ...].
covered_by() { hx-fetch --extents "$1" "${2:-disk.img}" | grep -aoE '\{"key":[^}]*\}' | jq -c .ranges; }
# Two islands on blocks of 4 KiB, in 8 MiB and a bit.
make_islands() {
  make_zero disk.img $((8 * 1048576 + 4096))
  put_bytes disk.img 40960 12288
  put_bytes disk.img 4096000 8192
}
islands='[[40960,12288],[4096000,8192]]'

@test "what qemu-img and nbdinfo say of an image selects the same bytes" {
  require qemu-img nbdinfo qemu-nbd
  make_islands
  qemu-img convert -f raw -O qcow2 -o cluster_size=4k disk.img disk.qcow2
  qemu-img map --output=json -f qcow2 disk.qcow2 >qemu.json
  nbdinfo --map --json -- [ qemu-nbd -r -f qcow2 disk.qcow2 ] >nbd.json
  # To qemu-img what no layer has is not present, so a map of changes stays one; nbdinfo tells of zeros.
  [ "$(covered_by qemu.json)" = "$islands" ] || fail "$(covered_by qemu.json)"
  jq -e 'map(select(.description == "data") | [.offset, .length]) == '"$islands" nbd.json
  hx-fetch --extents nbd.json disk.img | hx-restore -o copy.img
  assert_same disk.img copy.img
  assert_sparse copy.img 4M
}

@test "bmaptool and hx-fetch find the same blocks, and take each other's maps" {
  require bmaptool jq
  make_islands
  bmaptool -q create disk.img -o theirs.bmap
  hx-fetch --map bmap disk.img >ours.bmap
  blocks() { sed -nE 's|.*<Range[^>]*> *([-0-9]+) *</Range>|\1|p' "$1"; }
  diff <(blocks theirs.bmap) <(blocks ours.bmap)
  [ "$(blocks ours.bmap | xargs)" = '10-12 1000-1001' ]
  for map in theirs.bmap ours.bmap; do
    [ "$(covered_by "$map")" = "$islands" ] || fail "$map: $(covered_by "$map")"
    rm -f copy.img
    bmaptool -q copy --bmap "$map" disk.img copy.img
    assert_same disk.img copy.img
  done
}

@test "a bmap that was changed is refused, by its own checksum" {
  make_islands
  hx-fetch --map bmap disk.img | sed 's/ 10-12 / 10-13 /' >changed.bmap
  expect_status 1 hx-fetch --extents changed.bmap disk.img
  expect_one_error hx-fetch
  expect_err 'changed.bmap: map: ' checksum
}

@test "ddrescue reads only what hx-fetch says is data" {
  require ddrescue ddrescuelog
  make_islands
  hx-fetch --map ddrescue disk.img >data.map
  ddrescuelog --list-blocks=+ --block-size=4096 data.map | xargs >blocks
  [ "$(cat blocks)" = '10 11 12 1000 1001' ]
  ddrescue -q --domain-mapfile=data.map --extend-outfile="$(size_of disk.img)" disk.img copy.img copy.map
  assert_same disk.img copy.img
  [ "$(covered_by copy.map copy.img)" = "$islands" ] || fail "$(covered_by copy.map copy.img)"
}

@test "of a rescued disk only what ddrescue has finished is sent" {
  require ddrescue
  make_dense disk.img 1M
  # The sectors from 64 KiB to 96 KiB cannot be read.
  printf '0 + 1\n0 0x10000 +\n0x10000 0x8000 -\n0x18000 0xE8000 +\n' >bad.map
  ddrescue -q --test-mode=bad.map disk.img rescued.img rescued.map
  [ "$(covered_by rescued.map rescued.img)" = '[[0,65536],[98304,950272]]' ] ||
    fail "$(covered_by rescued.map rescued.img)"
  # A good copy, and on it what was rescued: nothing of the bad part, which is a hole in rescued.img.
  cp disk.img target.img
  hx-fetch --extents rescued.map rescued.img | hx-restore --in-place --force -o target.img
  assert_same disk.img target.img
}
