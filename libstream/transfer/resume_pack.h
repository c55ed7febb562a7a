#pragma once
// A stream into a snapshot that several runs write.

#include <chrono>

#include "transfer/pack_sink.h"
#include "transfer/resume_output.h"

namespace hx {

struct ResumeOptions {
  std::chrono::milliseconds interval = std::chrono::seconds(30);  // between saves; 0: only when the run ends
  ResumableOutput::Warn warn;
};

class ResumingPackSink : public PackSink {
 public:
  // The process is about to end: saves what there is. How another run goes on, or nothing. Any thread.
  virtual std::string save_and_tell() = 0;
  // The same of what was saved last.
  virtual std::string how_to_go_on() const = 0;
};

// One disk, whose size is known, into path. A disk that comes with `resume` goes on with path.part, whose header says
// chunk size, name, file system and time. What is sealed stays there after a failure. See ResumableOutput for what is
// refused.
Result<std::unique_ptr<ResumingPackSink>> pack_with_resume(const std::string& path, Overwrite, const PackOptions&,
                                                           ResumeOptions);

}  // namespace hx
