#include "daemons.hpp"

#include "cluster.hpp"
#include "common/protocol/controls.hpp"

#include <fstream>

#include <fmt/format.h>

namespace ctdb::bench {

namespace {

long anonymous_memory(std::int32_t pid) {
    std::ifstream status(fmt::format("/proc/{}/status", pid));
    for (std::string word; status >> word;) {
        if (word == "RssAnon:") {
            long size = 0;
            status >> size;
            return size;
        }
    }
    return 0;
}

} // namespace

async::task<result<long>> daemon_memory(client::client& node) {
    namespace controls = protocol::controls;
    const time_point deadline = node.loop().now() + patience;
    const auto pid =
        co_await client::call<controls::get_pid>(node, node.self(), protocol::none(), deadline);
    if (!pid) {
        co_return pass(pid);
    }
    co_return anonymous_memory(pid->value);
}

} // namespace ctdb::bench
