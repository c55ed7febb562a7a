#!/usr/bin/env bats
# Checkpoints outside of the image: overlays made, merged down and up, rebased; always the same disk, as QEMU reads it,
# whenever they are killed.
load helpers
# shellcheck source=tests/support/qcow2.bash
source "$HX_ROOT/tests/support/qcow2.bash"
# shellcheck source=tests/support/vdsk.bash
source "$HX_ROOT/tests/support/vdsk.bash"

setup() {
  hx_setup
  require qemu-img qemu-io jq
}

# chain: base.raw (2 MiB) <- one.qcow2 <- two.qcow2 (3 MiB) <- three.qcow2; what each reads is in one.want, …
make_chain() {
  make_sparse base.raw 2M
  q_create one.qcow2 2M -F raw -b base.raw -o cluster_size=4k
  q_write one.qcow2 'write -P 1 100k 50k' 'write -z 1M 64k' 'write -P 8 1900k 100k'
  q_create two.qcow2 3M -F qcow2 -b one.qcow2 -o cluster_size=16k,extended_l2=on
  q_write two.qcow2 'write -P 2 130k 30k' 'write -z 0 8k' 'write -P 3 2500k 64k' 'write -z 110k 2k'
  q_create three.qcow2 3M -F qcow2 -b two.qcow2
  q_write three.qcow2 'write -P 4 140k 4k' 'write -P 5 2900k 30k'
  local name
  for name in one two three; do raw_of $name.qcow2 $name.want; done
}
# reads IMAGE WANT: by us and by QEMU, and it is sound.
reads() {
  sound "$1" && raw_of "$1" got.raw && cmp got.raw "$2" && hx-fetch -q --raw "$1" | cmp - "$2"
}

@test "an overlay: the disk goes on in it, the image below stays as it is" {
  make_dense disk.raw 1M
  qemu-img convert -f raw -O qcow2 disk.raw disk.qcow2
  local before
  before=$(sha256_of disk.qcow2)
  hx-vdsk create --kind external --name mon disk.qcow2
  reads disk.mon.qcow2 disk.raw
  q_write disk.mon.qcow2 'write -P 9 0 64k'
  hx-vdsk create --kind external --name tue --overlay new.qcow2 disk.mon.qcow2
  [ "$(qemu-img info --output=json new.qcow2 | jq -r '."backing-filename", ."backing-filename-format"' | paste -sd' ')" = 'disk.mon.qcow2 qcow2' ]
  [ "$(sha256_of disk.qcow2)" = "$before" ]
  expect_status 10 hx-vdsk create --kind external --name mon disk.qcow2
  expect_status 0 hx-vdsk list --json --kind external new.qcow2
  [ "$(jq -c '[.name, .file]' <<<"$out" | tr -d '\n')" = '["new","./disk.mon.qcow2"]["mon","./disk.qcow2"]' ] || fail "$out"
  # A raw disk, several at once, and none if one cannot be.
  mkdir vm
  cp disk.raw vm/a.img && cp disk.qcow2 vm/b.qcow2
  touch vm/b.wed.qcow2
  expect_status 10 hx-vdsk create --kind external --name wed vm/a.img vm/b.qcow2
  rm vm/b.wed.qcow2
  assert_no_files_left vm a.img b.qcow2
  hx-vdsk create --kind external --name wed vm/a.img vm/b.qcow2
  for file in vm/a.img.wed.qcow2 vm/b.wed.qcow2; do reads $file disk.raw; done
}

@test "merge down: from the middle, onto a raw disk, and the image itself; the overlay's file goes" {
  make_chain
  hx-vdsk merge --name two three.qcow2
  reads three.qcow2 three.want
  reads one.qcow2 two.want
  [ ! -e two.qcow2 ]
  hx-vdsk merge --name one three.qcow2
  reads three.qcow2 three.want
  [ ! -e one.qcow2 ] && cmp base.raw two.want
  hx-vdsk delete --kind external --name three three.qcow2
  [ ! -e three.qcow2 ] && cmp base.raw three.want
}

@test "merge up: nothing below is touched, and siblings read what they read" {
  make_chain
  q_create sibling.qcow2 2M -F qcow2 -b one.qcow2
  q_write sibling.qcow2 'write -P 7 1M 4k'
  raw_of sibling.qcow2 sibling.want
  expect_status 10 hx-vdsk merge --name two three.qcow2
  expect_err sibling.qcow2 --up
  local before
  before=$(sha256sum base.raw one.qcow2 sibling.qcow2)
  hx-vdsk merge --up --name two three.qcow2
  reads three.qcow2 three.want
  reads two.qcow2 two.want
  [ "$(sha256sum base.raw one.qcow2 sibling.qcow2)" = "$before" ]
  [ "$(qemu-img info --output=json two.qcow2 | jq -r '."backing-filename"')" = base.raw ]
  hx-vdsk merge --up --name two three.qcow2
  reads three.qcow2 three.want
  mv base.raw away.raw
  reads two.qcow2 two.want
  mv away.raw base.raw
  reads sibling.qcow2 sibling.want
  # One in another directory is seen where it is looked for.
  mkdir other
  q_create other/s.qcow2 3M -F qcow2 -b ../two.qcow2
  expect_status 10 hx-vdsk merge --search other --name three three.qcow2
}

