// Records that controls bring: UPDATE_RECORD of a volatile database ends copies (databases.md 7.3,
// 3.4), PUSH_RECORD brings some (10.1). In the line of their key as everything else (I8).
#include "common/base/log.hpp"
#include "common/protocol/record_buffer.hpp"
#include "ctdbd/database/record/planted_bug.hpp"
#include "ctdbd/database/record/record_impl.hpp"

#include <utility>

namespace ctdb::ctdbd {

using protocol::record_flag;
using protocol::record_header;

void record_engine::update(
    byte_view record_buffer,
    ctdb::generation received_in,
    async::time_point deadline,
    std::function<void(update_end)> done
) {
    const auto buffer = protocol::view_record_buffer(record_buffer);
    const auto job = std::make_shared<update_job>(impl_->runtime_, deadline, std::move(done));
    const auto read = protocol::for_each_entry(record_buffer, [&](const auto& record) {
        record_request request;
        request.kind = request_kind::update;
        request.generation = received_in;
        request.key = record.key;
        request.data = record.data;
        request.job = job;
        job->add();
        impl_->submit(std::move(request));
        return true;
    });
    job->finish(buffer && read ? update_end::stored : update_end::refused);
}

void record_engine::push(
    const protocol::pushed_record& record,
    async::time_point deadline,
    std::function<void(update_end)> done
) {
    const bytes value = protocol::join_header(record.header, record.value);
    record_request request;
    request.kind = request_kind::pushed;
    request.generation = record.generation;
    request.key = record.key;
    request.data = value;
    request.job = std::make_shared<update_job>(impl_->runtime_, deadline, std::move(done));
    impl_->submit(std::move(request));
}

void record_engine::impl::take_up_update(const record_request& request) {
    const bool pushed = request.kind == request_kind::pushed;
    const auto applied = pushed ? apply_pushed(request) : apply_update(request);
    if (!applied) {
        log_warning(
            "database {}: key {}: {} refused: {}",
            settings_.name,
            to_hex(request.key),
            pushed ? "copy" : "update",
            applied.error().what
        );
    }
    request.job->finish(applied.value_or(update_end::refused));
}

// databases.md 7.3 for volatile databases: a record that is not here needs no update, an older one
// than ours is refused unless it says the same.
result<update_end> record_engine::impl::apply_update(const record_request& request) {
    auto header = protocol::header_of(request.data);
    if (!header) {
        return pass(header);
    }
    header->flags.clear(protocol::readonly_mask); // updates end copies, they make none
    const byte_view data = protocol::data_after_header(request.data);
    std::optional<record_header> mine;
    bool same = false;
    const auto read = store_.read(request.key, [&](byte_view value) {
        if (const auto h = protocol::header_of(value)) {
            mine = *h;
            same = same_bytes(protocol::data_after_header(value), data);
        }
    });
    if (!read) {
        return pass(read);
    }
    if (!mine || planted(planted_bug::copy_stays_readable)) {
        return update_end::not_needed;
    }
    if (mine->rsn >= header->rsn) {
        if (!same) {
            return fail(ESTALE, "rsn {} is not above ours {}", header->rsn, mine->rsn);
        }
        return update_end::not_needed;
    }
    const auto stored = put(request.key, lmaster_of(request.key), *header, data);
    return stored ? result<update_end>(update_end::stored) : pass(stored);
}

// The header has the rsn from before the change, so that the dmaster's copy stays the higher one.
result<update_end> record_engine::impl::apply_pushed(const record_request& request) {
    auto header = protocol::header_of(request.data);
    if (!header) {
        return pass(header);
    }
    const auto mine = read_header(request.key);
    if (!mine) {
        return pass(mine);
    }
    const bool stays = *mine && ((*mine)->dmaster == settings_.me || (*mine)->rsn > header->rsn);
    if (stays || header->dmaster == settings_.me) {
        return update_end::not_needed;
    }
    header->flags.clear(transient_flags | protocol::readonly_mask);
    header->flags.set(record_flag::migrated_with_data);
    const byte_view data = protocol::data_after_header(request.data);
    const auto stored = put(request.key, lmaster_of(request.key), *header, data);
    return stored ? result<update_end>(update_end::stored) : pass(stored);
}

} // namespace ctdb::ctdbd
