#include "ctdbd/database/lineage.hpp"

#include <cerrno>

namespace ctdb::ctdbd {

namespace {

constexpr std::size_t step_size = 24;
constexpr std::size_t lineage_size_min = 12;

void put(writer& out, const std::vector<pnn>& nodes) {
    out.put(static_cast<std::uint32_t>(nodes.size()));
    for (const pnn node : nodes) {
        out.put(node.value);
    }
}

std::vector<pnn> get_nodes(reader& in) {
    std::vector<pnn> nodes;
    const auto count = in.get<std::uint32_t>();
    if (count > in.remaining() / sizeof(std::uint32_t)) {
        in.reject();
    }
    for (std::uint32_t i = 0; i < count && in.ok(); ++i) {
        nodes.push_back(pnn{in.get<std::uint32_t>()});
    }
    return nodes;
}

result<> whole(const reader& in, const char* what) {
    if (!in.ok() || in.remaining() != 0) {
        return fail(EBADMSG, "malformed {}", what);
    }
    return {};
}

} // namespace

void lineage::add(const lineage_step& step) {
    if (birth == 0) {
        birth = step.epoch;
    }
    steps.push_back(step);
    if (steps.size() > steps_max) {
        steps.erase(steps.begin());
    }
}

void put(writer& out, const lineage& value) {
    out.put(value.birth);
    out.put(static_cast<std::uint32_t>(value.steps.size()));
    for (const lineage_step& step : value.steps) {
        out.put(step.epoch);
        out.put(step.generation.value);
        out.put(step.base);
        out.put(step.standing);
    }
}

lineage get_lineage(reader& in) {
    lineage value;
    value.birth = in.get<std::uint64_t>();
    const auto count = in.get<std::uint32_t>();
    if (count > lineage::steps_max || count > in.remaining() / step_size) {
        in.reject();
        return {};
    }
    for (std::uint32_t i = 0; i < count; ++i) {
        lineage_step step;
        step.epoch = in.get<std::uint64_t>();
        step.generation = generation{in.get<std::uint32_t>()};
        step.base = in.get<std::uint64_t>();
        step.standing = in.get<std::uint32_t>();
        value.steps.push_back(step);
    }
    return value;
}

bytes encode(const lineage_question& m) {
    writer out;
    out.put(m.asker.value);
    out.put(m.answer_to.value);
    return out.take();
}

bytes encode(const lineage_answer& m) {
    writer out;
    out.put(m.node.value);
    out.put(m.highest_epoch);
    out.put(static_cast<std::uint32_t>(m.copies.size()));
    for (const auto& [id, copy] : m.copies) {
        out.put(id.value);
        put(out, copy);
    }
    return out.take();
}

bytes encode(const epoch_number& m) {
    writer out;
    out.put(m.generation.value);
    out.put(m.epoch);
    put(out, m.members);
    return out.take();
}

bytes encode(const lineage_verdict& m) {
    writer out;
    out.put(m.generation.value);
    out.put(m.database.value);
    put(out, m.content);
    put(out, m.diverged);
    return out.take();
}

result<lineage_question> decode_lineage_question(byte_view data) {
    reader in(data);
    lineage_question m;
    m.asker = pnn{in.get<std::uint32_t>()};
    m.answer_to = srvid{in.get<std::uint64_t>()};
    if (auto bad = whole(in, "question for lineages"); !bad) {
        return pass(bad);
    }
    return m;
}

result<lineage_answer> decode_lineage_answer(byte_view data) {
    reader in(data);
    lineage_answer m;
    m.node = pnn{in.get<std::uint32_t>()};
    m.highest_epoch = in.get<std::uint64_t>();
    const auto count = in.get<std::uint32_t>();
    if (count > in.remaining() / lineage_size_min) {
        in.reject();
    }
    for (std::uint32_t i = 0; i < count && in.ok(); ++i) {
        const db_id id{in.get<std::uint32_t>()};
        m.copies[id] = get_lineage(in);
    }
    if (auto bad = whole(in, "lineages"); !bad) {
        return pass(bad);
    }
    return m;
}

result<epoch_number> decode_epoch_number(byte_view data) {
    reader in(data);
    epoch_number m;
    m.generation = generation{in.get<std::uint32_t>()};
    m.epoch = in.get<std::uint64_t>();
    m.members = get_nodes(in);
    if (auto bad = whole(in, "epoch number"); !bad) {
        return pass(bad);
    }
    return m;
}

result<lineage_verdict> decode_lineage_verdict(byte_view data) {
    reader in(data);
    lineage_verdict m;
    m.generation = generation{in.get<std::uint32_t>()};
    m.database = db_id{in.get<std::uint32_t>()};
    m.content = get_lineage(in);
    m.diverged = get_nodes(in);
    if (auto bad = whole(in, "verdict on a database"); !bad) {
        return pass(bad);
    }
    return m;
}

} // namespace ctdb::ctdbd
