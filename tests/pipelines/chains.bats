#!/usr/bin/env bats
# Full snapshots and deltas: generation after generation restored exactly, to every target; what is no chain is refused
# before the target is touched.
load helpers

# One more generation of disk.img: writes of random places and lengths, zeros, some of them on no grid. Seeded.
change_disk() {
  local i
  RANDOM=$2
  for i in 1 2 3 4 5; do
    put_bytes "$1" $((RANDOM * 190)) $((1 + RANDOM % 9000)) $(($2 * 10 + i))
    fallocate -z -o $((RANDOM * 190)) -l $((1 + RANDOM)) "$1" || return 1
  done
  put_bytes "$1" $((RANDOM * 100)) $((RANDOM * 20)) "$2"
  fallocate -p -o $((RANDOM * 100)) -l $((RANDOM * 40)) "$1"
}
# full.mirn, d1.mirn … dN.mirn, and the disk after each as 0.img … N.img. $2: files (two disks), content (the base's
# digests), small (in pieces of 4 KiB, chunks of 64 KiB).
generations() {
  local i more=() layers=(--base full.mirn)
  make_sparse 0.img 6500001 7
  [ "$2" != small ] || more=(--chunk-size 64K)
  hx-snap-pack -q "${more[@]}" 0.img -o full.mirn
  more=()
  [ "$2" != small ] || more=(--granularity 4K)
  for ((i = 1; i <= $1; i++)); do
    cp --sparse=always $((i - 1)).img $i.img
    change_disk $i.img $i
    if [ "$2" = files ]; then
      hx-cbt-diff -q $((i - 1)).img $i.img | hx-snap-pack -q --parent "${layers[-1]}" -o d$i.mirn
    else
      hx-cbt-diff -q "${more[@]}" "${layers[@]}" $i.img | hx-snap-pack -q -o d$i.mirn
    fi
    layers+=(--base "d$i.mirn")
  done
}

# Each of eight generations, restored, in a directory of its own.
restored_exactly() {
  local i layers=(full.mirn)
  mkdir "$1"
  cd "$1" || return 1
  generations 8 "$1"
  for i in 1 2 3 4 5 6 7 8; do
    layers+=("d$i.mirn")
    hx-restore -q "${layers[@]}" -o out.img
    cmp out.img $i.img || fail "$1: generation $i differs"
    rm out.img
  done
  cd .. || return 1
}

@test "eight generations by file pairs: each is restored exactly" { restored_exactly files; }

@test "eight generations by content, against the digests of a chain: each is restored exactly" {
  restored_exactly content
}

@test "eight generations in small pieces: each is restored exactly, and the layers can be merged anywhere" {
  restored_exactly small
  cd small
  hx-snap-merge -q full.mirn d1.mirn d2.mirn d3.mirn -o lower.mirn
  hx-snap-merge -q d4.mirn d5.mirn d6.mirn -o middle.mirn
  hx-restore -q lower.mirn middle.mirn d7.mirn d8.mirn -o out.img
  assert_same out.img 8.img
}

@test "a chain goes wherever a snapshot goes" {
  generations 3 content
  layers=(full.mirn d1.mirn d2.mirn d3.mirn)
  make_dense target.img 6500001 3
  cp target.img also.img
  hx-restore -q --in-place "${layers[@]}" -o target.img
  assert_same target.img 3.img
  put_bytes target.img 1000000 77 5
  expect_status 0 hx-restore --only-differences --in-place --json "${layers[@]}" -o target.img
  jq -e '.written <= 131072 and .zeroed <= 131072' <<<"$out"
  assert_same target.img 3.img
  hx-restore -q "${layers[@]}" -o - | cmp - 3.img
  hx-restore -q --range 1000001+2000003 "${layers[@]}" -o - | cmp - <(tail -c +1000002 3.img | head -c 2000003)
  hx-restore -q --in-place --range 1000001+2000003 "${layers[@]}" -o also.img
  cmp <(tail -c +1000002 also.img | head -c 2000003) <(tail -c +1000002 3.img | head -c 2000003)
  expect_status 0 hx-restore --verify-only --json "${layers[@]}"
  [ "$(jq -s 'length' <<<"$out")" -eq 4 ]
  jq -se 'all(.ok)' <<<"$out"
  assert_sparse target.img 7M
}

@test "a chain on a snapshot of the original's, whose state is its checksum" {
  cp "$GOLDEN/mirn-v1/good/sparse-64m.mirn" full.mirn
  hx-restore -q full.mirn -o 0.img
  cp --sparse=always 0.img 1.img
  put_bytes 1.img 1000000 300000 3
  hx-cbt-diff -q --base full.mirn 1.img | hx-snap-pack -q -o d1.mirn
  hx-info --json d1.mirn | jq -e --arg sum "$(sha256_of 0.img)" '.parent_state == "sha256:" + $sum'
  hx-restore -q full.mirn d1.mirn -o out.img
  assert_same out.img 1.img
}

