#!/usr/bin/env bats
load helpers

@test "shellcheck finds nothing in the scripts and shell tests" {
  require shellcheck
  expect_status 0 "$HX_ROOT/scripts/lint" --shell
}

@test "each script says what it does, and can be run" {
  for script in "$HX_ROOT"/scripts/*; do
    [ -x "$script" ] || fail "$script is not executable"
    [[ $(sed -n 2p "$script") == '# '[A-Z]* ]] || fail "$script: line 2 does not say what it does"
  done
}
