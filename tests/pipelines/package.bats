#!/usr/bin/env bats
# scripts/package: a Debian package that installs, runs and goes away without a trace.
load helpers

# dpkg as it is on this machine, but its files go below ./root and what it knows is a copy: the dependencies are those of
# the real system, which is not touched.
dpkg_aside() { dpkg --instdir="$PWD/root" --admindir="$PWD/admin" --log=/dev/null --no-triggers "$@"; }

@test "the package installs, its tools, completions and pages work, and purging leaves nothing" {
  require dpkg-deb dpkg-shlibdeps
  require_root
  [ -e "${HX_BIN%/bin}/CMakeCache.txt" ] || skip 'the tools under test are not in a build directory'
  local package
  package=$("$HX_ROOT/scripts/package" --build "${HX_BIN%/bin}" --output .)
  mkdir -p root admin/info admin/updates
  cp /var/lib/dpkg/status admin/
  if dpkg-query --admindir=admin -W hx >/dev/null 2>&1; then skip 'a package hx is installed here'; fi

  dpkg_aside --install "$package" 2>../err || fail "$(cat ../err)"
  [ "$(dpkg-query --admindir=admin -W -f '${db:Status-Status}' hx)" = installed ]
  diff <(our_tools) <(find root/usr/bin -type f -printf '%f\n' | LC_ALL=C sort)
  (cd root && md5sum --quiet -c ../admin/info/hx.md5sums)

  export PATH="$PWD/root/usr/bin:$PATH"
  make_sparse disk.img 4M
  hx-fetch disk.img | hx-snap-pack -o disk.mirn
  hx-restore disk.mirn -o copy.img
  assert_same disk.img copy.img
  while read -r tool; do
    [ "$(command -v "$tool")" = "$PWD/root/usr/bin/$tool" ]
    zcat "root/usr/share/man/man1/$tool.1.gz" | grep -q "^\.Nd "
    bash -n "root/usr/share/bash-completion/completions/$tool"
    [ "$(head -n 1 "root/usr/share/zsh/vendor-completions/_$tool")" = "#compdef $tool" ]
    grep -q "^complete -c $tool " "root/usr/share/fish/vendor_completions.d/$tool.fish"
  done < <(our_tools)
  [[ $(file -b -m root/usr/share/hx/magic disk.mirn) = *sealed* ]]

  dpkg_aside --purge hx
  [ -z "$(find root -mindepth 1)" ] || fail "left: $(find root)"
  if dpkg-query --admindir=admin -W hx 2>/dev/null; then fail 'dpkg still knows it'; fi
}

@test "lintian finds nothing to say of the package" {
  require lintian
  [ -e "${HX_BIN%/bin}/CMakeCache.txt" ] || skip 'the tools under test are not in a build directory'
  "$HX_ROOT/scripts/package" --build "${HX_BIN%/bin}" --output . >../package
  expect_status 0 lintian --allow-root --fail-on error,warning "$(cat ../package)"
  [ -z "$out" ] || fail "$out"
}
