#include "providers/aws/s3_checkpoint.h"

#include <catch2/catch.hpp>
#include <map>

#include "checkpoint/begin.h"
#include "checkpoint/run_claim.h"
#include "checkpoint/running_checkpoint.h"
#include "checkpoint/sidecar_text.h"
#include "unit/checkpoint/sample_checkpoint.h"
#include "unit/net/scripted_client.h"

using namespace hx;
using namespace hx::test;

namespace {

// A store, with its habits.
struct Store {
  bool knows_none = true, knows_match = true, says_501 = false, compares_bare = false;
  int lost_answers = 0, conflicts = 0;
  std::map<std::string, SmallObject::Content> objects;  // by path
  int writes = 0;
  const std::shared_ptr<ScriptedClient> client =
      std::make_shared<ScriptedClient>([this](const HttpRequest& request, size_t) { return answer(request); });

  Answer answer(const HttpRequest& request) {
    const auto found = objects.find(request.url.path);
    const bool is_there = found != objects.end();
    if (request.method == Method::kGet) {
      if (!is_there) return {404, {}, "<Error><Code>NoSuchKey</Code></Error>", {}};
      return {200, {{"etag", found->second.etag}}, found->second.bytes, {}};
    }
    if (request.method == Method::kDelete) {
      objects.erase(request.url.path);
      return {204, {}, "", {}};
    }
    for (const Header& header : request.headers) {
      if (header.name != "If-Match" && header.name != "If-None-Match") continue;
      if (says_501) return {501, {}, "<Error><Code>NotImplemented</Code></Error>", {}};
      if (conflicts > 0 && conflicts--) return {409, {}, "<Error><Code>ConditionalRequestConflict</Code></Error>", {}};
      if (header.name == "If-None-Match" && knows_none && is_there) return {412, {}, "", {}};
      const std::string etag = !is_there ? "" : compares_bare ? bare(found->second.etag) : found->second.etag;
      if (header.name == "If-Match" && knows_match && header.value != etag) return {412, {}, "", {}};
    }
    ++writes;
    const std::string etag = "\"" + std::to_string(std::hash<std::string>()(request.body)) + "\"";
    objects[request.url.path] = {request.body, etag};
    if (lost_answers > 0 && lost_answers--) return {0, {}, "", lost()};
    return {200, {{"etag", etag}}, "", {}};
  }
  static std::string bare(const std::string& etag) { return etag.substr(1, etag.size() - 2); }

  SmallObject object() {
    return SmallObject(retrying_client(client, {.retries = 2, .first = {}, .most = {}}),
                       parse_url("http://h/bucket/.web.checkpoint").value(), "s3://bucket/.web.checkpoint");
  }
  std::string& bytes() { return objects.at("/bucket/.web.checkpoint").bytes; }
};

class FixedClock : public Clock {
 public:
  std::chrono::steady_clock::time_point now() const override { return {}; }
  WallTime wall_now() const override { return wall; }
  void sleep_for(std::chrono::nanoseconds) override {}
  WallTime wall = at_second(1769905000);
};

const S3CheckpointOptions kUnsafe{.conditions = S3CheckpointOptions::Conditions::kUnneeded, .lease = {}};
std::string sample_text() { return format_sidecar(sample_checkpoint()); }

// Another host's run has it.
void claim_elsewhere(Store& store, const Clock& clock, std::chrono::seconds lease) {
  RunClaim claim = claim_of_this_run(clock);
  claim.kernel = "elsewhere";
  claim.host = "far-away";
  claim.until += lease;
  store.objects["/bucket/.web.checkpoint"] = {with_claim(sample_text(), claim).value(), "\"theirs\""};
}

}  // namespace

