#!/usr/bin/env bats
# hx-ckpt(1): the original's checkpoints and our own, shown, checked, converted, pruned.
load helpers

seed() { cp "$GOLDEN/checkpoint/good/seed.checkpoint" "${1:-.web.checkpoint}"; }
# A checkpoint whose files are small enough to be here.
small() {
  seed
  jq '.files[0].total_size = 5 | .files[0].downloaded_size = 5 | .output_path = "."
      | .files[0].checksum = "5994471abb01112afcc18159f6cc74b4f511b99806da59b3caf5a9c173cacfc5"' .web.checkpoint >new
  mv new .web.checkpoint
}

@test "show: the seed's example, as text and as JSON" {
  seed
  expect_status 0 hx-ckpt show .web.checkpoint
  diff - <(echo "$out") <<'END'
Progress: 71.4%
Files: 2
  disk-0.vmdk: completed (53687091200/53687091200 bytes)
  disk-1.vmdk: pending (0/21474836480 bytes)
END
  expect_status 0 hx-ckpt show -v web
  expect_out web-server-01 vsphere /backups
  expect_status 0 hx-ckpt show --json .web.checkpoint
  jq -e '.checkpoint == ".web.checkpoint" and .vm_name == "web-server-01" and .complete == false and (.files | length) == 2' <<<"$out"
}

@test "no secret of the original's checkpoint is shown" {
  seed
  sed -i 's|https://vcenter/nfc/...|https://root:hunter2@vc/nfc/52-hunter2/disk.vmdk?sig=hunter2|' .web.checkpoint
  grep -q hunter2 .web.checkpoint
  for how in -v --json; do
    expect_status 0 hx-ckpt show $how .web.checkpoint
    [[ $out != *hunter2* ]] || fail "$out"
    expect_out 'https://***@vc/nfc/***/disk.vmdk'
  done
}

@test "bad ones are refused, with the file's name" {
  for file in "$GOLDEN"/checkpoint/bad/*.checkpoint; do
    cp "$file" .web.checkpoint
    local wanted=1
    [[ $file != */newer.* ]] || wanted=8
    expect_status $wanted hx-ckpt show .web.checkpoint
    expect_one_error hx-ckpt
    expect_err .web.checkpoint
  done
}

@test "check: against the files, by size and by SHA-256" {
  small
  expect_status 1 hx-ckpt check .web.checkpoint
  expect_out 'disk-0.vmdk: WRONG: is missing' 'disk-1.vmdk: holds: nothing yet'
  expect_one_error hx-ckpt
  printf 'hell' >disk-0.vmdk
  expect_status 1 hx-ckpt check .web.checkpoint
  expect_out 'has 4 bytes instead of 5'
  printf 'HELLO' >disk-0.vmdk
  expect_status 0 hx-ckpt check .web.checkpoint
  expect_status 1 hx-ckpt check --verify .web.checkpoint
  printf 'hello' >disk-0.vmdk
  sum=$(sha256_of disk-0.vmdk)
  sed -i "s/\"checksum\": \"5994[0-9a-f]*\"/\"checksum\": \"$sum\"/" .web.checkpoint
  expect_status 0 hx-ckpt check --verify --json .web.checkpoint
  jq -se 'map(.holds) == [true, true] and map(.whole) == [true, false]' <<<"$out"
  mkdir elsewhere && mv disk-0.vmdk elsewhere
  expect_status 0 hx-ckpt check -d elsewhere .web.checkpoint
}

@test "convert: compressed it is the same, and as private" {
  seed
  cp .web.checkpoint original
  expect_status 2 hx-ckpt convert .web.checkpoint
  expect_status 0 hx-ckpt convert --compress .web.checkpoint
  assert_no_files_left . original .web.checkpoint.zst
  [ "$(stat -c %a .web.checkpoint.zst)" = 600 ]
  zstd -dcq .web.checkpoint.zst | cmp - original
  expect_status 0 hx-ckpt show .web.checkpoint # by its plain name, too
  expect_status 0 hx-ckpt convert --decompress .web.checkpoint.zst
  assert_same .web.checkpoint original
  assert_no_files_left . original .web.checkpoint
}