@test "what is no chain is refused before the target is touched" {
  generations 3 content
  make_sparse other.img 6500001 9
  hx-snap-pack -q other.img -o other.mirn
  make_dense target.img 6500001 3
  cp target.img before.img
  local layers
  while read -ra layers; do
    for target in out.img target.img; do
      # shellcheck disable=SC2046  # no word, or one
      expect_status 10 hx-restore $([ $target = out.img ] || echo --in-place) "${layers[@]}" -o $target
      expect_one_error hx-restore
    done
    [ ! -e out.img ]
    assert_same target.img before.img
  done <<'END'
d1.mirn
d1.mirn d2.mirn
d1.mirn full.mirn
full.mirn d2.mirn
full.mirn d1.mirn d3.mirn
full.mirn d2.mirn d1.mirn
full.mirn d1.mirn d1.mirn
full.mirn other.mirn
other.mirn d1.mirn
END
  expect_pipe '0 10' 'cat d1.mirn | hx-restore -o out.img'
  [ ! -e out.img ]
}

@test "damage in any layer is found before a target in place is touched" {
  generations 2 small
  make_dense target.img 6500001 3
  cp target.img before.img
  local layer at
  for layer in full d1 d2; do
    for at in 5 3 2; do
      cp $layer.mirn good.mirn
      flip_byte $layer.mirn $(($(size_of $layer.mirn) / at))
      expect_status 1 hx-restore --in-place full.mirn d1.mirn d2.mirn -o target.img
      assert_same target.img before.img
      # A new file is exact, or not there: what a newer layer hides is not read for it.
      if hx-restore -q full.mirn d1.mirn d2.mirn -o out.img 2>/dev/null; then
        assert_same out.img 2.img
        rm out.img
      fi
      [ ! -e out.img ]
      expect_status 1 hx-restore --verify-only full.mirn d1.mirn d2.mirn
      mv good.mirn $layer.mirn
    done
  done
  head -c -1 d1.mirn >cut.mirn
  expect_status 1 hx-restore --in-place full.mirn cut.mirn d2.mirn -o target.img
  assert_same target.img before.img
}

@test "the original refuses a delta: it is version 2 from the first bytes on" {
  generations 1 content
  [ "$(od -An -tx1 -N8 d1.mirn | tr -d ' ')" = 4d49524e00000002 ]
  hx-snap-pack -q --mirn 2 --no-checksum 0.img -o v2.mirn
  [ "$(od -An -tx1 -N8 v2.mirn | tr -d ' ')" = 4d49524e00000002 ]
  hx-restore -q v2.mirn -o out.img
  assert_same out.img 0.img
  hx-restore -q -o out2.img < <(cat v2.mirn)
  assert_same out2.img 0.img
}

@test "hx-info shows which builds on which" {
  generations 2 content
  expect_status 0 hx-info full.mirn d2.mirn d1.mirn
  expect_out 'd1.mirn: MIRN delta, version 2' 'builds on' 'chain:' '  full.mirn: full' '    d1.mirn: delta, ' '      d2.mirn: delta, '
  expect_status 0 hx-info full.mirn d2.mirn
  expect_out 'missing: the state '
  expect_status 0 hx-info --json d1.mirn full.mirn
  [ "$(jq -s '.[0].parent_state == .[1].state' <<<"$out")" = true ]
}

@test "a delta in a pipe is a delta, and is packed at once" {
  generations 1 content
  hx-cbt-diff -q --base full.mirn 1.img | hx-snap-pack --spool /nonexistent >piped.mirn
  hx-cbt-diff -q --base full.mirn 1.img | hx-snap-pack --spool /nonexistent | cat >piped2.mirn
  for delta in piped piped2; do
    hx-restore -q full.mirn $delta.mirn -o $delta.img
    assert_same $delta.img 1.img
  done
}

@test "a damaged delta is never salvaged as if it were a disk" {
  generations 1 small
  local damaged
  cp d1.mirn as-it-is.mirn
  cp d1.mirn metadata.mirn
  flip_byte metadata.mirn 20
  cp d1.mirn magic.mirn
  flip_byte magic.mirn 1
  cp d1.mirn both.mirn
  flip_byte both.mirn 1
  flip_byte both.mirn $(($(size_of both.mirn) - 100))
  head -c -3000 metadata.mirn >cut.mirn
  for damaged in as-it-is metadata magic both cut; do
    status=0
    hx-restore --salvage $damaged.mirn -o out.img 2>../err || status=$?
    [[ $status =~ ^(1|8|10)$ ]] || fail "$damaged: status $status"
    [ ! -e out.img ] || fail "$damaged makes a disk"
  done
}
