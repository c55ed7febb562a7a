#!/usr/bin/env bats
# What the tools print for programs has the keys that the manual lists, and hx(7) has the numbers and words of the code.
load helpers

# keys PAGE SECTION: the keys that a section or subsection lists, sorted: its lines ".It Cm key , key".
keys() {
  awk -v name="$2" '/^\.S[hs] / { text = $0; sub(/^\.S[hs] /, "", text); on = text == name; next }
    on && sub(/^\.It Cm /, "") { gsub(/ , /, "\n"); print }' "$HX_ROOT/man/$1" | sort
}
# elements PAGE SECTION KEY: of the array that KEY is: what stands there in braces.
elements() {
  awk -v name="$2" -v key="$3" '/^\.S[hs] / { text = $0; sub(/^\.S[hs] /, "", text); on = text == name; next }
    /^\.It / { here = $0 == ".It Cm " key } on && here && match($0, /\{[a-z0-9_, ]+\}/) {
    list = substr($0, RSTART + 1, RLENGTH - 2); gsub(/, /, "\n", list); print list }' "$HX_ROOT/man/$1" | sort
}
# printed JQ [FILE]: the keys of the object, or of the objects, that JQ finds in FILE (../out), sorted.
printed() { jq -er "$1 | keys[]" "${2:-../out}" | sort -u; }
# same WHAT DOCUMENTED PRINTED: neither is empty.
same() {
  [ -n "$2" ] || fail "$1: the manual lists no keys"
  diff -u --label manual --label printed <(printf '%s\n' "$2") <(printf '%s\n' "$3") || fail "$1: other keys than in the manual"
}
without() { grep -vxE "$1"; }

@test "events: progress and summary" {
  make_sparse disk.img 1M
  hx-fetch --progress fd:3 disk.img 3>../out >disk.stream
  same progress "$(keys hx.7 'Event: progress')" "$(printed 'select(.type == "progress")')"
  same summary "$(keys hx.7 'Event: summary')" "$(printed 'select(.type == "summary")')"
  [ "$(tail -n 1 ../out | jq -r .type)" = summary ]
}

@test "events: errors" {
  expect_status 2 hx-info --progress json nosuch
  grep '^{' ../err >../out
  same error "$(keys hx.7 'Event: error')" "$(printed 'select(.type == "error")')"
  jq -e '.status == 2 and .kind == "usage"' ../out
}

@test "the receipt of hx-snap-pack, of one disk and of several, and the manifest" {
  make_sparse a.img 1M
  make_sparse b.img 2M
  hx-snap-pack --json a.img -o a.mirn >../out
  same receipt "$(keys hx.7 'Receipt of hx-snap-pack')" "$(printed .)"
  local disk='Disk of a receipt or manifest'
  same 'disk of a receipt' "$(keys hx.7 "$disk" | without file)" "$(printed '.disks[]')"
  hx-fetch a.img b.img | hx-snap-pack --json -d backup >../out
  same 'disk of several' "$(keys hx.7 "$disk" | without file)" "$(printed '.disks[]')"
  [ "$(jq '.disks | length' backup/manifest.json)" = 2 ]
  same manifest "$(keys hx.7 'Keys of the manifest')" "$(printed . backup/manifest.json)"
  same 'disk of a manifest' "$(keys hx.7 "$disk" | without path)" "$(printed '.disks[]' backup/manifest.json)"
}

@test "the receipt of hx-restore is the same for every kind of input" {
  make_sparse disk.img 1M
  hx-snap-pack -q disk.img -o vm.mirn
  hx-fetch -q disk.img >vm.stream
  wanted=$(keys hx.7 'Receipt of hx-restore')
  for input in vm.mirn vm.stream "$GOLDEN/mirn-v1/good/hello.mirn"; do
    hx-restore --json "$input" -o out1.img >../out
    same "$input" "$wanted" "$(printed .)"
    hx-restore --json -o out2.img < <(cat "$input") >../out
    same "$input from a pipe" "$wanted" "$(printed .)"
    rm out1.img out2.img
  done
  hx-restore --json --range 0+512 vm.mirn -o out.img >../out
  same ranges "$(elements hx.7 'Receipt of hx-restore' ranges)" "$(printed '.ranges[]')"
}