@test "rebase: onto another base, onto none; the disk reads the same" {
  make_chain
  make_sparse new.raw 4M 9
  hx-vdsk rebase --backing new.raw two.qcow2
  reads two.qcow2 two.want
  reads three.qcow2 three.want
  [ "$(qemu-img info --output=json two.qcow2 | jq -r '."backing-filename", ."backing-filename-format"' | paste -sd' ')" = 'new.raw raw' ]
  hx-vdsk rebase --no-backing two.qcow2
  reads two.qcow2 two.want
  [ "$(qemu-img info --output=json two.qcow2 | jq -r '."backing-filename"')" = null ]
  expect_status 10 hx-vdsk rebase --backing three.qcow2 two.qcow2
  hx-vdsk create --name inside one.qcow2
  expect_status 10 hx-vdsk rebase --no-backing one.qcow2
  expect_status 10 hx-vdsk merge --up --name one one.qcow2
  # A name that does not fit the first sector.
  local long
  long=$(printf 'x%.0s' {1..200})
  mkdir -p "$long/$long/$long" && cp one.want "$long/$long/$long/b.raw"
  expect_status 0 hx-vdsk rebase --backing "$long/$long/$long/b.raw" --allow-backing . three.qcow2
  raw_of three.qcow2 got.raw && cmp got.raw three.want && sound three.qcow2
}

@test "refused: an overlay or a base that is in use, checkpoints that would be lost" {
  make_chain
  mkfifo hold
  qemu-io -f qcow2 three.qcow2 <hold >qemu.out 2>&1 3>&- &
  local qemu=$!
  exec 9>hold
  echo 'read 0 512' >&9
  until grep -q 'read 512' qemu.out; do kill -0 $qemu; done
  expect_status 10 hx-vdsk create --kind external --name x three.qcow2
  expect_status 10 hx-vdsk merge --name two three.qcow2
  expect_status 10 hx-vdsk merge --name two two.qcow2
  expect_status 10 hx-vdsk rebase --no-backing three.qcow2
  exec 9>&-
  wait $qemu
  hx-vdsk create --name inside two.qcow2
  expect_status 10 hx-vdsk merge --name two three.qcow2
  expect_err 'which would be lost'
  reads three.qcow2 three.want
}

# killed_everywhere COMMAND…: before each system call that changes something; all reads the same, and it can be run again.
killed_everywhere() {
  local call number ended count=0
  mkdir whole && cp -r --sparse=always ./*.qcow2 base.raw whole
  for call in pwrite64 fdatasync ftruncate fallocate unlink; do
    for ((number = 1; ; number++)); do
      rm -f ./*.qcow2 base.raw && cp --sparse=always whole/* .
      ended=1
      killed $call $number "$@" || ended=0
      { raw_of three.qcow2 got.raw && cmp got.raw three.want && sound three.qcow2; } || fail "killed before $call $number"
      if [ $ended -eq 0 ]; then
        count=$((count + 1))
        # The last step may have been all that was left, or not even that.
        "$@" 2>../again || grep -q 'has no overlay' ../again || fail "$(cat ../again)"
        { raw_of three.qcow2 got.raw && cmp got.raw three.want && sound three.qcow2; } || fail "run again after $call $number"
      else
        break
      fi
    done
  done
  [ $count -ge 5 ] || fail "killed only $count times"
}

@test "killed at each call: merge down, onto qcow2 and onto raw; merge up; rebase" {
  require strace
  strace -o /dev/null true 2>/dev/null || skip 'no ptrace here'
  make_chain
  make_sparse new.img 4M 9
  killed_everywhere hx-vdsk merge --name two three.qcow2
  rm -f ./*.qcow2 && mv whole/* . && rmdir whole
  killed_everywhere hx-vdsk merge --name one three.qcow2
  rm -f ./*.qcow2 && mv whole/* . && rmdir whole
  killed_everywhere hx-vdsk merge --up --name three three.qcow2
  rm -f ./*.qcow2 && mv whole/* . && rmdir whole
  killed_everywhere hx-vdsk rebase --backing new.img three.qcow2
}
