// make_corpus_qmp DIRECTORY: the seeds of fuzz_qmp, as QEMU 7.2 says it, with names of ours.

#include "fuzz/corpus.h"

int main(int argc, char** argv) {
  const hx::test::Corpus corpus(argc, argv);
  const std::string uuid = "01234567-89ab-4cde-8f01-23456789abcd";
  const std::string node =
      R"({"iops_rd":0,"detect_zeroes":"off","image":{"virtual-size":67108864,"filename":"d.qcow2","format":"qcow2",)"
      R"("actual-size":200704,"dirty-flag":false},"node-name":"d0","ro":false,"drv":"qcow2","file":"d.qcow2",)"
      R"("dirty-bitmaps":[{"name":"hx-1-)" +
      uuid + R"(","recording":false,"persistent":true,"busy":false,"granularity":65536,"count":0},{"name":"hx-2-)" +
      uuid + R"(","recording":true,"persistent":true,"busy":false,"granularity":65536,"count":131072}]})";
  corpus.save("greeting",
              R"({"QMP": {"version": {"qemu": {"micro": 22, "minor": 2, "major": 7}, "package": "Debian"}, )"
              R"("capabilities": ["oob"]}})"
              "\r\n{\"return\": {}, \"id\": 1}\r\n");
  corpus.save("devices", R"({"return":[{"io-status":"ok","device":"","locked":false,"removable":false,"inserted":)" +
                             node +
                             R"(,"qdev":"/machine/peripheral/vd0/virtio-backend","type":"unknown"},{"device":"cd0",)"
                             R"("locked":false,"removable":true,"tray_open":false,"type":"unknown"}],"id":2})"
                             "\n");
  corpus.save("nodes", R"({"return":[{"node-name":"d0","id":"live","type":"nbd","shutting-down":false,)" +
                           node.substr(1) + R"(],"id":3})" + "\n");
  corpus.save("error", R"({"id": 4, "error": {"class": "GenericError", "desc": "Bitmap already exists: hx-1"}})"
                       "\n");
  corpus.save("event", R"({"timestamp": {"seconds": 1, "microseconds": 2}, "event": "JOB_STATUS_CHANGE", "data": )"
                       R"({"status": "running", "id": "hx-4711-3a5f2c-0j0"}})"
                       "\n");
  corpus.save("token", "qemu:1:67108864:65536:2:" + uuid + ":" + uuid + ":vd0");
  corpus.save("bitmap", "hx-2-" + uuid);
  corpus.save("run", "hx-4711-3a5f2c-0j0");
  corpus.save("location", "qemu:/run/vm.qmp?nbd=/run/n&agent=/run/a#vd0");
}
