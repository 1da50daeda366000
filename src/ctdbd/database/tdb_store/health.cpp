#include "ctdbd/database/tdb_store/health.hpp"

#include "common/base/log.hpp"
#include "ctdbd/database/tdb_store/checked_file.hpp"

namespace ctdb::ctdbd {

result<std::unique_ptr<database_health>> database_health::open(const std::string& path) {
    tdb::open_options options;
    options.path = path;
    options.flags = tdb::open_flag::disallow_nesting;
    auto checked = open_checked(options);
    if (!checked) {
        return pass(checked);
    }
    if (!checked->set_aside.empty()) {
        log_error("health of persistent databases forgotten, it is in {}", checked->set_aside);
    }
    std::unique_ptr<database_health> health(new database_health(std::move(checked->opened)));
    if (const auto loaded = health->load(); !loaded) {
        return pass(loaded);
    }
    return health;
}

result<> database_health::load() {
    for (std::uint32_t chain = 0; chain < file_->chains(); ++chain) {
        const auto walked = file_->walk_chain(chain, [this](byte_view key, byte_view value) {
            reasons_[std::string(text_of(key))] = text_of(value);
        });
        if (!walked) {
            return pass(walked);
        }
    }
    return {};
}

std::string database_health::reason(const std::string& name) const {
    const auto at = reasons_.find(name);
    return at == reasons_.end() ? std::string() : at->second;
}

result<> database_health::set(const std::string& name, const std::string& reason) {
    if (this->reason(name) == reason) {
        return {};
    }
    if (auto begun = file_->begin(tdb::locking::on); !begun) {
        return begun;
    }
    auto changed = change(name, reason);
    if (!changed) {
        if (file_->in_transaction()) {
            file_->cancel(tdb::locking::on);
        }
        return changed;
    }
    log_notice(
        "database {}: {}",
        name,
        reason.empty() ? std::string("healthy again") : "unhealthy: " + reason
    );
    if (reason.empty()) {
        reasons_.erase(name);
    } else {
        reasons_[name] = reason;
    }
    return {};
}

result<> database_health::change(const std::string& name, const std::string& reason) {
    auto written =
        reason.empty() ? file_->erase(view_of(name)) : file_->write(view_of(name), view_of(reason));
    return written ? file_->commit(tdb::locking::on) : written;
}

} // namespace ctdb::ctdbd
