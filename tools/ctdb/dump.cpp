#include "dump.hpp"

#include "text.hpp"

namespace ctdb::tool {

json record_json(const protocol::record_header& header, byte_view data) {
    json out;
    out["data"] = json_data(data);
    out["dmaster"] = json_node(header.dmaster);
    out["rsn"] = header.rsn.value;
    out["flags"] = record_flag_list(header.flags);
    out["flags_raw"] = header.flags.value;
    return out;
}

void dump::show(byte_view key, byte_view value) {
    const auto header = protocol::header_of(value);
    if (!header) {
        return;
    }
    const byte_view data = protocol::data_after_header(value);
    ++count_;
    if (!ctx_.json()) {
        fmt::print("{}{}\n", key_text(key), record_text(*header, data));
        return;
    }
    json one;
    one["key"] = json_data(key);
    one.update(record_json(*header, data));
    if (ctx_.options.json == json_form::lines) {
        print_json_line(ctx_, one);
    } else {
        records_.push_back(std::move(one));
    }
}

void dump::end(std::string_view noun) const {
    json last;
    switch (ctx_.options.json) {
    case json_form::none:
        fmt::print("Dumped {} {}\n", count_, noun);
        return;
    case json_form::lines:
        last["records"] = count_;
        break;
    case json_form::object:
        last = json_head(ctx_, ctx_.command->name);
        last["records"] = records_;
        break;
    }
    print_json(ctx_, last);
}

} // namespace ctdb::tool
