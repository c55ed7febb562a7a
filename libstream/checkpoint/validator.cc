#include "checkpoint/validator.h"

#include <algorithm>
#include <array>
#include <utility>

namespace hx {
namespace {

constexpr std::array<std::pair<ValidatorKind, std::string_view>, 6> kNames = {
    {{ValidatorKind::kEtag, "etag"},
     {ValidatorKind::kVersion, "version"},
     {ValidatorKind::kGeneration, "generation"},
     {ValidatorKind::kModified, "modified"},
     {ValidatorKind::kFile, "file"},
     {ValidatorKind::kState, "state"}}};
constexpr size_t kMaxText = 1024;

std::string nanoseconds(const timespec& time) {
  return std::to_string(static_cast<int64_t>(time.tv_sec) * 1'000'000'000 + time.tv_nsec);
}

}  // namespace

std::string Validator::text() const {
  for (const auto& [known, name] : kNames)
    if (known == kind) return std::string(name) + ":" + value;
  return "";
}

std::optional<Validator> parse_validator(std::string_view text) {
  if (text.empty()) return Validator();
  const size_t colon = text.find(':');
  if (colon == std::string_view::npos || colon + 1 == text.size() || text.size() > kMaxText) return std::nullopt;
  if (std::ranges::any_of(text, [](char c) { return static_cast<unsigned char>(c) < ' ' || c == 0x7F; }))
    return std::nullopt;
  for (const auto& [kind, name] : kNames)
    if (name == text.substr(0, colon)) return Validator{kind, std::string(text.substr(colon + 1))};
  return std::nullopt;
}

std::optional<Validator> etag_validator(std::string_view value) {
  if (value.size() < 2 || value.front() != '"' || value.back() != '"') return std::nullopt;
  return parse_validator("etag:" + std::string(value));
}

Validator server_validator(std::string_view etag, const std::string& last_modified, uint64_t size) {
  if (auto validator = etag_validator(etag)) return std::move(*validator);
  if (last_modified.empty()) return {};
  return {ValidatorKind::kModified, last_modified + " " + std::to_string(size)};
}

Validator file_validator(const struct stat& st) {
  return {ValidatorKind::kFile, std::to_string(st.st_dev) + " " + std::to_string(st.st_ino) + " " +
                                    std::to_string(st.st_size) + " " + nanoseconds(st.st_mtim) + " " +
                                    nanoseconds(st.st_ctim)};
}

}  // namespace hx
