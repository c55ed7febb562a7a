#!/usr/bin/env bats
# hx-fetch(1): what it reads, in which form it writes it, and how it fails.
load helpers

aliases() { mkdir -p "$XDG_CONFIG_HOME/hx" && cat >"$XDG_CONFIG_HOME/hx/sources.json"; }
# streams COMMAND…: it must succeed and say nothing; its binary output stays in ../out.
streams() {
  "$@" >../out 2>../err || fail "status $?: $*" "$(cat ../err)"
  [ ! -s ../err ] || fail "said something: $*" "$(cat ../err)"
}
# What the stream in ../out says of its disks: the JSON of its DISK records.
disks_of_out() { grep -aoE '\{"key":[^}]*\}' ../out; }

@test "a disk becomes a stream that begins with its magic and ends with END" {
  make_sparse disk.img 8M
  streams hx-fetch disk.img
  [ "$(head -c 8 ../out)" = HXSTREAM ]
  disks_of_out | jq -e '.key == "disk0" and .name == "disk" and .size == 8388608 and .kind == "full"'
  tail -c 100 ../out | grep -aq 'END '
}

@test "holes cost nothing" {
  make_zero disk.img 1T
  put_bytes disk.img 700000000000 10000
  streams hx-fetch disk.img
  [ "$(size_of ../out)" -lt 20000 ]
}

@test "zeros that are written out are not sent" {
  head -c 4M /dev/zero >disk.img
  streams hx-fetch disk.img
  [ "$(size_of ../out)" -lt 1000 ]
}

@test "an empty disk is a stream" {
  : >disk.img
  streams hx-fetch disk.img
  disks_of_out | jq -e '.size == 0'
}

@test "--raw gives the disk's bytes, into a pipe and into a file, which stays sparse" {
  make_sparse disk.img 64M
  hx-fetch --raw disk.img | cmp - disk.img
  hx-fetch --raw disk.img >copy.img
  assert_same copy.img disk.img
  assert_sparse copy.img 8M
}

@test "--raw of a range gives just its bytes" {
  make_dense disk.img 3M
  hx-fetch --raw --range 1000000+500000 disk.img >part
  cmp part <(tail -c +1000001 disk.img | head -c 500000)
  hx-fetch --raw --range 1000000-1500000 disk.img | cmp - part
}

@test "several ranges are one part, in the disk's order" {
  make_dense disk.img 1M
  streams hx-fetch --range 512K+4K --range 0-1K disk.img
  disks_of_out | jq -e '.kind == "part" and .ranges == [[0, 1024], [524288, 4096]]'
  hx-fetch --raw --range 512K+4K --range 0-1K disk.img >part
  cmp part <(head -c 1024 disk.img; tail -c +524289 disk.img | head -c 4096)
}

@test "a range of the whole disk is the whole disk" {
  make_dense disk.img 1M
  streams hx-fetch --range 0-1M disk.img
  disks_of_out | jq -e '.kind == "full"'
}

@test "a range beyond the disk is refused" {
  make_dense disk.img 1M
  expect_status 2 hx-fetch --range 1M+1 disk.img
  expect_one_error hx-fetch
  expect_err 'disk.img: the range 1048576+1 ends beyond the disk'
}

@test "--map says what qemu-img says, and reads nothing" {
  require qemu-img jq
  make_sparse disk.img 64M
  expect_status 0 hx-fetch --map json disk.img
  local ours theirs canonical='map([.start, .length, .zero, .data])'
  ours=$(jq -c "$canonical" <<<"$out")
  theirs=$(qemu-img map --output=json -f raw disk.img | jq -c "$canonical")
  [ "$ours" = "$theirs" ] || fail "$ours" "$theirs"
}

@test "--extents sends what the map has, from a file or stdin, clipped to the disk" {
  make_dense disk.img 1M
  cat >map.json <<<'[{"start": 4096, "length": 8192, "data": true, "zero": false},
                     {"start": 12288, "length": 4096, "data": false, "zero": true, "present": false},
                     {"start": 1044480, "length": 999999, "data": true, "zero": false}]'
  streams hx-fetch --extents map.json disk.img
  disks_of_out | jq -e '.ranges == [[4096, 8192], [1044480, 4096]]'
  cp ../out first
  hx-fetch --extents - disk.img <map.json | cmp - first
}

