#!/usr/bin/env bats
# Checkpoints in qcow2 disks, with QEMU beside us on the same file: its check, its reading, its own snapshots, its locks.
load helpers
# shellcheck source=tests/support/qcow2.bash
source "$HX_ROOT/tests/support/qcow2.bash"
# shellcheck source=tests/support/vdsk.bash
source "$HX_ROOT/tests/support/vdsk.bash"

setup() {
  hx_setup
  require qemu-img qemu-io jq
}

# sequence SEED SIZE OPTIONS: 20 steps.
sequence() {
  RANDOM=$1
  vdsk_begin "$2" -o "$3"
  vdsk_sequence 20 >../log || fail "seed $1, $3: $(cat ../log)"
}

@test "random steps, ours and QEMU's: clusters of 512 bytes" { sequence 1 1M cluster_size=512; }
@test "random steps, ours and QEMU's: version 2" { sequence 2 1M cluster_size=4k,compat=0.10; }
@test "random steps, ours and QEMU's: clusters of 2 MiB" { sequence 3 9M cluster_size=2M; }
@test "random steps, ours and QEMU's: subclusters" { sequence 4 3M extended_l2=on,cluster_size=16k; }
@test "random steps, ours and QEMU's: counts of 64 bits" { sequence 5 2M refcount_bits=64,cluster_size=1k; }

@test "compressed clusters and a backing file: created, changed, restored" {
  local kind
  make_sparse base.raw 2M
  text_bytes 700000 | dd of=base.raw bs=4k seek=100 conv=notrunc status=none
  for kind in zlib zstd; do
    vdsk_begin 2M
    cp base.raw model/active
    qemu-img convert -c -f raw -O qcow2 -o "compression_type=$kind,cluster_size=4k" base.raw disk.qcow2
    vdsk_sequence 4 >../log || fail "$kind: $(cat ../log)"
  done
  vdsk_begin 2M -F raw -b base.raw -o cluster_size=8k
  cp base.raw model/active
  vdsk_sequence 4 >../log || fail "backed: $(cat ../log)"
}

@test "create, list, restore, delete, as people use them" {
  vdsk_begin 4M
  vdsk_write 5
  hx-vdsk create --name mon disk.qcow2
  cp model/active model/mon
  vdsk_write 5
  expect_status 0 hx-vdsk list disk.qcow2
  expect_out 'mon (1)' 4.0
  expect_status 2 hx-vdsk restore --name mon disk.qcow2
  expect_err --save-as --discard
  expect_status 10 hx-vdsk create --name mon disk.qcow2
  expect_status 2 hx-vdsk create --name 7 disk.qcow2
  expect_status 2 hx-vdsk restore --discard --name tue disk.qcow2
  vdsk_holds
  hx-vdsk restore --name mon --save-as later disk.qcow2
  mv model/active model/later
  cp model/mon model/active
  vdsk_holds
  hx-vdsk delete --name mon disk.qcow2
  rm model/mon
  vdsk_holds
  expect_status 0 hx-vdsk verify --json disk.qcow2
  [ "$(jq -c '[.sound, .leaks]' <<<"$out")" = '[true,0]' ]
}

@test "several disks: none is changed if one cannot be; each is when all can" {
  vdsk_begin 1M
  vdsk_write 2
  cp disk.qcow2 other.qcow2
  qemu-img snapshot -c mon other.qcow2
  local before
  before=$(sha256sum disk.qcow2 other.qcow2)
  expect_status 10 hx-vdsk create --name mon disk.qcow2 other.qcow2
  [ "$(sha256sum disk.qcow2 other.qcow2)" = "$before" ]
  hx-vdsk create --json --name tue disk.qcow2 other.qcow2 >../records
  [ "$(jq -r .target ../records | paste -sd' ')" = 'disk.qcow2 other.qcow2' ]
  sound disk.qcow2 && sound other.qcow2
  hx-fetch -q --raw other.qcow2#snapshot=tue | cmp - model/active
  # One disk twice: the second time it is in use.
  expect_status 10 hx-vdsk create --name wed disk.qcow2 disk.qcow2
  [ "$(hx-vdsk list --json disk.qcow2 | jq -r .name)" = tue ]
}

@test "dirty bitmaps: kept by a checkpoint and its deletion, and still what they were" {
  require qemu-nbd nbdinfo
  q_create disk.qcow2 4M
  qemu-img bitmap --add -g 64k disk.qcow2 b
  q_write disk.qcow2 'write 1M 100k' 'write 3M 64k'
  bits() {
    qemu-nbd -r -f qcow2 -B b -k "$PWD/nbd" --fork disk.qcow2 || return
    nbdinfo --json --map=qemu:dirty-bitmap:b "nbd+unix:///?socket=$PWD/nbd" | jq -c 'map([.offset, .type])'
  }
  local before
  before=$(bits)
  [[ $before == *1048576,1* ]]
  hx-vdsk create --name one disk.qcow2
  sound disk.qcow2
  [ "$(bits)" = "$before" ]
  hx-vdsk delete --name one disk.qcow2
  sound disk.qcow2
  [ "$(bits)" = "$before" ]
}

