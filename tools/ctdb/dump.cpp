#include "dump.hpp"

#include "text.hpp"

namespace ctdb::tool {

void dump::show(byte_view key, byte_view value) {
    const auto header = protocol::header_of(value);
    if (!header) {
        return;
    }
    const byte_view data = protocol::data_after_header(value);
    ++count_;
    if (!ctx_.options.json) {
        fmt::print("{}{}\n", key_text(key), record_text(*header, data));
        return;
    }
    json line;
    line["key"] = json_data(key);
    line["data"] = json_data(data);
    line["dmaster"] = json_node(header->dmaster);
    line["rsn"] = header->rsn.value;
    line["flags"] = record_flag_list(header->flags);
    line["flags_raw"] = header->flags.value;
    fmt::print("{}\n", line.dump());
}

void dump::end(std::string_view noun) const {
    if (ctx_.options.json) {
        json last;
        last["records"] = count_;
        fmt::print("{}\n", last.dump());
    } else {
        fmt::print("Dumped {} {}\n", count_, noun);
    }
}

} // namespace ctdb::tool
