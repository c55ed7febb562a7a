#!/usr/bin/env bats
# hx-info(1): what it tells of snapshots and streams, and what it reads for that.
load helpers

@test "text and JSON say the same of a snapshot" {
  make_ext4 disk.img 8M
  hx-snap-pack --name web-01 disk.img -o vm.mirn
  expect_status 0 hx-info --json vm.mirn
  jq -e --arg sum "$(sha256_of disk.img)" --argjson bytes "$(size_of vm.mirn)" \
    '.file == "vm.mirn" and .format == "mirn" and .version == 1 and .name == "web-01" and .size == 8388608
     and .filesystem == "ext4" and .checksum == $sum and .indexed and .sealed and .file_size == $bytes
     and .chunk_size == 1048576 and .consistency == "unchanged" and .data_bytes + .zero_bytes == .size
     and (.machine_files == []) and (.state | test("^[0-9a-f-]{36}$"))' <<<"$out"
  expect_status 0 hx-info vm.mirn
  expect_out 'vm.mirn: MIRN snapshot, version 1, sealed' web-01 ext4 "$(sha256_of disk.img)" '8.00 MiB (8388608 bytes)'
}

@test "the original's snapshots have no index, and are told as they are" {
  for file in "$GOLDEN"/mirn-v1/good/*.mirn; do
    expect_status 0 hx-info --json "$file"
    jq -e '.format == "mirn" and .indexed == false and (.checksum | length) == 64' <<<"$out"
    expect_status 0 hx-info "$file"
    expect_out 'without an index'
  done
  [ "$(hx-info --json "$GOLDEN/mirn-v1/good/odd-length.mirn" | jq .size)" -eq 403112 ]
}

@test "a stream is read to its end, from a file and from a pipe" {
  make_sparse a.img 4M
  make_dense b.img 1500001
  echo x >vm.xml
  hx-fetch --file vm.xml a.img b.img >disks
  expect_status 0 hx-info --json disks
  jq -e '.format == "stream" and (.disks | map(.key)) == ["disk0", "disk1"] and (.disks | map(.size)) == [4194304, 1500001]
         and (.disks | all(.kind == "full")) and .disks[1].data_bytes == 1500001
         and .disks[0].machine_files == [{"name": "vm.xml", "size": 2}]' <<<"$out"
  expect_status 0 hx-info - < <(cat disks)
  expect_out 'stdin: extent stream' complete a b vm.xml
  expect_status 1 hx-info - < <(head -c 1000000 disks)
  expect_one_error hx-info
  expect_err 'stdin: cut short at byte 1000000'
}

@test "of an unsealed snapshot it says so" {
  make_dense disk.img 1M
  hx-snap-pack --no-checksum disk.img -o vm.mirn
  expect_status 0 hx-info --json vm.mirn
  jq -e '.sealed == false and .checksum == null' <<<"$out"
  expect_status 0 hx-info vm.mirn
  expect_out 'not sealed' 'hx-snap-seal'
}

@test "the body of an indexed snapshot is not read" {
  make_dense disk.img 16M
  hx-snap-pack disk.img -o vm.mirn
  hx-info --json vm.mirn >whole
  # Nothing but zeros where the frames were, but for the header's end and the index.
  local size
  size=$(size_of vm.mirn)
  dd if=/dev/zero of=vm.mirn bs=64K seek=1 count=$((size / 65536 - 2)) conv=notrunc status=none
  hx-info --json vm.mirn | cmp - whole
}

@test "of a large snapshot it reads less than a MiB" {
  require strace
  strace -o /dev/null true 2>/dev/null || skip 'no ptrace here'
  make_dense disk.img 32M
  hx-snap-pack --chunk-size 64K disk.img -o vm.mirn
  strace -f -qqq -y -e trace=read,pread64,readv,preadv,mmap -o trace hx-info vm.mirn >../out
  grep -q 'vm.mirn>' trace
  local bytes
  bytes=$(grep 'vm.mirn>' trace | sed -n 's/.*= \([0-9]*\)$/\1/p' | awk '{ sum += $1 } END { print sum + 0 }')
  [ "$bytes" -gt 500 ]
  [ "$bytes" -lt 1000000 ]
}

@test "cut short or appended to, a snapshot of ours is found to be damaged" {
  make_dense disk.img 2M
  hx-snap-pack disk.img -o vm.mirn
  head -c -1 vm.mirn >cut.mirn
  { cat vm.mirn && echo; } >longer.mirn
  for file in cut longer; do
    expect_status 1 hx-info $file.mirn
    expect_one_error hx-info
    expect_err "$file.mirn: at "
  done
}

@test "a raw disk is not told as what its guest wrote into sector 0" {
  make_dense small.img 64K
  hx-snap-pack -q small.img -o mirn
  hx-fetch -q small.img >stream
  printf 'QFI\373\0\0\0\3' >qcow2
  for evil in mirn stream qcow2; do
    # As a whole, and its beginning only.
    for length in 1M 8; do
      make_dense disk.img 1M 5
      head -c $length $evil | dd of=disk.img conv=notrunc status=none
      # What follows the name of a stream is its version.
      if [ "$evil$length" = stream8 ]; then wanted=8; else wanted=1; fi
      expect_status $wanted hx-info --json disk.img
      expect_one_error hx-info
      expect_err 'disk.img: '
      [ -z "$out" ]
    done
  done
}

@test "a bad file does not keep the others from being told" {
  make_dense disk.img 1M
  hx-snap-pack disk.img -o vm.mirn
  expect_status 1 hx-info --json vm.mirn disk.img vm.mirn
  [ "$(jq -s 'length' <<<"$out")" -eq 2 ]
  expect_one_error hx-info
  expect_err 'disk.img: at 0: '
}

@test "every bad header is refused with its place" {
  while read -r wanted name; do
    expect_status "$wanted" hx-info "$GOLDEN/mirn-v1/bad/$name.mirn"
    expect_one_error hx-info
    expect_err "$name.mirn: at "
    [ -z "$out" ]
  done <<'END'
1 empty-file
1 magic-only
1 metadata-not-json
1 metadata-over-1mib
1 metadata-truncated
1 negative-size
8 version-0
1 version-2
1 wrong-magic
END
}

@test "a file that may not be read is status 6" {
  require setpriv
  cp "$GOLDEN/mirn-v1/good/hello.mirn" secret.mirn
  chmod 000 secret.mirn
  expect_status 6 unprivileged hx-info secret.mirn
  expect_one_error hx-info
  expect_err 'secret.mirn: Permission denied'
}

@test "a name with control characters does not reach the terminal as such" {
  make_dense disk.img 1M
  hx-snap-pack --name $'web\e[31m\n01' disk.img -o vm.mirn
  expect_status 0 hx-info vm.mirn
  [[ $out != *$'\e'* ]]
  expect_status 0 hx-info --json vm.mirn
  [[ $out != *$'\e'* ]]
  jq -e '.name | length > 0' <<<"$out"
}

@test "wrong usage is one line" {
  mkdir dir
  for command in 'hx-info' 'hx-info gone.mirn' 'hx-info dir' 'hx-info --nonsense x'; do
    # shellcheck disable=SC2086  # a command line
    expect_status 2 $command
    expect_one_error hx-info
  done
  on_a_terminal 'hx-info -'
  [ "$status" -eq 2 ]
  expect_out 'stdin is a terminal'
}