TEST_CASE("a checkpoint in an object store is stored, renewed, let go and removed") {
  for (const bool compares_bare : {false, true}) {
    Store store;
    store.compares_bare = compares_bare;
    FixedClock clock;
    auto checkpoint = open_s3_checkpoint(store.object(), {}, clock).value();
    CHECK_FALSE(checkpoint->load().value());
    const std::string first = checkpoint->store(sample_text(), std::nullopt).value();
    CHECK(claim_in(store.bytes())->until == clock.wall + S3CheckpointOptions().lease);
    clock.wall += std::chrono::seconds(30);
    const int writes = store.writes;
    const std::string second = checkpoint->store(sample_text(), first).value();
    CHECK(store.writes == writes + 1);  // what was proven stays so
    CHECK(claim_in(store.bytes())->until == clock.wall + S3CheckpointOptions().lease);
    checkpoint->let_go();
    const std::string third = checkpoint->store(sample_text(), second).value();
    CHECK_FALSE(claim_in(store.bytes()));
    CHECK(parse_sidecar(store.bytes()).value() == sample_checkpoint());

    checkpoint = open_s3_checkpoint(store.object(), {}, clock).value();
    const auto loaded = checkpoint->load().value();
    CHECK(loaded->text == sample_text());
    CHECK(loaded->version == third);
    CHECK(checkpoint->remove(third).ok());
    CHECK(store.objects.empty());
  }
}

TEST_CASE("of two that begin at once one wins, the other learns whose it is") {
  Store store;
  const FixedClock clock;
  const auto a = open_s3_checkpoint(store.object(), {}, clock).value();
  const auto b = open_s3_checkpoint(store.object(), {}, clock).value();
  const std::string version = a->store(sample_text(), std::nullopt).value();
  const Error error = failure(b->store(sample_text(), std::nullopt));
  CHECK(error.kind == ErrorKind::kRefused);
  CHECK(error.reason == "checkpoint-changed");
  CHECK(error.message.find(claim_in(store.bytes())->holder()) != std::string::npos);
  CHECK(a->store(sample_text(), version).ok());
}

TEST_CASE("a run elsewhere keeps it until its time is over, and then loses it") {
  Store store;
  FixedClock clock;
  claim_elsewhere(store, clock, std::chrono::seconds(90));
  const Error error = failure(open_s3_checkpoint(store.object(), {}, clock));
  CHECK(error.kind == ErrorKind::kRefused);
  CHECK(error.reason == "locked");
  CHECK(error.message.find("on far-away since ") != std::string::npos);
  CHECK_FALSE(remove_s3_checkpoint(store.object(), clock).ok());
  clock.wall += std::chrono::seconds(91);
  const auto checkpoint = open_s3_checkpoint(store.object(), {}, clock).value();
  const auto loaded = checkpoint->load().value();
  CHECK(loaded->text == sample_text());
  const std::string version = checkpoint->store(sample_text(), loaded->version).value();
  // It lives after all.
  claim_elsewhere(store, clock, std::chrono::seconds(90));
  CHECK(failure(checkpoint->store(sample_text(), version)).reason == "checkpoint-changed");
  CHECK(failure(checkpoint->remove(version)).reason == "checkpoint-changed");
  CHECK(store.objects.size() == 1);
}

TEST_CASE("a run that loses its checkpoint writes no further") {
  Store store;
  const FixedClock clock;
  const auto object = open_s3_checkpoint(store.object(), {}, clock).value();
  RunningCheckpoint running(*object, {sample_checkpoint(), std::nullopt, false}, clock);
  REQUIRE(running.save().ok());
  REQUIRE(running.open_file("pending.img", RunningCheckpoint::Begin::kContinue, [] { return Status(); }).ok());
  CHECK(running.written("pending.img", 0, 10).ok());
  store.objects["/bucket/.web.checkpoint"].etag = "\"other\"";
  CHECK_FALSE(running.save().ok());
  CHECK(running.written("pending.img", 10, 20).error().reason == "checkpoint-changed");
}

