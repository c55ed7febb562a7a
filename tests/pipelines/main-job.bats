#!/usr/bin/env bats
# A disk through a pipe into a snapshot and back: every way in, every form of the file, every way out, the same bytes.
load helpers

# packed_by WAY PACK: runs the command PACK so that disk.img reaches it that way.
packed_by() {
  local way=$1 pack=$2
  case $way in
    stream) hx-fetch disk.img | $pack ;;
    file) $pack disk.img ;;
    raw) $pack --input raw --size "$(size_of disk.img)" < <(cat disk.img) ;;
  esac
}
# make_image KIND
make_image() {
  rm -f disk.img
  case $1 in
    empty) : >disk.img ;;
    one-byte) printf x >disk.img ;;
    zero) make_zero disk.img 5000001 ;;
    zeros-written) head -c 3000000 /dev/zero >disk.img ;;
    dense) make_dense disk.img 3145729 ;;
    text) text_bytes 700001 >disk.img ;;
    islands) make_sparse disk.img 20000003 ;;
  esac
}

@test "pairwise over images, chunk sizes, levels, ways in and ways to write the header: the same bytes come back" {
  while read -r image chunk level way header; do
    make_image "$image"
    local pack="hx-snap-pack -q --chunk-size $chunk -$level"
    case $header in
      rewritten) packed_by "$way" "$pack -o vm.mirn" ;;
      redirected) packed_by "$way" "$pack" >vm.mirn ;;
      spooled) packed_by "$way" "$pack" | cat >vm.mirn ;;
      unsealed) packed_by "$way" "$pack --unsealed" | cat >vm.mirn ;;
      sealed-later) packed_by "$way" "$pack --no-checksum -o vm.mirn" && hx-snap-seal -q vm.mirn ;;
    esac
    local row="$image $chunk $level $way $header"
    hx-restore -q vm.mirn -o file.img && cmp file.img disk.img || fail "from a file: $row"
    hx-restore -q -o pipe.img < <(cat vm.mirn) && cmp pipe.img disk.img || fail "from a pipe: $row"
    body_of vm.mirn | zstd -dcq | cmp - disk.img || fail "zstd: $row"
    if [ "$header" != unsealed ]; then
      [ "$(header_of vm.mirn | jq -r .checksum)" = "$(sha256_of disk.img)" ] || fail "checksum: $row"
    fi
    rm vm.mirn file.img pipe.img
  done <<'END'
empty 64K 1 stream rewritten
empty 1M 3 file spooled
empty 4M 19 raw unsealed
empty 256K 9 stream sealed-later
one-byte 64K 3 raw redirected
one-byte 1M 19 stream unsealed
one-byte 4M 1 file rewritten
zero 64K 19 file sealed-later
zero 1M 1 raw rewritten
zero 4M 3 stream redirected
zero 256K 3 file unsealed
zeros-written 64K 3 stream spooled
zeros-written 1M 9 file redirected
zeros-written 4M 1 raw sealed-later
dense 64K 1 raw spooled
dense 1M 3 stream rewritten
dense 4M 9 file unsealed
dense 256K 1 stream redirected
text 64K 9 file redirected
text 1M 1 stream sealed-later
text 4M 19 stream spooled
text 256K 3 raw rewritten
islands 64K 3 stream unsealed
islands 1M 9 raw unsealed
islands 4M 3 file sealed-later
islands 256K 9 stream spooled
islands 1M 1 file rewritten
END
}

@test "the main job: through one pipe into a file, and back, with its files readable" {
  mkdir files
  text_bytes 300000 >files/a
  make_dense files/b 1M
  make_ext4 disk.img 64M files
  hx-fetch disk.img | hx-snap-pack -o vm.mirn
  hx-restore vm.mirn -o restored.img
  assert_same restored.img disk.img
  e2fsck -fn restored.img >../fsck 2>&1 || fail "$(cat ../fsck)"
  debugfs -R 'cat /a' restored.img 2>/dev/null | cmp - files/a
  debugfs -R 'cat /b' restored.img 2>/dev/null | cmp - files/b
  assert_sparse restored.img 24M
  hx-info --json vm.mirn | jq -e '.filesystem == "ext4"'
}

@test "without a snapshot in between, a disk is copied, verified on the way" {
  make_sparse disk.img 64M
  hx-fetch disk.img | hx-restore -o copy.img
  assert_same copy.img disk.img
  assert_sparse copy.img 6M
}

@test "a snapshot that went through a pipe is what one written to a file is, but for its identity" {
  make_sparse disk.img 8M
  hx-snap-pack disk.img -o file.mirn
  hx-fetch disk.img | hx-snap-pack | cat >pipe.mirn
  for key in tree checksum size name frames data_bytes; do
    [ "$(hx-info --json file.mirn | jq ".$key")" = "$(hx-info --json pipe.mirn | jq ".$key")" ]
  done
}
