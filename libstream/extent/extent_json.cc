#include "extent/extent_json.h"

#include <optional>

#include "base/bytes.h"
#include "base/json.h"

namespace hx {
namespace {

constexpr size_t kMaxMapText = 64 * kMiB;
constexpr size_t kMaxMapEntries = size_t{1} << 20;

Result<Kind> kind_of_description(std::string_view description) {
  if (description == "data" || description == "hole" || description == "dirty" || description == "local")
    return Kind::kData;
  if (description == "zero" || description == "hole,zero") return Kind::kZero;
  if (description == "clean" || description == "unallocated" || description.starts_with("backing depth"))
    return Kind::kAbsent;
  return unsupported("unknown description of an extent");
}

// Takes the values as they are parsed: a tree of a million objects would take a GiB.
class MapHandler : public nlohmann::json_sax<Json> {
 public:
  explicit MapHandler(NotPresent not_present) : not_present_(not_present) {}

  bool null() override { return other("null"); }
  bool boolean(bool value) override {
    if (key_ == "present")
      entry_.present = value;
    else if (key_ == "zero")
      entry_.zero = value;
    else if (key_ == "data")
      entry_.data = value;
    else if (is_number_key())
      return fail("wants a number for \"" + key_ + "\"");
    return is_inside_entry();
  }
  bool number_integer(number_integer_t) override { return other("a negative number"); }
  bool number_unsigned(number_unsigned_t value) override {
    if (key_ == "start" || key_ == "offset") {
      // qemu-img's entries have both: "offset" is then a place in the image file.
      if (key_ == "start")
        entry_.start = value;
      else
        entry_.offset = value;
    } else if (key_ == "length") {
      entry_.length = value;
    } else if (is_flag_key()) {
      return fail("wants true or false for \"" + key_ + "\"");
    }
    return is_inside_entry();
  }
  bool number_float(number_float_t, const string_t&) override { return other("a number that is no integer"); }
  bool string(string_t& value) override {
    if (key_ != "description") return other("a text");
    entry_.description = value.substr(0, 64);
    return is_inside_entry();
  }
  bool binary(binary_t&) override { return fail("holds binary data"); }
  bool start_object(size_t) override {
    if (depth_++ != 1) return fail(depth_ == 1 ? "is an object, not an array" : "holds an object");
    entry_ = {};
    return true;
  }
  bool key(string_t& value) override {
    key_ = value.substr(0, 64);
    return true;
  }
  bool end_object() override {
    --depth_;
    key_.clear();
    Status appended = append();
    if (!appended && !error_) error_ = std::move(appended).error();
    return !error_;
  }
  bool start_array(size_t) override { return depth_++ == 0 || fail("holds an array"); }
  bool end_array() override {
    --depth_;
    return true;
  }
  bool parse_error(size_t position, const std::string&, const nlohmann::detail::exception&) override {
    if (!error_) error_ = damaged("map: not JSON at byte " + std::to_string(position));
    return false;
  }

  Result<ExtentList> take() && {
    if (error_) return std::move(*error_);
    return std::move(list_);
  }

 private:
  struct Entry {
    std::optional<uint64_t> start, offset, length;
    std::optional<bool> present, zero, data;
    std::optional<std::string> description;
  };

  bool fail(std::string_view what) {
    if (!error_) error_ = damaged("map: entry " + std::to_string(count_) + " " + std::string(what));
    return false;
  }
  bool is_number_key() const { return key_ == "start" || key_ == "offset" || key_ == "length"; }
  bool is_flag_key() const { return key_ == "present" || key_ == "zero" || key_ == "data"; }
  bool is_inside_entry() { return depth_ == 2 || fail("is no object"); }
  // A value that none of our keys may have; under other keys it is ignored.
  bool other(std::string_view what) {
    if (is_number_key() || is_flag_key() || key_ == "description")
      return fail("has " + std::string(what) + " for \"" + key_ + "\"");
    return is_inside_entry();
  }

  Status append() {
    const std::string where = "map: entry " + std::to_string(count_);
    if (++count_ > kMaxMapEntries) return damaged("map: more than " + std::to_string(kMaxMapEntries) + " entries");
    const std::optional<uint64_t> begin = entry_.start ? entry_.start : entry_.offset;
    if (!begin) return damaged(where + " has neither \"start\" nor \"offset\"");
    if (!entry_.length) return damaged(where + " has no \"length\"");
    Kind kind;
    if (entry_.start) {
      if (!entry_.data || !entry_.zero) return damaged(where + " has no \"data\" or no \"zero\"");
      // Neither promise (data false, zero false) is something to be read.
      kind = !entry_.present.value_or(true) ? Kind::kAbsent : *entry_.zero ? Kind::kZero : Kind::kData;
    } else {
      if (!entry_.description) return damaged(where + " has no \"description\"");
      kind = HX_TRY_IN(where, kind_of_description(*entry_.description));
    }
    if (kind == Kind::kAbsent && not_present_ == NotPresent::kZero) kind = Kind::kZero;
    return HX_TRY_IN(where, list_.append({*begin, *entry_.length, kind})), Status();
  }

  const NotPresent not_present_;
  int depth_ = 0;  // 1: in the array, 2: in an entry
  std::string key_;
  Entry entry_;
  size_t count_ = 0;
  ExtentList list_;
  std::optional<Error> error_;
};

}  // namespace

std::string format_map_json(const ExtentList& list) {
  std::string text = "[";
  for (const MapEntry& entry : list.entries()) {
    if (text.size() > 1) text += ",\n ";
    text += "{\"start\":" + std::to_string(entry.offset) + ",\"length\":" + std::to_string(entry.length) +
            ",\"depth\":0,\"present\":" + (entry.kind == Kind::kAbsent ? "false" : "true") +
            ",\"zero\":" + (entry.kind == Kind::kZero ? "true" : "false") +
            ",\"data\":" + (entry.kind == Kind::kData ? "true" : "false") + "}";
  }
  return text + "]\n";
}

Result<ExtentList> parse_map_json(std::string_view text, NotPresent not_present) {
  if (text.size() > kMaxMapText) return damaged("map: longer than 64 MiB");
  MapHandler handler(not_present);
  if (text.find_first_not_of(" \t\r\n") == std::string_view::npos) return damaged("map: is empty");
  (void)Json::sax_parse(text, &handler);  // every way to fail leaves its error in the handler
  return std::move(handler).take();
}

}  // namespace hx
