#include "net/curl_client.h"

#include <pwd.h>
#include <unistd.h>

#include <condition_variable>
#include <cstdlib>
#include <mutex>
#include <system_error>
#include <thread>

#include "net/certificate_pin.h"
#include "net/curl_transfer.h"

namespace hx {
namespace {

constexpr int kPollMs = 1000;

std::string home() {
  const char* value = getenv("HOME");
  return value ? value : "";
}

std::string login_name() {
  const passwd* const user = getpwuid(geteuid());
  return user ? user->pw_name : "";
}

// The first of the usual keys that exists: libcurl by itself knows RSA and DSA only.
std::string ssh_key() {
  for (const char* name : {"id_ed25519", "id_ecdsa", "id_rsa"})
    if (std::string path = home() + "/.ssh/" + name; ::access(path.c_str(), R_OK) == 0) return path;
  return "";
}

Status check_readable(const std::string& path) {
  if (path.empty() || ::access(path.c_str(), R_OK) == 0) return {};
  Error error = system_error(errno, path);
  error.kind = ErrorKind::kUsage;
  return error;
}

class CurlClient : public HttpClient {
 public:
  explicit CurlClient(CurlSetup setup) : setup_(std::move(setup)) {}
  ~CurlClient() override {
    {
      std::lock_guard lock(mutex_);
      stopping_ = true;
    }
    if (thread_.joinable()) {
      curl_multi_wakeup(multi_.get());
      thread_.join();
    }
  }

  Result<HttpResponse> perform(const HttpRequest& asked, BodySink& sink) override {
    HttpRequest request = asked;
    if (request.url.scheme == "sftp" && request.url.user.empty()) request.url.user = login_name_;
    Job job(setup_, request, sink);
    if (!job.transfer.easy()) return job.transfer.finish(CURLE_OUT_OF_MEMORY);
    std::unique_lock lock(mutex_);
    HX_TRY(start());
    incoming_.push_back(&job);
    curl_multi_wakeup(multi_.get());
    lock.unlock();
    {
      const std::stop_callback on_stop(request.stop, [&] { cancel(job); });
      const std::stop_callback on_end(setup_.options.stop, [&] { cancel(job); });
      lock.lock();
      job.done.wait(lock, [&] { return job.is_done; });
      lock.unlock();
    }
    return job.is_cancelled ? cancelled() : job.transfer.finish(job.code);
  }

 private:
  struct Job {
    Job(const CurlSetup& setup, const HttpRequest& request, BodySink& sink) : transfer(setup, request, sink) {}
    CurlTransfer transfer;
    CURLcode code = CURLE_OK;
    bool is_done = false;  // under the mutex; then the loop does not touch the job any more
    bool is_cancelled = false;
    std::condition_variable done;
  };

  Status start() {  // under the mutex
    if (thread_.joinable()) return {};
    multi_.reset(curl_multi_init());
    if (!multi_) return bug("out of memory");
    try {
      thread_ = std::thread([this] { run(); });
    } catch (const std::system_error& error) {
      return system_error(error.code().value(), "start a thread");
    }
    return {};
  }

  void run() {
    std::unique_lock lock(mutex_);
    while (!stopping_) {
      std::vector<Job*> jobs = std::move(incoming_);
      incoming_.clear();
      lock.unlock();
      for (Job* job : jobs) {
        curl_easy_setopt(job->transfer.easy(), CURLOPT_PRIVATE, static_cast<void*>(job));
        if (curl_multi_add_handle(multi_.get(), job->transfer.easy()) != CURLM_OK) finish(*job, CURLE_FAILED_INIT);
      }
      while (Job* job = next_cancelled()) {
        curl_multi_remove_handle(multi_.get(), job->transfer.easy());
        job->is_cancelled = true;
        finish(*job, CURLE_ABORTED_BY_CALLBACK);
      }
      int running = 0, left = 0;
      curl_multi_perform(multi_.get(), &running);
      while (const CURLMsg* message = curl_multi_info_read(multi_.get(), &left)) {
        if (message->msg != CURLMSG_DONE) continue;
        void* job = nullptr;
        const CURLcode code = message->data.result;
        CURL* const easy = message->easy_handle;
        curl_easy_getinfo(easy, CURLINFO_PRIVATE, &job);
        curl_multi_remove_handle(multi_.get(), easy);
        finish(*static_cast<Job*>(job), code);
      }
      curl_multi_poll(multi_.get(), nullptr, 0, kPollMs, nullptr);  // perform() of another thread wakes it
      lock.lock();
    }
  }

  void cancel(Job& job) {
    std::lock_guard lock(mutex_);
    if (job.is_done) return;
    to_cancel_.push_back(&job);
    curl_multi_wakeup(multi_.get());
  }

  Job* next_cancelled() {
    std::lock_guard lock(mutex_);
    if (to_cancel_.empty()) return nullptr;
    Job* const job = to_cancel_.back();
    to_cancel_.pop_back();
    return job;
  }

  void finish(Job& job, CURLcode code) {
    std::lock_guard lock(mutex_);
    std::erase(incoming_, &job);  // it may be cancelled before it began, or end before it is cancelled
    std::erase(to_cancel_, &job);
    job.code = code;
    job.is_done = true;
    job.done.notify_one();
  }

  const CurlSetup setup_;
  const std::string login_name_ = login_name();
  std::mutex mutex_;
  std::vector<Job*> incoming_, to_cancel_;
  bool stopping_ = false;
  std::unique_ptr<CURLM, decltype(&curl_multi_cleanup)> multi_{nullptr, curl_multi_cleanup};
  std::thread thread_;
};

}  // namespace

Result<std::shared_ptr<HttpClient>> make_curl_client(const CurlOptions& options) {
  static const CURLcode ready = curl_global_init(CURL_GLOBAL_DEFAULT);
  if (ready != CURLE_OK) return bug(std::string("libcurl: ") + curl_easy_strerror(ready));
  CurlSetup setup;
  setup.options = options;
  for (const auto& file : {options.ca_file, options.client_certificate, options.client_key})
    HX_TRY(check_readable(file));
  if (!options.thumbprint.empty()) {
    setup.thumbprint = HX_TRY(parse_thumbprint(options.thumbprint));
    // pin_certificate() is for the contexts of one library.
    if (!std::string_view(curl_version_info(CURLVERSION_NOW)->ssl_version).starts_with("OpenSSL"))
      return unsupported("a thumbprint needs a libcurl that is built with OpenSSL");
  }
  setup.known_hosts = home() + "/.ssh/known_hosts";
  setup.ssh_key = ssh_key();
  return std::shared_ptr<HttpClient>(std::make_shared<CurlClient>(std::move(setup)));
}

}  // namespace hx
