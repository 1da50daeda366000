#include "tests/unit/common/protocol/vector_file.hpp"

#include "tests/unit/common/protocol/samples.hpp"

#include <cstdlib>
#include <fstream>
#include <stdexcept>

namespace ctdb::protocol::test {
namespace {

std::string vector_directory() {
    const char* const chosen = std::getenv("CTDB_TEST_VECTORS");
    return chosen != nullptr ? chosen : CTDB_SOURCE_DIR "/tests/vectors";
}

void add_exchanges(std::vector<json>& packets) {
    for (const json& exchange : load_vectors("exchanges")) {
        std::vector<json> parts{exchange.at("request")};
        if (!exchange.at("reply").is_null()) {
            parts.push_back(exchange.at("reply"));
        }
        for (const json& message : exchange.at("messages")) {
            parts.push_back(message);
        }
        for (json& part : parts) {
            part["name"] = exchange.at("name");
            packets.push_back(std::move(part));
        }
    }
}

} // namespace

json load_vectors(const std::string& family) {
    const std::string path = vector_directory() + "/" + family + ".json";
    std::ifstream file(path);
    if (!file) {
        throw std::runtime_error("cannot open " + path);
    }
    const json whole = json::parse(file);
    const bool table = whole.contains("rows");
    const json& entries = whole.at(table ? "rows" : "vectors");
    if (!table && entries.size() != whole.at("count").get<std::size_t>()) {
        throw std::runtime_error(path + ": count is wrong");
    }
    return entries;
}

std::vector<json> all_packets() {
    std::vector<json> packets;
    for (const char* const family :
         {"control_requests",
          "control_replies",
          "calls",
          "messages",
          "misc",
          "captured_client",
          "captured_samba",
          "captured_node"}) {
        for (const json& vector : load_vectors(family)) {
            packets.push_back(vector);
        }
    }
    add_exchanges(packets);
    return packets;
}

std::vector<sample> all_samples() {
    std::vector<sample> samples;
    for (const json& packet : all_packets()) {
        samples.push_back({packet.at("name"), "", bytes_of(packet.at("hex"))});
    }
    for (const json& vector : load_vectors("types")) {
        samples.push_back({vector.at("name"), vector.at("type"), bytes_of(vector.at("hex"))});
    }
    return samples;
}

} // namespace ctdb::protocol::test
