#include "common/tdb/update.hpp"

#include "common/protocol/record_buffer.hpp"
#include "common/tdb/file.hpp"

#include <algorithm>

namespace ctdb::tdb {

namespace {

enum class verdict : std::uint8_t { store, skip, refuse };

// `stored` is the raw value in the file, shorter than a header = as good as missing (0.1).
verdict judge(
    byte_view stored, const protocol::record_header& header, byte_view value, missing_keys missing
) {
    const auto old = protocol::header_of(stored);
    if (!old || old->rsn < header.rsn) {
        return verdict::store;
    }
    if (!std::ranges::equal(protocol::data_after_header(stored), value)) {
        return verdict::refuse;
    }
    const bool falls = old->rsn > header.rsn;
    return falls && missing == missing_keys::skip ? verdict::skip : verdict::store;
}

result<> apply_record(
    file& target,
    byte_view key,
    const protocol::record_header& header,
    byte_view value,
    missing_keys missing
) {
    verdict what = verdict::store;
    const auto found =
        target.read(key, [&](byte_view stored) { what = judge(stored, header, value, missing); });
    if (!found) {
        return pass(found);
    }
    if (what == verdict::skip || (!*found && missing == missing_keys::skip)) {
        return {};
    }
    if (what == verdict::refuse) {
        return fail(
            EEXIST,
            "record {} is stored with rsn not below {} and another value",
            to_hex(key),
            header.rsn
        );
    }
    writer head(protocol::record_header_size);
    protocol::codec<protocol::record_header>::put(head, header);
    return target.write(key, head.view(), value);
}

result<> apply_all(file& target, byte_view record_buffer, missing_keys missing) {
    result<> applied;
    const auto walked = protocol::for_each_record(
        record_buffer,
        [&](byte_view key, const protocol::record_header& header, byte_view value) {
            applied = apply_record(target, key, header, value, missing);
            return applied.has_value();
        }
    );
    return walked ? applied : walked;
}

} // namespace

result<> apply_update(file& target, byte_view record_buffer, missing_keys missing) {
    const auto buffer = protocol::view_record_buffer(record_buffer);
    if (!buffer) {
        return pass(buffer);
    }
    if (!protocol::entries_valid(*buffer)) {
        return fail(EINVAL, "malformed record buffer");
    }
    auto begun = target.begin(locking::on);
    if (!begun) {
        return begun;
    }
    auto applied = apply_all(target, record_buffer, missing);
    if (!applied) {
        target.cancel(locking::on);
        return applied;
    }
    auto committed = target.commit(locking::on);
    if (!committed && target.in_transaction()) {
        target.cancel(locking::on);
    }
    return committed;
}

} // namespace ctdb::tdb
