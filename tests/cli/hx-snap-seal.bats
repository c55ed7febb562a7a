#!/usr/bin/env bats
# hx-snap-seal(1): unsealed snapshots get their checksum, by one write into the header.
load helpers

unsealed() { hx-fetch "$1" | hx-snap-pack --unsealed | cat >"$2"; }
info() { hx-info --json "$1"; }

@test "a sealed snapshot is the unsealed one but for its header" {
  make_sparse disk.img 8M
  unsealed disk.img vm.mirn
  cp vm.mirn before.mirn
  expect_status 0 hx-snap-seal vm.mirn
  [ -z "$out$err" ]
  [ "$(size_of vm.mirn)" -eq "$(size_of before.mirn)" ]
  cmp <(body_of vm.mirn) <(body_of before.mirn)
  info vm.mirn | jq -e --arg sum "$(sha256_of disk.img)" '.sealed and .checksum == $sum'
  [ "$(header_of vm.mirn | jq -r .checksum)" = "$(sha256_of disk.img)" ]
  hx-restore --verify-only --verify full vm.mirn
}

@test "sealing does not read the body of a snapshot whose checksum is in its directory" {
  make_dense disk.img 8M
  unsealed disk.img vm.mirn
  # A body that cannot be right: only its index is.
  dd if=/dev/zero of=vm.mirn bs=1M seek=1 count=6 conv=notrunc status=none
  hx-snap-seal vm.mirn
  info vm.mirn | jq -e .sealed
  expect_status 1 hx-restore vm.mirn -o x.img
}

@test "what was packed without a checksum is read, and damage found there" {
  make_dense disk.img 4M
  hx-snap-pack --no-checksum disk.img -o vm.mirn
  cp vm.mirn bad.mirn
  flip_byte bad.mirn 2000000
  cp bad.mirn before.mirn
  expect_status 1 hx-snap-seal bad.mirn
  expect_one_error hx-snap-seal
  expect_err 'bad.mirn: at '
  assert_same bad.mirn before.mirn
  hx-snap-seal vm.mirn
  [ "$(header_of vm.mirn | jq -r .checksum)" = "$(sha256_of disk.img)" ]
}

@test "a sealed snapshot stays as it is" {
  make_dense disk.img 1M
  hx-snap-pack disk.img -o vm.mirn
  cp vm.mirn before.mirn
  expect_status 0 hx-snap-seal -v vm.mirn
  expect_err 'vm.mirn: was sealed already'
  assert_same vm.mirn before.mirn
}

@test "what is sealed needs no permission to write, what is to be sealed does" {
  require setpriv
  make_dense disk.img 1M
  hx-snap-pack disk.img -o vm.mirn
  unsealed disk.img half.mirn
  chmod 444 vm.mirn half.mirn
  expect_status 0 unprivileged hx-snap-seal -v vm.mirn
  expect_err 'vm.mirn: was sealed already'
  expect_status 6 unprivileged hx-snap-seal half.mirn
  expect_one_error hx-snap-seal
  expect_err 'half.mirn: Permission denied'
}

@test "a bad file does not keep the others from being sealed" {
  make_dense disk.img 1M
  unsealed disk.img one.mirn
  unsealed disk.img two.mirn
  head -c 500000 one.mirn >cut.mirn
  expect_status 1 hx-snap-seal one.mirn cut.mirn two.mirn
  expect_one_error hx-snap-seal
  expect_err 'cut.mirn: at '
  for snapshot in one two; do info $snapshot.mirn | jq -e .sealed; done
}

@test "what cannot be sealed is refused in one line" {
  make_dense disk.img 1M
  mkdir dir
  cp "$GOLDEN/mirn-v1/good/hello.mirn" original.mirn
  : >empty
  while read -r wanted file; do
    expect_status "$wanted" hx-snap-seal "$file"
    expect_one_error hx-snap-seal
    expect_err "$file: "
  done <<<$'1 disk.img\n1 empty\n2 dir\n2 gone.mirn\n8 original.mirn'
  assert_same original.mirn "$GOLDEN/mirn-v1/good/hello.mirn"
  expect_status 2 hx-snap-seal
  expect_one_error hx-snap-seal
}

@test "an error while the header is written is said, and the snapshot is unsealed or sealed, but whole" {
  require strace
  strace -o /dev/null true 2>/dev/null || skip 'no ptrace here'
  make_dense disk.img 1M
  for call in pwrite64 fsync; do
    rm -f vm.mirn
    unsealed disk.img vm.mirn
    expect_status 9 strace -f -qqq -o /dev/null -e inject=$call:error=EIO hx-snap-seal vm.mirn
    expect_one_error hx-snap-seal
    expect_err 'vm.mirn: '
    hx-restore -f vm.mirn -o restored.img
    assert_same restored.img disk.img
  done
}
