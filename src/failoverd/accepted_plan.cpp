#include "failoverd/accepted_plan.hpp"

#include <cstdlib>

#include <fmt/format.h>

namespace ctdb::failoverd {

namespace {

std::string file_in(const std::string& run) {
    return run + "/failover/epoch";
}

} // namespace

accepted_plan load_accepted_plan(const std::string& run) {
    accepted_plan loaded;
    const auto lines = read_items(file_in(run));
    if (!lines) {
        return loaded;
    }
    for (const item_line& line : *lines) {
        if (line.name == "epoch" && !line.words.empty()) {
            loaded.accepted = std::strtoull(line.words.front().c_str(), nullptr, 10);
        } else {
            loaded.share.insert(line.name);
        }
    }
    return loaded;
}

result<> save_accepted_plan(const std::string& run, const accepted_plan& what) {
    std::string text = fmt::format("epoch {}\n", what.accepted);
    for (const item& which : what.share) {
        text += which + "\n";
    }
    return write_durably(file_in(run), text);
}

} // namespace ctdb::failoverd
