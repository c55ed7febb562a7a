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

# links ROOM[/FOLDER]: the rooms that CMake links it to, its own folders apart, a line each.
links() {
  sed -n "s|^hx_room($1 USES \([^)]*\)).*|\1|p" "$HX_ROOT/libstream/CMakeLists.txt" | sed 's/ LIBS.*//' | tr ' ' '\n' |
    grep -v "^${1%%/*}_" | sort || true
}
rooms() { sed -n 's/^\([a-z]*\):.*/\1/p' "$HX_ROOT/libstream/LAYERS" | sort; }
may_include() { sed -n "s/^$1: *//p" "$HX_ROOT/libstream/LAYERS" | tr ' ' '\n' | grep . | sort || true; }

@test "CMake links each room to the rooms that LAYERS names" {
  # A room that CMake forgot would link by accident of another target's libraries.
  diff <(rooms) <(sed -n 's/^hx_room(\([a-z]*\)[ )].*/\1/p' "$HX_ROOT/libstream/CMakeLists.txt" | sort)
  for room in $(rooms); do
    diff <(may_include "$room") <(links "$room") || fail "$room: LAYERS (<) and CMake (>) differ"
  done
}

@test "CMake links each provider to the rooms that its files include, and to none that LAYERS forbids" {
  folders=$(cd "$HX_ROOT/libstream" && find providers -mindepth 1 -type d | sort)
  diff <(echo "$folders") <(sed -n 's|^hx_room(\([a-z]*/[a-z]*\)[ )].*|\1|p' "$HX_ROOT/libstream/CMakeLists.txt" | sort)
  for folder in $folders; do
    includes=$(grep -rhoE '^#include "[a-z]+/' "$HX_ROOT/libstream/$folder" | sed 's/.*"//; s|/||' | grep -vx providers | sort -u)
    diff <(echo "$includes") <(comm -12 <(echo "$includes") <(links "$folder")) || fail "$folder: CMake forgets a room (<)"
    diff <(links "$folder") <(comm -12 <(may_include providers) <(links "$folder")) || fail "$folder: LAYERS forbids a room (<)"
  done
}
