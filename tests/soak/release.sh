# shellcheck shell=bash
# All unit tests in the release build: what only an optimizer shows
"$HX_ROOT/scripts/build" release
ctest --test-dir "$HX_ROOT/build/release" -j "$(nproc)" --output-on-failure --no-tests=error --timeout 900 | tail -n 30
