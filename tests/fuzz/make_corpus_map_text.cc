// Seeds of fuzz_map_text: what bmaptool, ddrescue and we write.

#include "extent/map_text.h"
#include "fuzz/corpus.h"

int main(int argc, char** argv) {
  const hx::test::Corpus corpus(argc, argv);
  hx::ExtentList list;
  (void)list.append({0, 5000, hx::Kind::kData});
  (void)list.append({5000, 500, hx::Kind::kZero});
  (void)list.append({40960, uint64_t{1} << 33, hx::Kind::kData});
  for (const auto& [name, form] : {std::pair("json", hx::MapForm::kJson), std::pair("bmap", hx::MapForm::kBmap),
                                   std::pair("ddrescue", hx::MapForm::kDdrescue)})
    corpus.save(name, hx::format_map(form, list, uint64_t{1} << 34));
  const std::string zeros(64, '0');
  corpus.save("bmaptool",
              "<?xml version=\"1.0\" ?>\n<!-- <b> -->\n<bmap version=\"2.0\">\n <ImageSize> 3000001 </ImageSize>\n"
              " <BlockSize> 4096 </BlockSize>\n <BlocksCount> 733 </BlocksCount>\n <MappedBlocksCount> 5   "
              "</MappedBlocksCount>\n <ChecksumType> sha256 </ChecksumType>\n <BmapFileChecksum>" +
                  zeros +
                  "</BmapFileChecksum>\n <BlockMap>\n  <Range chksum=\"ef\"> 10-12 </Range>\n  <Range> 100 "
                  "</Range>\n  <Range> 732 </Range>\n </BlockMap>\n</bmap>\n");
  corpus.save("rescue",
              "# Mapfile\n0x120000 ? 1 # comment\n0 0x117000 +\n0x117000\t01000 -\n0x117200 4096 /\r\n"
              "0x118200 0x7E00 *\n0x120000 0x48000 ?\n");
}
