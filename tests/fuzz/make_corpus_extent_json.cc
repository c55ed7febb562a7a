// Seeds of fuzz_extent_json: what qemu-img, nbdinfo and we write.

#include "extent/extent_json.h"
#include "fuzz/corpus.h"

int main(int argc, char** argv) {
  const hx::test::Corpus corpus(argc, argv);
  corpus.save("empty", "[]");
  corpus.save(
      "qemu-img",
      R"([{ "start": 0, "length": 65536, "depth": 0, "present": true, "zero": false, "data": true, "offset": 327680},
{ "start": 65536, "length": 65536, "depth": 1, "present": false, "zero": true, "data": false, "filename": "a"}])");
  corpus.save("nbdinfo", R"([{ "offset": 0, "length": 4096, "type": 0, "description": "data" },
 { "offset": 4096, "length": 512, "type": 3, "description": "hole,zero" },
 { "offset": 8192, "length": 512, "type": 1, "description": "dirty" }, { "offset": 9000, "length": 1, "type": 9, "description": "backing depth 9" }])");
  hx::ExtentList list;
  (void)list.append({0, 512, hx::Kind::kData});
  (void)list.append({512, 512, hx::Kind::kZero});
  (void)list.append({1024, uint64_t{1} << 62, hx::Kind::kAbsent});
  corpus.save("ours", hx::format_map_json(list));
  corpus.save("wrong", R"([{"start":-1,"length":1e3,"zero":[],"data":{}, "x":null}])");
}
