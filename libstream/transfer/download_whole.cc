#include "transfer/download_whole.h"

#include <algorithm>

namespace hx {
namespace {

class WholeSink : public BodySink {
 public:
  WholeSink(const RemoteFile& file, const WholeOptions& options, PartFile& to, const Written& written)
      : file_(file), options_(options), to_(to), written_(written), have_(options.have) {}

  void begin_attempt() {
    if (!file_.validator().proves_content()) have_ = 0;
    position_ = 0;
    size_.reset();
  }

  Status begin(const HttpResponse& response) override {
    HX_TRY(check_encoding(response));
    if (response.status != 200)
      return damaged("HTTP status " + std::to_string(response.status) + ", though no range was asked for");
    size_ = content_length(response);
    const std::string* encoding = response.header("transfer-encoding");
    if (!size_ && !(encoding && encoding->find("chunked") != encoding->npos))
      return unsupported("the server does not say its size: nothing would tell its end from a lost connection");
    // What is not said in one of the answers is not compared.
    FileValidator now = validator_of(response, size_.value_or(file_.validator().size));
    if (!file_.has_size()) now.size = file_.validator().size;
    if (now != file_.validator()) return file_changed(file_.validator(), now.text());
    return {};
  }

  Status write(ByteSpan bytes) override {
    if (options_.rate) options_.rate->spend(bytes.size());
    const uint64_t begin = position_, end = begin + bytes.size();
    if (size_ && end > *size_) return damaged("the server sends more than it said");
    position_ = end;
    if (end <= have_) return {};
    const size_t known = have_ > begin ? static_cast<size_t>(have_ - begin) : 0;
    HX_TRY(to_.write_at(begin + known, bytes.subspan(known)));
    have_ = end;
    return written_(begin + known, end);
  }

  Result<uint64_t> finish() const {
    if (size_ && position_ != *size_) return Error{ErrorKind::kTemporary, "the answer was cut short", {}, "connection"};
    return position_;
  }

 private:
  const RemoteFile& file_;
  const WholeOptions& options_;
  PartFile& to_;
  const Written& written_;
  uint64_t have_, position_ = 0;  // position_: in this attempt's answer
  std::optional<uint64_t> size_;
};

Result<uint64_t> attempt(HttpClient& client, const RemoteFile& file, WholeSink& sink) {
  HttpRequest request;
  request.url = file.url();
  request.stop = file.stop_token();
  sink.begin_attempt();
  const HttpResponse response = HX_TRY(client.perform(request, sink));
  if (response.status / 100 != 2) return status_error(response);
  return sink.finish();
}

}  // namespace

Result<uint64_t> download_whole(HttpClient& client, const RemoteFile& file, const WholeOptions& options, PartFile& to,
                                const Written& written) {
  WholeSink sink(file, options, to, written);
  for (int i = 0;; ++i) {
    auto size = attempt(client, file, sink);
    if (size.ok()) return size;
    const bool was_cut = size.error().kind == ErrorKind::kTemporary && size.error().reason == "connection";
    if (!was_cut || i >= options.retries) return std::move(size).error().within(file.name());
  }
}

}  // namespace hx
