#!/usr/bin/env bats
# hx-restore --salvage, --heal-from and --as-snapshot: what is good of a damaged snapshot is restored, exactly the rest is
# named, and a disk that still has it makes the snapshot what it was, byte for byte.
load helpers

# damage FILE COUNT SEED: flips so many bytes at random places.
damage() {
  perl -e 'my ($name, $count, $seed) = @ARGV; srand($seed); my $size = -s $name; my %done;
    open(my $f, "+<:raw", $name) or die; while (keys %done < $count) {
      my $at = int(rand($size)); next if $done{$at}++;
      seek($f, $at, 0); read($f, my $byte, 1); seek($f, $at, 0); print $f chr(ord($byte) ^ (1 + int(rand(255)))); }' "$@"
}
# check_salvaged IMAGE: what the map says is finished is as on disk.img, the rest zeros; and the receipt names the rest.
check_salvaged() {
  perl -e 'my ($got, $want, $map) = @ARGV; open(my $g, "<:raw", $got); open(my $w, "<:raw", $want); open(my $m, "<", $map);
    my $end = 0; my $status = 0; while (<$m>) { next if /^#/; next unless $status++; my ($at, $size, $state) = split;
      $at = hex($at); $size = hex($size); die "a gap at $at" if $at != $end; $end += $size;
      while ($size > 0) { my $n = $size < 1048576 ? $size : 1048576; read($g, my $a, $n); read($w, my $b, $n);
        $b = "\0" x $n if $state eq "-"; die "wrong at $at" if $a ne $b; $size -= $n; } }
    die "ends at $end" if $end != -s $want; die "size" if -s $got != -s $want;' "$1" disk.img map
  [ "$(jq -c '[.lost[] | [.offset, .length]]' receipt)" = \
    "$(awk '!/^#/ && $3 == "-" { print $1, $2 }' map | perl -ane 'BEGIN { print "[" } print $s++ ? "," : "", "[", hex($F[0]), ",", hex($F[1]), "]"; END { print "]" }')" ]
}
# make_archive [SIZE OF NOISE]: disk.img of 48 MiB and more, vm.mirn, good.mirn.
make_archive() {
  make_sparse disk.img $((48 * 1024 * 1024 + ${1:-0}))
  put_bytes disk.img 20971520 "${1:-8000000}" 5
  hx-snap-pack -q --chunk-size 64K disk.img -o vm.mirn
  cp vm.mirn good.mirn
}

@test "1, 100 and 10,000 damaged bytes: the rest is restored, what is lost is named, the disk and the snapshot are healed" {
  make_archive 200000000 # so that of 10,000 bytes some chunks are not hit
  for count in 1 100 10000; do
    cp good.mirn vm.mirn
    damage vm.mirn "$count" "$count"
    status=0
    hx-restore --salvage --salvage-map map --json -f vm.mirn -o got.img >receipt 2>../err || status=$?
    [ "$status" -eq "$([ "$(jq '.lost | length' receipt)" -eq 0 ] && echo 0 || echo 1)" ]
    check_salvaged got.img
    [ "$count" -eq 1 ] || [ "$status" -eq 1 ]
    expect_status 0 hx-restore -f --heal-from disk.img vm.mirn -o healed.img
    assert_same healed.img disk.img
    expect_status 0 hx-restore -f --as-snapshot --heal-from disk.img vm.mirn -o healed.mirn
    assert_same healed.mirn good.mirn
  done
}

@test "nothing is damaged: status 0, and all of it" {
  make_archive
  expect_status 0 hx-restore --salvage --salvage-map map --json vm.mirn -o got.img
  cp ../out receipt
  check_salvaged got.img
  assert_same got.img disk.img
  [ "$(jq -c .lost receipt)" = '[]' ]
}

@test "in place what is lost stays as it was; without --salvage nothing is touched" {
  make_archive
  flip_byte vm.mirn $(($(body_offset vm.mirn) + 100)) # the first chunk
  cp --sparse=always disk.img target.img
  put_bytes target.img 30000 100 9
  put_bytes target.img 30000000 100 9
  cp target.img before.img
  printf garbage | dd of=wrong.img bs=1 seek=1000 status=none
  truncate -s 48M wrong.img
  expect_status 1 hx-restore --heal-from wrong.img --in-place vm.mirn -o target.img
  assert_same target.img before.img
  expect_status 1 hx-restore --heal-from wrong.img vm.mirn -o new.img
  [ ! -e new.img ]
  expect_status 1 hx-restore --salvage --in-place vm.mirn -o target.img
  expect_err 'are lost: 0+65536'
  cmp -n 65536 target.img before.img
  cmp -i 65536 target.img disk.img
}

