// make_corpus VECTORS CORPUS: writes the golden vectors as corpus files, one directory per fuzz
// target.
#include "tests/unit/common/protocol/recode.hpp"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iostream>

#include <nlohmann/json.hpp>

namespace fs = std::filesystem;
using nlohmann::json;

namespace {

class corpus {
public:
    explicit corpus(const fs::path& directory) : directory_(directory) {
        fs::create_directories(directory_);
    }
    void add(ctdb::byte_view data) {
        std::ofstream file(directory_ / std::to_string(count_++), std::ios::binary);
        const auto text = ctdb::text_of(data);
        file.write(text.data(), static_cast<std::streamsize>(text.size()));
    }

private:
    fs::path directory_;
    int count_ = 0;
};

struct corpora {
    corpus packets, types, record_buffers;
};

void add_type(corpora& all, const std::string& type, ctdb::bytes data) {
    static const auto names = ctdb::protocol::test::type_names();
    const auto found = std::find(names.begin(), names.end(), type);
    if (type == "rec_buffer") {
        all.record_buffers.add(data);
    }
    if (found != names.end()) {
        data.insert(data.begin(), static_cast<std::byte>(found - names.begin()));
        all.types.add(data);
    }
}

// Every object with "hex", however deep: packets, and types where "type" says so.
void add_all(corpora& all, const json& value) {
    if (value.is_object() && value.contains("hex")) {
        ctdb::bytes data;
        if (ctdb::from_hex(value.at("hex").get<std::string>(), data)) {
            if (value.contains("type")) {
                add_type(all, value.at("type"), data);
            } else if (value.contains("packet")) {
                all.packets.add(data);
            } else {
                all.record_buffers.add(data); // backup files
            }
        }
    } else if (value.is_structured()) {
        for (const json& inner : value) {
            add_all(all, inner);
        }
    }
}

} // namespace

int main(int argc, char** argv) {
    if (argc != 3) {
        std::cerr << "usage: make_corpus VECTORS CORPUS\n";
        return 2;
    }
    const fs::path target = argv[2];
    corpora all{
        corpus(target / "packets"), corpus(target / "types"), corpus(target / "record_buffers")};
    for (const auto& entry : fs::directory_iterator(argv[1])) {
        if (entry.path().extension() == ".json") {
            std::ifstream file(entry.path());
            add_all(all, json::parse(file));
        }
    }
    return 0;
}
