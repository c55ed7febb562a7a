#!/usr/bin/env bats
# hx-cbt-diff(1): what changed between two states, as a delta and as a map.
load helpers

# Two states of a disk, in files and as snapshots.
two_states() {
  make_sparse old.img 8M
  cp --sparse=always old.img new.img
  put_bytes new.img 4196000 5000 9
  dd if=/dev/zero of=new.img bs=1M seek=2 count=1 conv=notrunc status=none
  hx-snap-pack -q old.img -o old.mirn
  hx-snap-pack -q new.img -o new.mirn
}
# The delta on stdin, put on old.mirn, is new.img.
expect_delta() {
  hx-snap-pack -q "$@" -o delta.mirn
  expect_status 0 hx-restore old.mirn delta.mirn -o out.img
  assert_same out.img new.img
  rm delta.mirn out.img
}

@test "every kind of pair gives a delta that makes the new state" {
  two_states
  hx-fetch -q old.img >old.stream
  qemu-img convert -O qcow2 new.img new.qcow2
  hx-cbt-diff --base old.mirn new.img | expect_delta
  hx-cbt-diff --base old.mirn new.mirn | expect_delta
  hx-cbt-diff --base old.mirn new.qcow2 | expect_delta
  hx-cbt-diff --base old.mirn --granularity 4K new.img | expect_delta
  hx-cbt-diff old.mirn new.mirn | expect_delta
  hx-cbt-diff old.img new.img | expect_delta --parent old.mirn
  hx-cbt-diff old.img new.mirn | expect_delta --parent old.mirn
  hx-cbt-diff old.img new.qcow2 | expect_delta --parent old.mirn
  hx-fetch -q new.img >new.stream
  hx-cbt-diff old.stream new.stream | hx-info --json - | jq -e '.disks[0].kind == "delta"'
}

@test "a map says where, in chunks or in smaller pieces" {
  two_states
  hx-cbt-diff --map json old.mirn new.mirn >map
  jq -e 'map(select(.present)) | map([.start, .length, .data]) == [[2097152, 1048576, false], [4194304, 1048576, true]]' map
  hx-cbt-diff --map json --granularity 4K old.img new.img >map
  jq -e '[.[] | select(.present and .data)] == [{"start": 4194304, "length": 8192, "depth": 0, "present": true, "zero": false, "data": true}]' map
  jq -e 'map(.length) | add == 8388608' map
}

@test "without a change the delta is empty, and --exit-code tells" {
  two_states
  expect_status 0 hx-cbt-diff --exit-code --map json --base old.mirn old.img
  expect_status 1 hx-cbt-diff --exit-code --map json --base old.mirn new.img
  [ -z "$err" ]
  expect_status 0 hx-cbt-diff --map json --base old.mirn new.img
  hx-cbt-diff old.mirn old.img | hx-snap-pack -q -o none.mirn
  hx-info --json none.mirn | jq -e '.kind == "delta" and .data_bytes == 0 and .zero_bytes == 0 and .frames == 0'
  hx-restore old.mirn none.mirn -o out.img
  assert_same out.img old.img
}

@test "only what a map on stdin names is looked at" {
  two_states
  echo '[{"start": 0, "length": 3145728, "depth": 0, "present": true, "zero": false, "data": true}]' |
    hx-cbt-diff --extents - --map json --base old.mirn new.img >map
  jq -e 'map(select(.present)) | map(.start) == [2097152]' map
}

@test "a delta has the digests of what it makes, and a chain is checked by them" {
  two_states
  hx-cbt-diff --base old.mirn --granularity 4K new.img | hx-snap-pack -q -o delta.mirn
  [ "$(hx-info --json delta.mirn | jq -r .result_tree)" = "$(hx-info --json new.mirn | jq -r .tree)" ]
  # Another disk's content under the same state is found before anything is written.
  cp --sparse=always old.img other.img
  put_bytes other.img 4200000 100 5
  state=$(hx-info --json old.mirn | jq -r .state)
  hx-snap-pack -q other.img -o other.mirn
  expect_status 10 hx-restore other.mirn delta.mirn -o out.img
  expect_err "$state"
  [ ! -e out.img ]
}

@test "what has another size, and what is no two states" {
  make_dense a.img 1M
  make_dense b.img 2M
  expect_status 4 hx-cbt-diff --map json a.img b.img
  expect_one_error hx-cbt-diff
  expect_pipe '4 4' 'hx-cbt-diff a.img b.img | hx-snap-pack -o d.mirn'
  [ ! -e d.mirn ]
  for command in 'a.img' 'a.img a.img a.img' '--granularity 100 a.img a.img' '--base gone.mirn a.img' \
    '--since t a.img a.img' '--since t --base a.mirn a.img' '--since t --granularity 4K a.img'; do
    # shellcheck disable=SC2086  # a command line
    expect_status 2 hx-cbt-diff --map json $command
    expect_one_error hx-cbt-diff
  done
  expect_status 1 hx-cbt-diff --map json --base a.img a.img
  expect_status 4 hx-cbt-diff --map json --since t a.img
}

@test "a disk whose content looks like a snapshot is compared as a disk" {
  two_states
  cp old.mirn disk.img
  truncate -s 2M disk.img
  cp disk.img changed.img
  put_bytes changed.img 5 1 3
  hx-cbt-diff --map json --granularity 512 disk.img changed.img >map
  jq -e '[.[] | select(.present)] | map([.start, .length]) == [[0, 512]]' map
}

@test "it names the file that is missing" {
  expect_status 2 hx-cbt-diff --map json nothing.img nothing.img
  expect_one_error hx-cbt-diff
  expect_err nothing.img
}