@test "list, rm and prune" {
  seed
  seed .old.checkpoint
  echo x >.broken.checkpoint
  echo x >.old.checkpoint.bad
  touch -d '8 days ago' .old.checkpoint .old.checkpoint.bad
  expect_status 0 hx-ckpt list
  expect_out './.web.checkpoint: web-server-01 (vsphere), 71.4% of 2 files' '.broken.checkpoint: malformed JSON'
  expect_status 0 hx-ckpt list --json .
  jq -se 'length == 3 and (map(select(.error == null)) | length) == 2' <<<"$out"
  expect_status 2 hx-ckpt prune .
  expect_status 0 hx-ckpt prune --older-than 7d -n .
  [ -e .old.checkpoint ]
  expect_status 0 hx-ckpt prune --older-than 7d .
  [ "$out" = $'./.old.checkpoint\n./.old.checkpoint.bad' ]
  assert_no_files_left . .web.checkpoint .broken.checkpoint
  expect_status 0 hx-ckpt rm .broken.checkpoint web
  assert_no_files_left .
}

@test "one that a run uses is not removed, and the run is named" {
  seed
  touch -d '8 days ago' .web.checkpoint
  exec 9>.web.checkpoint.lock
  flock -x 9
  echo '{"program":"hx-export","pid":4711,"host":"backup","started":"2026-01-01T00:00:00Z"}' >&9
  expect_status 10 hx-ckpt rm .web.checkpoint
  expect_err 'locked by hx-export, process 4711 on backup since 2026-01-01T00:00:00Z'
  expect_status 10 hx-ckpt convert --compress .web.checkpoint
  expect_status 0 hx-ckpt prune --older-than 7d .
  expect_err 'process 4711'
  [ -e .web.checkpoint ]
  exec 9>&-
  expect_status 0 hx-ckpt rm .web.checkpoint # the file of the lock is still there, nobody has it
  assert_no_files_left .
}

@test "a checkpoint without a disk of a stream has no token" {
  seed
  expect_status 2 hx-ckpt token .web.checkpoint
  expect_one_error hx-ckpt
}

@test "wrong usage is one line" {
  seed
  for command in 'hx-ckpt' 'hx-ckpt shwo .web.checkpoint' 'hx-ckpt show' 'hx-ckpt show gone' 'hx-ckpt list gone' \
    'hx-ckpt prune --older-than soon .' 'hx-ckpt token a b'; do
    # shellcheck disable=SC2086  # a command line
    expect_status 2 $command
    expect_one_error hx-ckpt
  done
}

@test "exports that are remembered are listed, and all but the newest forgotten" {
  mkdir -p state/web-01
  for day in 01 02 03 04; do
    printf '{"vm_id": "web-01", "export_time": "2026-02-%sT10:30:15Z", "total_size": 1048576, "disks": [{"key": "a"}]}' $day \
      >state/web-01/2026-02-${day}T10-30-15.000Z.json
  done
  cp state/web-01/2026-02-04T10-30-15.000Z.json state/web-01/latest.json
  printf x >state/web-01/2026-02-02T10-30-15.000Z.json
  expect_status 0 hx-ckpt exports --state-dir state
  [ "$(wc -l <<<"$out")" -eq 4 ]
  expect_out 'web-01  2026-02-01T10:30:15.000Z  1.00 MiB  1 disk  state/web-01/2026-02-01T10-30-15.000Z.json' 'web-01  unreadable'
  hx-ckpt exports --json --state-dir state web-01 >../out
  [ "$(jq -c .disks ../out | tr '\n' ' ')" = '1 null 1 1 ' ]
  expect_status 0 hx-ckpt forget --keep 1 -n --state-dir state web-01
  [ "$(wc -l <<<"$out")" -eq 3 ]
  expect_status 0 hx-ckpt forget --keep 1 --state-dir state web-01
  assert_no_files_left state/web-01 2026-02-04T10-30-15.000Z.json latest.json
  expect_status 2 hx-ckpt forget --state-dir state web-01
  expect_status 2 hx-ckpt forget --keep 1 --state-dir state ../web-01
}