TEST_CASE("a store without conditional writes is refused, and what was there stays") {
  const auto habits = GENERATE(0, 1, 2);
  const bool is_there = GENERATE(false, true);
  Store store;
  if (habits == 0) store.says_501 = true;
  if (habits == 1) store.knows_none = false;
  if (habits == 2) store.knows_match = false;
  const FixedClock clock;
  std::optional<std::string> replaces;
  if (is_there) replaces = (store.objects["/bucket/.web.checkpoint"] = {sample_text(), "\"old\""}).etag;
  const auto checkpoint = open_s3_checkpoint(store.object(), {}, clock).value();
  const Error error = failure(checkpoint->store(sample_text(), replaces));
  INFO(error.message);
  CHECK(error.kind == ErrorKind::kRefused);
  CHECK(error.reason == "no-conditional-writes");
  CHECK(error.hint.find("--checkpoint-unsafe") != std::string::npos);
  if (habits == 0) CHECK(error.message.find("501") != std::string::npos);
  if (habits == 1) CHECK(error.message.find("ignores If-None-Match") != std::string::npos);
  if (habits == 2) CHECK(error.message.find("ignores If-Match") != std::string::npos);
  CHECK(store.objects.size() == (is_there ? 1 : 0));
  if (is_there) CHECK(store.bytes() == sample_text());

  const auto unsafe = open_s3_checkpoint(store.object(), kUnsafe, clock).value();
  const std::string version = unsafe->store(sample_text(), replaces).value();
  CHECK(unsafe->remove(unsafe->store(sample_text(), version).value()).ok());
}

TEST_CASE("a write whose answer is lost is seen to be done, one that conflicts is tried again") {
  Store store;
  const FixedClock clock;
  const auto checkpoint = open_s3_checkpoint(store.object(), {}, clock).value();
  store.lost_answers = 1;
  const std::string version = checkpoint->store(sample_text(), std::nullopt).value();
  store.lost_answers = 1;
  store.conflicts = 2;
  const std::string changed = format_sidecar([] {
    Checkpoint other = sample_checkpoint();
    other.files.pop_back();
    return other;
  }());
  CHECK(checkpoint->store(changed, version).ok());
  CHECK(parse_sidecar(store.bytes()).value().files.size() == sample_checkpoint().files.size() - 1);
}

TEST_CASE("one that cannot be used is kept beside") {
  Store store;
  const FixedClock clock;
  for (int round = 1; round <= 2; ++round) {
    store.objects["/bucket/.web.checkpoint"] = {"garbage", "\"old\""};
    const auto checkpoint = open_s3_checkpoint(store.object(), {}, clock).value();
    std::string warning;
    const Beginning beginning =
        begin_checkpoint(*checkpoint, sample_checkpoint(), Restart::kNo, [&](const std::string& line) {
          warning = line;
        }).value();
    CHECK_FALSE(beginning.resumed);
    CHECK_FALSE(beginning.version);
    CHECK(warning.find("s3://bucket/.web.checkpoint.bad") != std::string::npos);
    CHECK(store.objects.at(round == 1 ? "/bucket/.web.checkpoint.bad" : "/bucket/.web.checkpoint.bad2").bytes ==
          "garbage");
    CHECK_FALSE(store.objects.contains("/bucket/.web.checkpoint"));
    CHECK(checkpoint->store(sample_text(), std::nullopt).ok());
  }
}

TEST_CASE("a store that is not reached, or a bucket that is not there, is no reason to begin anew") {
  Store store;
  const auto object = [&](Answer answer) {
    return SmallObject(std::make_shared<ScriptedClient>([=](const HttpRequest&, size_t) { return answer; }),
                       parse_url("http://h/b/k").value(), "s3://b/k");
  };
  CHECK(failure(open_s3_checkpoint(object({0, {}, "", lost()}), {}, system_clock())).kind == ErrorKind::kTemporary);
  CHECK(failure(open_s3_checkpoint(object({404, {}, "<Code>NoSuchBucket</Code>", {}}), {}, system_clock())).kind ==
        ErrorKind::kUsage);
  CHECK(failure(read_s3_checkpoint(object({404, {}, "", {}}))).kind == ErrorKind::kUsage);
}
