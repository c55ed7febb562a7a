#!/usr/bin/env bats
# hx-restore --only-differences: onto a target that has most of the disk already, only the rest is written.
load helpers

setup() {
  hx_setup
  make_sparse disk.img 64M
  hx-snap-pack -q disk.img -o vm.mirn
}
counts() { jq -r '[.written, .zeroed, .equal] | @tsv' ../out | tr '\t' ' '; }

@test "nothing differs: nothing is written, and holes stay holes" {
  cp --sparse=always disk.img target.img
  touch -d 2020-01-01 target.img
  hx-restore --only-differences --in-place --json vm.mirn -o target.img >../out
  [ "$(counts)" = "0 0 67108864" ]
  [ "$(stat -c %Y target.img)" -eq "$(date -d 2020-01-01 +%s)" ] # no write, not even of the same bytes
  assert_sparse target.img 8M
}

@test "what differs is written, what must be zero is made zero" {
  cp --sparse=always disk.img target.img
  put_bytes target.img 23000000 100 9 # in data
  put_bytes target.img 60000000 100 9 # in a hole
  expect_status 0 hx-restore --only-differences --in-place --json vm.mirn -o target.img
  expect_err 'were there already'
  assert_same target.img disk.img
  read -r written zeroed equal < <(counts)
  [ "$written" -ge 100 ]
  [ "$zeroed" -ge 100 ]
  [ $((written + zeroed)) -le $((4 * 65536)) ]
  [ $((written + zeroed + equal)) -eq 67108864 ]
}

@test "any input, a range, and another disk altogether" {
  make_dense target.img 64M 7
  hx-fetch disk.img | hx-restore -q --force --only-differences --in-place -o target.img
  assert_same target.img disk.img
  put_bytes target.img 1000 100 9
  put_bytes target.img 3000000 100 9
  cp target.img ranged.img
  hx-restore -q --only-differences --in-place --range 2M+2M vm.mirn -o ranged.img
  cmp -i 2M -n 2M ranged.img disk.img
  cmp -n 2M ranged.img target.img
  hx-restore -q --only-differences --verify full --in-place vm.mirn -o target.img
  assert_same target.img disk.img
}

@test "a damaged chunk that the target needs is found before anything is written, one that it has is not missed" {
  cp --sparse=always disk.img target.img
  flip_byte vm.mirn $(($(body_offset vm.mirn) + 20)) # in the first frame, which has data
  make_dense other.img 64M 7
  cp other.img before.img
  expect_status 1 hx-restore --only-differences --in-place vm.mirn -o other.img
  assert_same other.img before.img
  expect_status 0 hx-restore --only-differences --in-place vm.mirn -o target.img # has that chunk
  assert_same target.img disk.img
}

@test "a target is raw, whatever its guest wrote into sector 0" {
  for magic in 'MIRN\0\0\0\1' HXSTREAM 'QFI\373\0\0\0\3'; do
    cp --sparse=always disk.img target.img
    # shellcheck disable=SC2059  # the bytes are a format
    printf "$magic" | dd of=target.img conv=notrunc status=none
    hx-restore --only-differences --in-place --json vm.mirn -o target.img >../out
    assert_same target.img disk.img
    read -r written zeroed equal < <(counts)
    [ $((written + zeroed)) -le 65536 ] # all else was seen to be there
    cp --sparse=always target.img evil.img
    # shellcheck disable=SC2059
    printf "$magic" | dd of=evil.img conv=notrunc status=none
    hx-snap-pack -q evil.img -o evil.mirn
    hx-restore -q --only-differences --in-place evil.mirn -o target.img
    assert_same target.img evil.img
    rm evil.mirn
  done
}

@test "it needs a target to compare with" {
  for target in new.img -; do
    expect_status 2 hx-restore --only-differences vm.mirn -o "$target"
    expect_err --only-differences
  done
}