@test "what changed between checkpoints is what hx-fetch sends, and it makes the one of the other" {
  vdsk_begin 4M
  vdsk_write 5
  hx-vdsk create --name mon disk.qcow2
  cp model/active model/mon
  vdsk_write 2
  hx-vdsk create --name tue disk.qcow2
  cp model/active model/tue
  vdsk_write 5
  cp model/mon patched.img
  hx-vdsk diff --from mon --to tue disk.qcow2 >changes
  hx-fetch --extents changes 'disk.qcow2#snapshot=tue' | hx-restore --in-place --force -o patched.img
  cmp patched.img model/tue
  [ "$(hx-vdsk diff --from tue --to tue disk.qcow2 | jq -c '[.[].present]')" = '[false]' ]
}

@test "names that QEMU took: shown so that they do no harm, chosen by id" {
  vdsk_begin 1M
  qemu-img snapshot -c $'a\033[2Jb' disk.qcow2
  qemu-img snapshot -c twice disk.qcow2
  qemu-img snapshot -c twice disk.qcow2
  qemu-img snapshot -c 2 disk.qcow2
  expect_status 0 hx-vdsk list --json disk.qcow2
  [ "$(jq -r .name <<<"$out" | head -n 1)" = 'a\x1b[2Jb' ]
  expect_status 10 hx-vdsk delete --name twice disk.qcow2
  expect_err 'several checkpoints' '2 3'
  expect_status 10 hx-vdsk delete --name 2 disk.qcow2
  hx-vdsk delete --id 2 disk.qcow2
  hx-vdsk delete --name twice disk.qcow2
  [ "$(hx-vdsk list --json disk.qcow2 | jq -c .id | tr -d '\n')" = '"1""4"' ]
  sound disk.qcow2
}

@test "what there can be no checkpoint in is refused: data file, encrypted, dirty, damaged, bitmaps at a restore" {
  q_create data.qcow2 1M -o data_file=data.raw
  expect_status 8 hx-vdsk create --name a data.qcow2
  q_create one.qcow2 1M -o refcount_bits=1
  q_write one.qcow2 'write 0 64k'
  expect_status 10 hx-vdsk create --name a one.qcow2
  expect_err '1 bits'
  sound one.qcow2
  q_create dirty.qcow2 1M
  printf '\1' | dd of=dirty.qcow2 bs=1 seek=79 conv=notrunc status=none
  expect_status 1 hx-vdsk create --name a dirty.qcow2
  expect_err 'verify --repair'
  hx-vdsk verify --repair dirty.qcow2
  hx-vdsk create --name a dirty.qcow2
  q_create new.qcow2 1M
  printf '\1' | dd of=new.qcow2 bs=1 seek=72 conv=notrunc status=none
  expect_status 8 hx-vdsk create --name a new.qcow2
  q_create maps.qcow2 1M
  qemu-img bitmap --add maps.qcow2 b
  q_write maps.qcow2 'write 0 64k'
  hx-vdsk create --name a maps.qcow2
  expect_status 10 hx-vdsk restore --discard --name a maps.qcow2
  hx-vdsk delete --name a maps.qcow2
  sound maps.qcow2
  [ "$(qemu-img info --output=json maps.qcow2 | jq -r '."format-specific".data.bitmaps[0].name')" = b ]
}

@test "locks: what QEMU has open is refused, by each command that changes and by each that reads" {
  vdsk_begin 1M
  hx-vdsk create --name mon disk.qcow2
  mkfifo hold
  qemu-io -f qcow2 disk.qcow2 <hold >qemu.out 2>&1 3>&- &
  local qemu=$!
  exec 9>hold
  echo 'read 0 512' >&9
  until grep -q 'read 512' qemu.out; do kill -0 $qemu; done
  local command
  for command in 'create --name a' 'restore --discard --name mon' 'delete --name mon' list verify 'verify --repair' 'diff --from mon'; do
    # shellcheck disable=SC2086  # words
    expect_status 10 hx-vdsk $command disk.qcow2
    expect_one_error hx-vdsk
  done
  exec 9>&-
  wait $qemu
  # Ours, stopped before it syncs: neither QEMU nor a second one of us gets in.
  require strace
  strace -o /dev/null true 2>/dev/null || skip 'no ptrace here'
  strace -qqq -o /dev/null -e inject=fdatasync:signal=STOP:when=1 hx-vdsk create --name b disk.qcow2 3>&- &
  local strace=$! ours=''
  until [ -n "$ours" ] && grep -q '^State:.*[Tt]' "/proc/$ours/status"; do
    kill -0 $strace
    ours=$(pgrep -P $strace) || true
  done
  ! qemu-io -f qcow2 -c 'read 0 512' disk.qcow2 >qemu.out 2>&1 || fail 'QEMU opens it'
  grep -q lock qemu.out
  expect_status 10 hx-vdsk delete --name mon disk.qcow2
  expect_status 10 hx-vdsk list disk.qcow2
  kill -CONT "$ours"
  wait $strace
  hx-vdsk delete --name mon disk.qcow2
  sound disk.qcow2
}