@test "a header, a directory and a cut: what is left is found" {
  make_archive
  flip_byte vm.mirn 0
  expect_status 0 hx-restore --salvage vm.mirn -o header.img
  assert_same header.img disk.img
  cp good.mirn vm.mirn
  flip_byte vm.mirn $(($(size_of vm.mirn) - 3)) # the seek table's footer
  expect_status 0 hx-restore --salvage vm.mirn -o footer.img
  assert_same footer.img disk.img
  truncate -s 5000000 vm.mirn # within the data
  expect_status 1 hx-restore --salvage --salvage-map map --json vm.mirn -o got.img
  cp ../out receipt
  check_salvaged got.img
  [ "$(jq '[.lost[].length] | add' receipt)" -lt 44000000 ]
}

# swap FILE A B LENGTH: two places of a file.
swap() {
  dd if="$1" of=first bs="$4" iflag=skip_bytes skip="$2" count=1 status=none
  dd if="$1" of="$1" bs="$4" iflag=skip_bytes oflag=seek_bytes skip="$3" seek="$2" count=1 conv=notrunc status=none
  dd if=first of="$1" oflag=seek_bytes seek="$3" conv=notrunc status=none
  rm first
}
# entry_of FILE N: where the N-th entry of the first page begins: its sizes, then XXH3 at 8 and the digest at 16.
entry_of() {
  echo $(($(grep -abo -m 1 HXMPAGE1 "$1" | head -n 1 | cut -d : -f 1) + 24 + 64 * $2))
}
# wipe FILE OFFSET LENGTH
wipe() {
  dd if=/dev/zero of="$1" bs=1 seek="$2" count="$3" conv=notrunc status=none
}

@test "a chunk in the place of another is never taken for it, though the page is damaged, too" {
  make_dense disk.img 1M
  hx-snap-pack -q --chunk-size 64K disk.img -o vm.mirn
  local -i frame=65550 body # of what cannot be compressed: all are as long
  body=$(body_offset vm.mirn)
  swap vm.mirn $((body + frame)) $((body + 3 * frame)) $frame
  flip_byte vm.mirn $(($(entry_of vm.mirn 5) + 9))
  cp vm.mirn wiped.mirn
  expect_status 1 hx-restore --salvage --salvage-map map --json vm.mirn -o got.img
  cp ../out receipt
  check_salvaged got.img
  [ "$(jq -c '[.lost[] | [.offset, .length]]' receipt)" = '[[65536,65536],[196608,65536]]' ]
  expect_status 0 hx-restore --heal-from disk.img vm.mirn -o healed.img
  assert_same healed.img disk.img
  # Nothing is left of their digests: the page's checksum shows that something is wrong with frames that all decode.
  wipe wiped.mirn "$(entry_of wiped.mirn 1)" 192
  expect_status 1 hx-restore -f --salvage --salvage-map map --json wiped.mirn -o got.img
  cp ../out receipt
  check_salvaged got.img
}

@test "a chunk whose digest was written over with zeros is not taken for zeros" {
  make_dense disk.img 64K
  printf hello >>disk.img # its frame is as long as that of five zeros
  hx-snap-pack -q --chunk-size 64K disk.img -o vm.mirn
  wipe vm.mirn $(($(entry_of vm.mirn 1) + 16)) 32
  expect_status 0 hx-restore --salvage vm.mirn -o got.img
  assert_same got.img disk.img
}

@test "a snapshot of the original's" {
  cp "$GOLDEN/mirn-v1/good/odd-length.mirn" vm.mirn
  hx-restore -q vm.mirn -o disk.img
  expect_status 0 hx-restore --salvage vm.mirn -o same.img
  assert_same same.img disk.img
  flip_byte vm.mirn $(($(size_of vm.mirn) / 2))
  expect_status 1 hx-restore --salvage vm.mirn -o got.img
  expect_err 'are lost: 0+403112'
  expect_status 8 hx-restore --as-snapshot vm.mirn -o healed.mirn
}

@test "of the original's: what decodes and is not the image is kept, and called that" {
  cp "$GOLDEN/mirn-v1/bad/checksum-mismatch.mirn" vm.mirn
  hx-restore -q "$GOLDEN/mirn-v1/good/odd-length.mirn" -o disk.img
  expect_status 1 hx-restore -q --salvage --salvage-map map --json vm.mirn -o got.img
  expect_one_error hx-restore
  expect_err 'vm.mirn: content decoded, but is not the image: checksum mismatch: expected '
  cp ../out receipt
  check_salvaged got.img
  jq -e '.lost == [] and .unproven == [{"offset": 0, "length": 403112}] and .checksum_verified == false' receipt
  grep -q '^0x00000000  0x000626A8  ?$' map
  expect_status 1 hx-restore --heal-from disk.img vm.mirn -o healed.img
  assert_no_files_left . vm.mirn disk.img got.img map receipt
}

