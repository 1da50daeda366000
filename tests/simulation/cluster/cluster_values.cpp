#include "tests/simulation/cluster/cluster_values.hpp"

#include "common/protocol/hash.hpp"
#include "common/protocol/types_record.hpp"

#include <algorithm>

#include <fmt/format.h>

namespace ctdb::simulation {

using protocol::data_after_header;

bytes encode_counter(const counter_value& value) {
    return value.stamp == 0 ? bytes{} : encode_list({value.counter, value.stamp});
}

namespace {

std::vector<std::uint64_t> decode_list(byte_view data) {
    std::vector<std::uint64_t> list;
    reader in(data);
    while (in.remaining() >= sizeof(std::uint64_t)) {
        list.push_back(in.get<std::uint64_t>());
    }
    return list;
}

std::vector<std::uint64_t> list_in(const memory_file& file, byte_view key) {
    const bytes* value = file.find(key);
    return value == nullptr ? std::vector<std::uint64_t>{} : decode_list(data_after_header(*value));
}

} // namespace

counter_value decode_counter(byte_view data) {
    const auto list = decode_list(data);
    return list.size() == 2 ? counter_value{list[0], list[1]} : counter_value{};
}

bytes encode_list(const std::vector<std::uint64_t>& list) {
    writer out;
    for (const std::uint64_t item : list) {
        out.put(item);
    }
    return out.take();
}

bytes counter_key(std::uint32_t number) {
    return to_bytes(view_of(fmt::format("counter {}", number)));
}

bytes ledger_key(int which) {
    return to_bytes(view_of(fmt::format("ledger {}", which)));
}

bool ledger::has(std::uint64_t transaction) const {
    return std::find(first.begin(), first.end(), transaction) != first.end();
}

ledger read_ledger(const memory_file& file) {
    ledger l;
    l.first = list_in(file, ledger_key(1));
    l.second = list_in(file, ledger_key(2));
    const bytes* number = file.find(protocol::sequence_number_key());
    l.sequence_number =
        number == nullptr ? 0 : protocol::sequence_number_of(data_after_header(*number));
    return l;
}

} // namespace ctdb::simulation
