#!/usr/bin/env bats
# The original's files: good ones restore exactly, bad ones are refused with their status, their place, and no file.
load helpers

good() {
  sed -n 's/^| \([a-z0-9-]*\) | \([0-9]*\) | \([0-9a-f]\{64\}\) |$/\1 \2 \3/p' "$GOLDEN/README.md"
}

@test "every good snapshot restores exactly, from a file, from a pipe, and to a pipe" {
  local name size sum count=0
  while read -r name size sum; do
    local file=$GOLDEN/mirn-v1/good/$name.mirn
    hx-restore "$file" -o "$name.img"
    hx-restore -o "$name.pipe" < <(cat "$file")
    [ "$(size_of "$name.img")" -eq "$size" ]
    [ "$(sha256_of "$name.img")" = "$sum" ]
    assert_same "$name.img" "$name.pipe"
    [ "$(hx-restore "$file" -o - | sha256sum | cut -d ' ' -f 1)" = "$sum" ]
    hx-restore --verify-only "$file"
    count=$((count + 1))
  done < <(good)
  [ "$count" -eq "$(find "$GOLDEN/mirn-v1/good" -name '*.mirn' | wc -l)" ]
  assert_sparse sparse-64m.img 2M
}

@test "every bad snapshot is refused with its status, its name, its place and its fault, and no file is left" {
  local name wanted fault count=0
  mkdir target
  while IFS='|' read -r name wanted fault; do
    local file=$GOLDEN/mirn-v1/bad/$name.mirn
    expect_status "$wanted" hx-restore "$file" -o target/disk.img
    expect_one_error hx-restore
    expect_err "$name.mirn: at " "$fault"
    expect_status "$wanted" hx-restore -o target/disk.img < <(cat "$file")
    expect_one_error hx-restore
    expect_err "stdin: at " "$fault"
    expect_status "$wanted" hx-restore --verify-only "$file"
    assert_no_files_left target
    count=$((count + 1))
  done <<'END'
body-bit-flip|1|damaged
body-missing|1|has 0 bytes, the header says 403112
body-truncated|1|at 50639: cut short
checksum-mismatch|1|checksum mismatch: expected 0000
empty-file|1|empty
magic-only|1|cut short inside the header
metadata-not-json|1|malformed JSON
metadata-over-1mib|1|metadata too large: 1048577 bytes
metadata-truncated|1|cut short inside the header
negative-size|1|"size_bytes" is negative
size-larger-than-data|1|the header says 407208
size-smaller-than-data|1|403111 bytes
trailing-garbage|1|at 101071: 
version-0|8|unsupported format version: 0 (expected 1 or 2)
version-2|1|at 12: metadata: "hx" is missing
wrong-magic|1|magic
END
  [ "$count" -eq "$(find "$GOLDEN/mirn-v1/bad" -name '*.mirn' | wc -l)" ]
}

@test "a bad snapshot does not touch a target in place" {
  for name in checksum-mismatch body-truncated trailing-garbage size-larger-than-data; do
    make_dense old.img 1M 5
    cp old.img before.img
    expect_status 1 hx-restore "$GOLDEN/mirn-v1/bad/$name.mirn" --in-place -o old.img
    assert_same old.img before.img
  done
}