@test "--extents that leaves nothing is refused, rather than read as all" {
  make_dense disk.img 1M
  expect_status 2 hx-fetch --extents <(echo '[]') disk.img
  expect_err 'nothing of it is to be read'
}

@test "a map that is no map is status 1 and names its file" {
  make_dense disk.img 1M
  echo '{"a": 1' >map.json
  expect_status 1 hx-fetch --extents map.json disk.img
  expect_one_error hx-fetch
  expect_err map.json
}

@test "several locations are several disks with keys of their own" {
  make_dense a.img 1M 1
  make_dense b.img 1M 2
  streams hx-fetch a.img b.img
  disks_of_out | jq -se '[.[].key] == ["disk0", "disk1"] and [.[].name] == ["a", "b"]'
}

@test "what is for one disk is refused for two" {
  make_dense a.img 1M
  for option in --raw --map=json --range=0+1 --name=x; do
    expect_status 2 hx-fetch "$option" a.img a.img
    expect_one_error hx-fetch
  done
}

@test "--name names the disk" {
  make_dense disk.img 1M
  streams hx-fetch --name web-01 disk.img
  disks_of_out | jq -e '.name == "web-01"'
  expect_status 2 hx-fetch --name a/b disk.img
}

@test "--file sends a file along" {
  make_dense disk.img 1M
  echo '<domain type="kvm"/>' >vm.xml
  streams hx-fetch --file vm.xml disk.img
  grep -aqF '<domain type="kvm"/>' ../out
  expect_status 2 hx-fetch --file gone.xml disk.img
}

@test "an alias is read where a word is no file" {
  make_dense disk.img 1M
  aliases <<<"{\"sources\": {\"vm\": {\"location\": \"$PWD/disk.img\"}}}"
  hx-fetch --raw vm | cmp - disk.img
  streams hx-fetch vm
  disks_of_out | jq -e '.name == "vm"'
}

@test "an alias for several disks sends them all" {
  make_dense a.img 1M 1
  make_dense b.img 1M 2
  aliases <<<"{\"sources\": {\"pair\": {\"locations\": [\"$PWD/a.img\", \"$PWD/b.img\"]}}}"
  streams hx-fetch pair
  disks_of_out | jq -se 'length == 2'
}

@test "a word that is nothing is wrong usage, and an alias like it is proposed" {
  aliases <<<'{"sources": {"web-01": {"location": "/gone"}}}'
  expect_status 2 hx-fetch web-1
  expect_one_error hx-fetch
  expect_err 'web-1: no such file' 'did you mean web-01?'
}

@test "a fault in the file of aliases is said with its place" {
  aliases <<<'{"sources": {"vm": {"loction": "/x"}}}'
  expect_status 2 hx-fetch vm
  expect_one_error hx-fetch
  expect_err "sources.json: vm: unknown key 'loction'"
}

@test "an image format that it cannot read is refused by its name; a file that is not what its name says, too" {
  make_dense disk.qcow2 1M
  cp disk.qcow2 disk.vdi
  expect_status 8 hx-fetch disk.vdi
  expect_one_error hx-fetch
  expect_err '--format raw'
  expect_status 1 hx-fetch disk.qcow2
  expect_one_error hx-fetch
  expect_err 'disk.qcow2: is no qcow2 image' '--format raw'
  hx-fetch --format raw --raw disk.qcow2 | cmp - disk.qcow2
}

@test "a source that this version does not have is status 8" {
  for location in gs://bucket/disk vsphere:/DC/vm/web-01; do
    expect_status 8 hx-fetch "$location"
    expect_one_error hx-fetch
  done
}

@test "what is no disk is refused in one line" {
  mkdir dir
  mkfifo fifo
  for location in dir fifo /dev/null; do
    expect_status 2 hx-fetch "$location"
    expect_one_error hx-fetch
    expect_err "$location: "
  done
}

@test "a full stdout is said once, with its name and place" {
  make_dense disk.img 1M
  printf '<x/>' >vm.xml
  expect_status 7 bash -c 'hx-fetch --file vm.xml disk.img >/dev/full'
  [ "$err" = 'hx-fetch: error: stdout: write at 0: No space left on device' ] || fail "$err"
}