@test "the receipt of --as-snapshot, and what --salvage says is lost" {
  make_dense disk.img 3M
  hx-snap-pack -q disk.img -o vm.mirn
  hx-restore -q --json --as-snapshot vm.mirn -o same.mirn >../out
  same healed "$(keys hx.7 'Receipt of hx-restore --as-snapshot')" "$(printed .)"
  flip_byte vm.mirn 1500000
  expect_status 1 hx-restore --json --salvage vm.mirn -o out.img
  same lost "$(elements hx.7 'Receipt of hx-restore' lost)" "$(printed '.lost[]')"
}

@test "the receipt of --verify-only, and of damage" {
  make_dense disk.img 3M
  hx-snap-pack -q disk.img -o vm.mirn
  local section='Receipt of hx-restore --verify-only'
  hx-restore --json --verify-only vm.mirn >../out
  same indexed "$(keys hx.7 "$section" | without 'ranges|checksum')" "$(printed .)"
  hx-restore --json --verify-only "$GOLDEN/mirn-v1/good/hello.mirn" >../out
  same 'without an index' "$(keys hx.7 "$section" | without 'chunks_checked|bytes_checked')" "$(printed .)"
  flip_byte vm.mirn 1500000
  expect_status 1 hx-restore --json --verify-only vm.mirn
  same damaged "$(elements hx.7 "$section" damaged)" "$(printed '.damaged[]')"
}

@test "hx-info: snapshots and streams" {
  make_sparse disk.img 1M
  echo content >vm.xml
  hx-fetch -q --file vm.xml disk.img >vm.stream
  hx-snap-pack -q -o vm.mirn <vm.stream
  plain=$(keys hx-info.1 Snapshot)
  indexed=$plain$'\n'$(keys hx-info.1 'Snapshot with an index')
  whole=$indexed$'\n'$(keys hx-info.1 'Snapshot with an index in a file')
  hx-info --json "$GOLDEN/mirn-v1/good/hello.mirn" >../out
  same 'without an index' "$plain" "$(printed .)"
  hx-info --json - < <(cat vm.mirn) >../out
  same 'from a pipe' "$(sort <<<"$indexed")" "$(printed .)"
  hx-info --json vm.mirn >../out
  same 'in a file' "$(sort <<<"$whole")" "$(printed .)"
  same 'machine files' "$(elements hx-info.1 'Snapshot with an index in a file' machine_files)" "$(printed '.machine_files[]')"
  hx-info --json vm.stream >../out
  same stream "$(keys hx-info.1 Stream)" "$(printed .)"
  same 'disk of a stream' "$(keys hx-info.1 'Disk of a stream')" "$(printed '.disks[]')"
  same 'its files' "$(elements hx-info.1 'Disk of a stream' machine_files)" "$(printed '.disks[].machine_files[]')"
}

@test "hx-ckpt: checkpoints, lists and findings" {
  cp "$GOLDEN/checkpoint/good/seed.checkpoint" .web.checkpoint
  hx-ckpt show --json .web.checkpoint >../out
  same show "$(sort <(keys hx-checkpoint.5 Checkpoint) <(keys hx-ckpt.1 show))" "$(printed .)"
  same file "$(sort <(keys hx-checkpoint.5 File) <(echo check))" "$(printed '.files[]')"
  hx-ckpt list --json >../out
  same list "$(keys hx-ckpt.1 list)" "$(printed .)"
  expect_status 1 hx-ckpt check --json -d . .web.checkpoint
  same check "$(keys hx-ckpt.1 check)" "$(printed .)"
}

@test "hx-vdsk: changes, checkpoints and findings" {
  require qemu-img
  qemu-img create -q -f qcow2 vm.qcow2 1M
  hx-vdsk create --json --name mon vm.qcow2 >../out
  same create "$(keys hx-vdsk.1 'create, restore, delete, merge, rebase')" "$(printed .)"
  hx-vdsk create --json --kind external --name tue vm.qcow2 >../out
  same overlay "$(keys hx-vdsk.1 'create, restore, delete, merge, rebase')" "$(printed .)"
  hx-vdsk list --json --kind external vm.tue.qcow2 >../out
  same overlays "$(keys hx-vdsk.1 'list, external')" "$(printed .)"
  hx-vdsk list --json vm.qcow2 >../out
  same list "$(keys hx-vdsk.1 list)" "$(printed .)"
  hx-vdsk verify --json vm.qcow2 >../out
  same verify "$(keys hx-vdsk.1 verify)" "$(printed .)"
}

