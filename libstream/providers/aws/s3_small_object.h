#pragma once
// An object that is read and written as a whole, each write on the condition that nobody else wrote meanwhile.

#include <memory>
#include <optional>
#include <string>

#include "net/net_access.h"

namespace hx {

// What must be there for a write to be done.
struct WriteCondition {
  enum Kind : uint8_t { kNothing, kNone, kThis } kind = kNothing;  // kNothing: whatever is there
  std::string etag;                                                // of kThis
};

// One thread. Errors name the object.
class SmallObject {
 public:
  struct Content {
    std::string bytes, etag;
  };
  // "s3://bucket/key". No request yet. kUsage, kPermission: as providers/aws/s3_object.
  static Result<SmallObject> open(const std::string& location, NetAccess&);
  SmallObject(std::shared_ptr<HttpClient> client, Url url, std::string name)
      : client_(std::move(client)), url_(std::move(url)), name_(std::move(name)) {}

  // nullopt: there is none of this name. More than 16 MiB and a bit are kDamaged.
  Result<std::optional<Content>> get() const;
  // The new ETag; nullopt: the condition does not hold. kRefused (reason "no-conditional-writes"): the store says that
  // it knows no conditions. One that ignores them is not seen here.
  Result<std::optional<std::string>> put(const std::string& bytes, const WriteCondition&);
  Status remove();
  const std::string& name() const { return name_; }
  // Beside it: the same with more at the end of its key.
  SmallObject beside(const std::string& suffix) const { return {client_, with_suffix(suffix), name_ + suffix}; }

 private:
  Url with_suffix(const std::string& suffix) const;
  Result<HttpResponse> put_once(const std::string& bytes, const WriteCondition&) const;

  std::shared_ptr<HttpClient> client_;
  Url url_;
  std::string name_;
  bool bare_etags_ = false;  // Ceph 16 compares If-Match with an ETag without its quotes
};

// What a store without conditional writes is refused with; why: what it does instead.
Error no_conditional_writes(const std::string& name, const std::string& why);

}  // namespace hx
