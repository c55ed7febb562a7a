#!/usr/bin/env bats
# hx-snap-merge(1): a chain becomes one snapshot, or deltas one delta, and what builds on it still does.
load helpers

# full.mirn and d1 to d4.mirn, and the disk after each as 0.img to 4.img.
chain() {
  make_sparse 0.img 6M
  hx-snap-pack -q 0.img -o full.mirn
  local i layers=(--base full.mirn)
  for i in 1 2 3 4; do
    cp --sparse=always $((i - 1)).img $i.img
    put_bytes $i.img $((i * 1000000)) 300000 $i
    put_bytes $i.img $((5000000 + i * 100)) 50 $i
    hx-cbt-diff --granularity 4K "${layers[@]}" $i.img | hx-snap-pack -q -o d$i.mirn
    layers+=(--base "d$i.mirn")
  done
}

@test "a full snapshot and its deltas become a full one" {
  chain
  expect_status 0 hx-snap-merge --json full.mirn d1.mirn d2.mirn -o merged.mirn
  jq -e '.kind == "full" and .chunks_copied > 0 and .chunks_packed > 0 and .parent_state == null and (.layers | length) == 3' <<<"$out"
  hx-restore merged.mirn -o out.img
  assert_same out.img 2.img
  hx-restore merged.mirn d3.mirn d4.mirn -o out2.img
  assert_same out2.img 4.img
  # Its body is the image for every zstd, too.
  body_of merged.mirn | zstd -dcq | cmp - 2.img
  hx-snap-seal merged.mirn
  [ "$(hx-info --json merged.mirn | jq -c '[.version, .checksum]')" = '[2,null]' ]
}

@test "version 1 is hashed, and read by who knows nothing else" {
  chain
  hx-snap-merge -q --format v1 full.mirn d1.mirn d2.mirn d3.mirn -o merged.mirn
  hx-info --json merged.mirn | jq -e --arg sum "$(sha256_of 3.img)" '.version == 1 and .sealed and .checksum == $sum'
  hx-restore --verify full merged.mirn -o out.img
  assert_same out.img 3.img
  hx-restore merged.mirn d4.mirn -o out4.img
  assert_same out4.img 4.img
  expect_status 10 hx-snap-merge --format v1 d1.mirn d2.mirn -o no.mirn
  [ ! -e no.mirn ]
}

@test "deltas become a delta, without their base" {
  chain
  hx-snap-merge -q d2.mirn d3.mirn -o middle.mirn
  hx-info --json middle.mirn | jq -e '.kind == "delta"'
  hx-restore full.mirn d1.mirn middle.mirn d4.mirn -o out.img
  assert_same out.img 4.img
  expect_status 10 hx-snap-merge d1.mirn d3.mirn -o no.mirn
  expect_status 10 hx-snap-merge d3.mirn d2.mirn -o no.mirn
  [ ! -e no.mirn ]
}

@test "a damaged layer makes nothing, and no layer is written over" {
  chain
  cp d2.mirn bad.mirn
  flip_byte bad.mirn $(($(size_of bad.mirn) / 2))
  expect_status 1 hx-snap-merge full.mirn d1.mirn bad.mirn -o merged.mirn
  expect_one_error hx-snap-merge
  [ ! -e merged.mirn ]
  expect_status 10 hx-snap-merge --force full.mirn d1.mirn -o d1.mirn
  expect_status 10 hx-snap-merge full.mirn d1.mirn -o d2.mirn
  hx-restore full.mirn d1.mirn d2.mirn -o out.img
  assert_same out.img 2.img
  expect_status 2 hx-snap-merge full.mirn
  expect_err 'no output'
}