@test "the aliases that hx(7) shows work" {
  mkdir -p "$XDG_CONFIG_HOME/hx" "$HOME/disks"
  awk '/^\.Sh ALIASES/ { on = 1 } on && /^\.Ed/ { exit } on && in_block; on && /^\.Bd/ { in_block = 1 }' "$HX_ROOT/man/hx.7" >../sources
  jq -e . ../sources
  same sources.json "$(keys hx.7 ALIASES | without sources)" "$(printed '.sources[]' ../sources)"
  cp ../sources "$XDG_CONFIG_HOME/hx/sources.json"
  make_sparse "$XDG_CONFIG_HOME/hx/root.img" 1M
  make_sparse "$HOME/disks/data.img" 2M
  hx-fetch -q db >db.stream
  hx-info --json db.stream >../out
  [ "$(jq -c '[.disks[] | .name, .size]' ../out)" = '["root",1048576,"data",2097152]' ]
}

@test "hx(7) has the exit statuses and the words of the code, and each tool's page only these" {
  numbers() { awk '/^\.Sh / { on = /EXIT STATUS/ } on && /^\.It [0-9]+$/ { print $2 }' "$HX_ROOT/man/$1" | sort -n; }
  diff <(numbers hx.7) <({ echo 0; sed -nE 's/^ +k[A-Z][A-Za-z]* = ([0-9]+),.*/\1/p' "$HX_ROOT/libstream/base/error.h"; } | sort -n)
  for page in "$HX_ROOT"/man/*.1; do
    [ -n "$(numbers "${page##*/}")" ] || fail "${page##*/} lists no statuses"
    [ -z "$(comm -23 <(numbers "${page##*/}" | sort) <(numbers hx.7 | sort))" ] || fail "${page##*/}: a status that hx(7) has not"
  done
  sed -nE '/^\.Cm damaged , /s/^\.Cm //p' "$HX_ROOT/man/hx.7" | sed 's/ , /\n/g' | sort >../documented
  sed -nE '/^const char\* error_kind_name/,/^}/s/^ +return "([a-z-]+)";/\1/p' "$HX_ROOT/libstream/cli/exit_status.cc" | without unknown | sort >../existing
  [ -s ../existing ]
  diff ../documented ../existing
}

@test "hx(7) lists the schemes and suffixes that are refused" {
  # listed MACRO FIRST: the words of the line that begins so.
  listed() { sed -nE "/^\\.$1 $2 , /s/^\\.$1 //p" "$HX_ROOT/man/hx.7" | sed 's/ , /\n/g' | sort; }
  # array NAME: the words of an array in the source.
  array() { sed -n "/$1 = /,/};/p" "$HX_ROOT/libstream/providers/local/disk_location.cc" | grep -oE '"[^"]+"' | tr -d '"' | sort; }
  for scheme in $(array kSchemes); do
    # Nothing listens there.
    run --separate-stderr hx-fetch --raw --retries 0 "$scheme://127.0.0.1:1/b"
    [[ $stderr != *'this version cannot read'* ]] || echo "$scheme"
  done >refused-schemes
  for suffix in $(array kImageSuffixes); do
    make_zero "disk$suffix" 1M
    run --separate-stderr hx-fetch --raw "disk$suffix"
    [ $status -ne 8 ] || echo "$suffix"
  done >refused-suffixes
  same schemes "$(cat refused-schemes)" "$(listed Li vsphere)"
  same suffixes "$(cat refused-suffixes)" "$(listed Pa .qcow)"
}

@test "the pipelines of hx(7) work" { expect_status 0 "$HX_ROOT/tests/support/man-examples" "$HX_ROOT/man/hx.7"; }
