#!/usr/bin/env bats
load helpers

@test "every include is one that LAYERS allows" {
  expect_status 0 "$HX_ROOT/scripts/check-layers"
}

@test "check-layers prints each offending line, and no other" {
  expect_status 1 "$HX_ROOT/scripts/check-layers" "$HX_ROOT/tests/tidy/fixtures/layers-bad"
  diff - <(sed 's/: .*//' <<<"$out" | sort) <<'OFFENCES'
libstream/base/includes_upwards.cc:1
libstream/extent/without_room.h:1
libstream/io/foreign_header.cc:3
libstream/providers/aws/other_provider.cc:1
libstream/unnamed/file.cc:1
tools/foreign_header.cc:1
tools/includes_tool.cc:1
OFFENCES
}

@test "CMake links each room to the rooms that LAYERS names" {
  # A room that CMake forgot would link by accident of another target's libraries.
  rooms_in_layers=$(sed -n 's/^\([a-z]*\):/\1/p' "$HX_ROOT/libstream/LAYERS" | sed 's/ *$//' | sort)
  rooms_in_cmake=$(sed -n 's/^hx_room(\([a-z]*\)[^ )]*\( USES\)\{0,1\}\([^)]*\)).*/\1\3/p' \
    "$HX_ROOT/libstream/CMakeLists.txt" | sed 's/ LIBS.*//; s/providers_[a-z]*/providers/' | sort -u)
  diff <(echo "$rooms_in_layers") <(echo "$rooms_in_cmake")
}