@test "of the original's: a header that is lost does not cost the disk" {
  hx-restore -q "$GOLDEN/mirn-v1/good/odd-length.mirn" -o disk.img
  for name in metadata-not-json wrong-magic; do
    expect_status 1 hx-restore --salvage -f --json "$GOLDEN/mirn-v1/bad/$name.mirn" -o got.img
    expect_err 'content decoded, but the header is lost'
    assert_same got.img disk.img
    [ "$(jq -c .checksum ../out)" = null ]
  done
  # All of it or nothing: what is cut off has no size.
  head -c 90000 "$GOLDEN/mirn-v1/bad/wrong-magic.mirn" >vm.mirn
  expect_status 1 hx-restore --salvage vm.mirn -o none.img
  assert_no_files_left . disk.img got.img vm.mirn
}

@test "the end of another snapshot over this one" {
  make_dense disk.img 2M
  make_dense other.img 2M 7
  hx-snap-pack -q --chunk-size 64K --name vm disk.img -o vm.mirn
  hx-snap-pack -q --chunk-size 64K --name vm other.img -o other.mirn
  tail -c +1000001 other.mirn | dd of=vm.mirn bs=64K oflag=seek_bytes seek=1000000 conv=notrunc status=none
  expect_status 1 hx-restore --salvage --salvage-map map --json vm.mirn -o got.img
  cp ../out receipt
  check_salvaged got.img
  [ "$(jq -c '[.lost[] | [.offset, .length]]' receipt)" = '[[983040,1114112]]' ]
}

@test "--force: what exists is replaced, the snapshot itself too, and only by what is whole" {
  make_archive
  flip_byte vm.mirn $(($(body_offset vm.mirn) + 100))
  cp vm.mirn bad.mirn
  echo old >out
  expect_status 10 hx-restore --heal-from disk.img vm.mirn -o out
  expect_status 10 hx-restore --as-snapshot --heal-from disk.img vm.mirn -o out
  expect_status 1 hx-restore -f --as-snapshot vm.mirn -o out
  expect_status 1 hx-restore -f --as-snapshot vm.mirn -o vm.mirn
  [ "$(cat out)" = old ]
  assert_same vm.mirn bad.mirn
  expect_status 0 hx-restore -f --heal-from disk.img vm.mirn -o out
  assert_same out disk.img
  expect_status 0 hx-restore -f --as-snapshot --heal-from disk.img vm.mirn -o out
  assert_same out good.mirn
  expect_status 0 hx-restore -f --as-snapshot --heal-from disk.img vm.mirn -o vm.mirn
  assert_same vm.mirn good.mirn
  assert_no_files_left . disk.img vm.mirn bad.mirn good.mirn out
}

# what_guests_write: three disks whose sector 0 looks like something of ours, or of QEMU.
what_guests_write() {
  local evil
  for evil in mirn:'MIRN\0\0\0\1' stream:HXSTREAM qcow2:'QFI\373\0\0\0\3'; do
    make_dense "${evil%%:*}.img" 1M
    # shellcheck disable=SC2059  # the bytes are a format
    printf "${evil#*:}" | dd of="${evil%%:*}.img" conv=notrunc status=none
  done
}

@test "a disk that heals is raw, whatever its guest wrote into sector 0" {
  what_guests_write
  for evil in mirn stream qcow2; do
    hx-snap-pack -q --chunk-size 64K $evil.img -o vm.mirn
    cp vm.mirn good.mirn
    flip_byte vm.mirn $(($(body_offset vm.mirn) + 100)) # the chunk that sector 0 is in
    expect_status 0 hx-restore --heal-from $evil.img vm.mirn -o got.img
    assert_same got.img $evil.img
    expect_status 0 hx-restore --as-snapshot --heal-from $evil.img vm.mirn -o healed.mirn
    assert_same healed.mirn good.mirn
    rm vm.mirn got.img healed.mirn
  done
}

@test "options that contradict each other, and what cannot be salvaged" {
  make_sparse disk.img 1M
  hx-fetch disk.img >disk.stream
  expect_status 8 hx-restore --salvage disk.stream -o x.img
  expect_status 2 hx-restore --salvage-map map vm.mirn -o x.img
  expect_status 2 hx-restore --salvage --verify-only vm.mirn
  expect_status 2 hx-restore --as-snapshot --in-place vm.mirn -o x.img
  expect_status 2 hx-restore --salvage --verify full vm.mirn -o x.img
  printf nothing >junk
  expect_status 1 hx-restore --salvage junk -o x.img
  assert_no_files_left . disk.img disk.stream junk
}
