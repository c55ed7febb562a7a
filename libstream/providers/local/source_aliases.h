#pragma once
// Names for disks, from the user's configuration: hx(7), SOURCES.

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace hx {

// $XDG_CONFIG_HOME/hx/sources.json, else ~/.config/hx/sources.json; "" where neither variable says where that is. A
// relative $XDG_CONFIG_HOME is ignored, as its specification demands.
std::string default_sources_path();

// {"sources": {"vm": {"location": "/path/disk.img"}, "pair": {"locations": ["root.img", "disk:vm"]}}}
// A location is a path or a LOCATION with a scheme, never a bare alias: those are written disk:NAME. A relative path is
// relative to the file's directory; "~/" is $HOME. Keys that we do not know are refused: a misspelt one would be
// silently without effect. Immutable; any thread.
class SourceAliases {
 public:
  // No file: no aliases. Anything wrong in it: kUsage naming the file and the alias.
  static Result<SourceAliases> load(const std::string& path);
  // file: what messages call it; its directory is where relative paths begin.
  static Result<SourceAliases> parse(std::string_view json, const std::string& file);

  // Where the alias's disks are, aliases of aliases followed (a loop is kUsage). An unknown one is kUsage, its hint the
  // names that are like it.
  Result<std::vector<std::string>> resolve(const std::string& alias) const;
  bool contains(const std::string& alias) const { return sources_.contains(alias); }

 private:
  Status append_resolved(const std::string& alias, std::vector<std::string>& path_to_it,
                         std::vector<std::string>& locations) const;
  Error unknown(const std::string& alias) const;

  std::string file_;
  std::map<std::string, std::vector<std::string>> sources_;
};

}  // namespace hx
