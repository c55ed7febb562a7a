#!/usr/bin/env bats
load helpers

@test "the C++ sources are formatted as .clang-format says" {
  require clang-format
  expect_status 0 "$HX_ROOT/scripts/format" --check
}
