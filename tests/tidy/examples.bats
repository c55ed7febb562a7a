#!/usr/bin/env bats
# What the manual and --help show can be pasted.
load helpers

run_examples() { expect_status 0 "$HX_ROOT/tests/support/man-examples" "$1"; }

@test "the examples of the manual work" {
  for page in "$HX_ROOT"/man/*.1; do run_examples "$page"; done
}

@test "an example that fails, and a page without one, are found" {
  printf '.Sh EXAMPLES\n.Bd -literal\n$ test -s disk.img\noutput\n.Ed\n' >good.1
  run_examples "$PWD/good.1"
  expect_out '1 run, 0 not run'
  printf '.Sh EXAMPLES\n.Bd -literal\n$ test -s disk.img &&\\e\n  false\n.Ed\n' >bad.1
  expect_status 1 "$HX_ROOT/tests/support/man-examples" "$PWD/bad.1"
  expect_out 'this example failed'
  printf '.Sh EXAMPLES\n.\\" not run: needs a host\n.Bd -literal\nfalse\n.Ed\n' >none.1
  expect_status 1 "$HX_ROOT/tests/support/man-examples" "$PWD/none.1"
}

@test "the examples of --help run, or fail for want of what they name" {
  for tool in "$HX_BIN"/hx-*; do
    "${tool##*/}" --dump-options | jq -er '.examples[]' | while IFS= read -r example; do
      bash -n -c "$example" || fail "${tool##*/} --help: not a command line: $example"
      # Every option of ours in it exists: what is missing may only be the disk, host or device that it names.
      mkdir -p run && cd run
      make_sparse disk.img 1M
      bash -o pipefail -c "$example" </dev/null >../out 2>../err || true
      ! grep -E 'hx-[a-z-]+: error: .*(unknown option|unrecognised|unexpected)' ../err || fail "$example"
      cd ..
      rm -rf run
    done
  done
}
