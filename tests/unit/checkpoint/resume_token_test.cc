#include "checkpoint/resume_token.h"

#include <catch2/catch.hpp>

#include "base/base64url.h"
#include "sample_checkpoint.h"

using namespace hx;
using namespace hx::test;

TEST_CASE("a token says of each disk where the sink is, in one word that a shell leaves alone") {
  Checkpoint checkpoint = sample_checkpoint();
  checkpoint.find("vm.mirn")->validator = {ValidatorKind::kFile, "1 2 3 4 5"};
  checkpoint.find("vm.mirn")->source = {"https://u:hunter2@h/x?sig=hunter2", Digest{}, "", ""};
  const ResumeToken token = token_of(checkpoint).value();
  REQUIRE(token.disks.size() == 2);
  CHECK(token.disks[0].key == "disk0");
  CHECK(token.disks[0].from == 2 << 20);
  CHECK(token.disks[0].size == 3 << 20);
  CHECK(token.disks[0].state == "state-uuid");
  const std::string text = format_token(token);
  CHECK(text.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.") == text.npos);
  CHECK(parse_token(text).value() == token);
  CHECK(parse_token(" " + text + "\r\n").value() == token);
  CHECK(decode_base64url(text.substr(4, text.rfind('.') - 4)).value().find("hunter2") == std::string::npos);
}

TEST_CASE("a checkpoint without a disk has no token") {
  Checkpoint checkpoint = sample_checkpoint();
  for (FileCheckpoint& file : checkpoint.files) file.disk.reset();
  CHECK(token_of(checkpoint).error().kind == ErrorKind::kUsage);
}

TEST_CASE("a token that was cut or changed anywhere is refused") {
  const std::string text = format_token(token_of(sample_checkpoint()).value());
  for (size_t cut = 0; cut < text.size(); ++cut) REQUIRE_FALSE(parse_token(text.substr(0, cut)).ok());
  for (size_t at = 0; at < text.size(); ++at) {
    std::string changed = text;
    changed[at] = changed[at] == 'x' ? 'y' : 'x';
    REQUIRE_FALSE(parse_token(changed).ok());
  }
  CHECK(parse_token("hx2." + text.substr(4)).error().kind == ErrorKind::kUnsupported);
  CHECK(parse_token("").error().kind == ErrorKind::kUsage);
}

TEST_CASE("a token whose numbers cannot be is refused") {
  const auto with = [](auto change) {
    ResumeToken token = token_of(sample_checkpoint()).value();
    change(token);
    return parse_token(format_token(token)).ok();
  };
  CHECK(with([](ResumeToken&) {}));
  CHECK(with([](ResumeToken& token) { token.disks[0].from = 3 << 20; }));  // all of it
  CHECK(with([](ResumeToken& token) { token.disks[0].size.reset(); }));
  CHECK_FALSE(with([](ResumeToken& token) { token.disks[0].from = 4 << 20; }));
  CHECK_FALSE(with([](ResumeToken& token) { token.disks[0].from = 5; }));
  CHECK_FALSE(with([](ResumeToken& token) { token.disks[0].chunk_size = 0; }));
  CHECK_FALSE(with([](ResumeToken& token) { token.disks.push_back(token.disks[0]); }));
  CHECK_FALSE(with([](ResumeToken& token) { token.disks.clear(); }));
}

TEST_CASE("validators: strong tags only, equal ones prove, nothing proves nothing") {
  CHECK(etag_validator("\"a\"")->text() == "etag:\"a\"");
  for (const char* weak : {"W/\"a\"", "a", "\"", "", "\"a\n\""}) CHECK_FALSE(etag_validator(weak));
  struct stat st = {};
  st.st_ino = 7;
  const Validator file = file_validator(st);
  CHECK(file.proves_same(parse_validator(file.text()).value()));
  st.st_ctim.tv_nsec = 1;
  CHECK_FALSE(file.proves_same(file_validator(st)));
  CHECK_FALSE(Validator().proves_same(Validator()));
  CHECK(parse_validator("") == Validator());
  for (const char* text : {"etag", "etag:", "what:1", "state:a\tb"}) CHECK_FALSE(parse_validator(text));
}
