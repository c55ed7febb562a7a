#!/usr/bin/env bats
# The pipelines of the README can be pasted.
load helpers

# The block under the heading, without the lines that need another host or a device, and what those wrote.
pipelines() {
  awk '/^## Pipelines to paste/ { on = 1 } on && /^```$/ { exit } on && block { print } on && /^```sh$/ { block = 1 }' \
    "$HX_ROOT/README.md" | grep -vE '^export PATH|ssh |/dev/[a-z]'
}

@test "the pipelines of the README work, and give the disk back" {
  make_sparse disk.img 16M
  cp disk.img original
  zstd -q disk.img -o disk.img.zst
  echo note >notes.txt
  pipelines >../script
  [ "$(grep -c 'hx-' ../script)" -ge 8 ]
  # A snapshot or disk that the line before wrote is in the way of the next one.
  while IFS= read -r line; do
    [[ $line == *hx-* || $line == *zstd* ]] || continue
    case $line in *'-o vm.mirn'*) rm -f vm.mirn ;; *'vm.mirn -o disk.img' | *'>disk.img') rm -f disk.img ;; *'>disk.img.zst') rm disk.img.zst ;; esac
    bash -o pipefail -c "$line" >../out 2>../err || fail "README: $line" "$(cat ../err)"
    [ ! -e disk.img ] || assert_same disk.img original
    [ -e disk.img ] || cp original disk.img
  done <../script
}
