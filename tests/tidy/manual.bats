#!/usr/bin/env bats
# The manual is complete, and says what the tools do.
load helpers

setup() {
  hx_setup
  man=$HX_ROOT/man
  mapfile -t tools < <(our_tools)
  [ ${#tools[@]} -ge 5 ]
}
# section PAGE NAME: its text, as a reader sees it.
section() { mandoc -T ascii "$1" | col -b | awk -v name="$2" '/^[A-Z]/ { on = $0 ~ "^" name "( |$)"; next } on'; }
# The options a page explains: what stands on the tag lines of its lists, as "--output -o".
documented() { section "$1" '(OPTIONS|DESCRIPTION)' | grep -E '^ +-' | grep -oE -- '(^|[ ,])--?[a-zA-Z][a-z0-9-]*' | tr -d ' ,' | sort -u; }
existing() { "$1" --dump-options | jq -er '.options[] | "--" + .name, (if (.letter // "") != "" then "-" + .letter else empty end)' | sort -u; }

@test "mandoc finds nothing to say of any page" {
  expect_status 0 "$HX_ROOT/scripts/lint" --man
}

@test "each tool has a page, and each page of section 1 a tool" {
  diff <(printf '%s\n' "${tools[@]}" | sort) <(find "$man" -name '*.1' -printf '%f\n' | sed 's/\.1$//' | sort)
}

@test "the formats and the words have pages" {
  for page in hx.7 hx-stream.5 mirn.5 hx-checkpoint.5; do [ -s "$man/$page" ] || fail "no man/$page"; done
}

@test "each page explains every option of its tool, and no other" {
  for tool in "${tools[@]}"; do
    diff -u --label "$tool.1" --label "$tool" <(documented "$man/$tool.1") <(existing "$tool") ||
      fail "$tool.1 and $tool --dump-options differ"
  done
}

@test "each page of a tool has its sections" {
  for tool in "${tools[@]}"; do
    for name in NAME SYNOPSIS DESCRIPTION 'EXIT STATUS' EXAMPLES 'SEE ALSO'; do
      [ -n "$(section "$man/$tool.1" "$name")" ] || fail "$tool.1 has no section $name"
    done
  done
}

@test "pages refer only to pages that exist" {
  for page in "$man"/*.[157]; do
    while read -r name number; do
      [[ $name != hx* && $name != mirn ]] || [ -e "$man/$name.$number" ] || fail "${page##*/} refers to $name($number)"
    done < <(sed -n 's/^\.Xr \([^ ]*\) \([0-9]\).*/\1 \2/p' "$page")
  done
}

@test "the README names every tool, and every page that it names exists" {
  for tool in "${tools[@]}"; do
    grep -qF "| \`$tool\` |" "$HX_ROOT/README.md" || fail "README.md does not list $tool"
  done
  grep -oE 'man/[a-z-]+\.[157]' "$HX_ROOT/README.md" >../pages
  while read -r page; do [ -s "$HX_ROOT/$page" ] || fail "no $page"; done <../pages
}