@test "a file that may not be read is status 6" {
  require setpriv
  make_dense disk.img 1M
  chmod 000 disk.img
  expect_status 6 unprivileged hx-fetch --raw disk.img
  expect_one_error hx-fetch
  expect_err disk.img
}

@test "every failure goes down the pipe with its status, wrong usage too" {
  for command in 'hx-fetch typo' 'hx-fetch --nonsense' 'hx-fetch' 'hx-fetch s3://b/k' 'hx-fetch --range 5 x'; do
    status=0
    bash -c "$command" >../out 2>../err || status=$?
    [ "$status" -ne 0 ]
    grep -aq ABRT ../out || fail "no ABORT from: $command"
    grep -aq "\"status\":$status" ../out || fail "another status than $status from: $command"
  done
}

@test "plain bytes and maps are never mixed with an ABORT" {
  for command in 'hx-fetch --raw typo' 'hx-fetch --map json typo' 'hx-fetch --raw --nonsense' 'hx-fetch --map=xml x'; do
    status=0
    bash -c "$command" >../out 2>../err || status=$?
    [ "$status" -ne 0 ]
    [ ! -s ../out ] || fail "bytes on stdout from: $command"
  done
}

@test "a disk that changes while it is read is status 3, and the stream ends with ABORT" {
  make_dense disk.img 8M
  mkfifo stream
  hx-fetch disk.img >stream 2>../err &
  # The pipe holds 1 MiB, so the disk cannot have been read to its end.
  { head -c 1000 >/dev/null; printf x | dd of=disk.img conv=notrunc status=none; cat; } <stream >../rest
  status=0
  wait $! || status=$?
  [ "$status" -eq 3 ] || fail "status $status: $(cat ../err)"
  grep -q 'hx-fetch: error: disk.img: changed while it was read' ../err
  tail -c 1000 ../rest | grep -aq ABRT
}

@test "a reader that goes away is status 1, never success" {
  make_dense disk.img 8M
  expect_pipe '1 0' 'hx-fetch disk.img | head -c 1000 >/dev/null'
  expect_one_error hx-fetch
}

@test "a full disk below stdout is status 7" {
  make_dense disk.img 1M
  status=0
  hx-fetch disk.img >/dev/full 2>../err || status=$?
  [ "$status" -eq 7 ] || fail "status $status: $(cat ../err)"
}

@test "a terminal is refused as stdout, for a stream and for bytes, and --force overrides" {
  make_zero disk.img 4K
  for option in '' --raw; do
    on_a_terminal "hx-fetch $option disk.img"
    [ "$status" -eq 2 ]
    expect_out 'stdout is a terminal'
  done
  on_a_terminal 'hx-fetch -f disk.img'
  [ "$status" -eq 0 ]
  expect_out HXSTREAM
}

@test "--limit-rate needs a rate" {
  make_dense disk.img 1M
  expect_status 2 hx-fetch --limit-rate 0 disk.img
  expect_status 2 hx-fetch --limit-rate fast disk.img
  streams hx-fetch --limit-rate 1G disk.img
}

@test "progress as JSON goes to its descriptor, one object a line, with a summary" {
  make_dense disk.img 1M
  hx-fetch --progress fd:3 disk.img 3>../events >../out
  jq -se '.[-1] | .type == "summary" and .bytes == 1048576 and .data == 1048576' ../events
  jq -se '.[0] | .type == "progress" and .disk == "disk" and .total == 1048576' ../events
}

@test "the threads that read do not change what is read" {
  make_sparse disk.img 16M
  hx-fetch -j 1 disk.img >one
  hx-fetch -j 8 disk.img | cmp - one
}

@test "a block device is read whatever its name is" {
  require_root
  require losetup
  make_sparse disk.img 8M
  loop=$(losetup --find --show --read-only disk.img 2>/dev/null) || skip 'no loop devices here'
  status=0
  hx-fetch --raw "$loop" | cmp - disk.img || status=$?
  losetup -d "$loop"
  [ "$status" -eq 0 ]
}
