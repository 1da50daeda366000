// call_routes: which database's engine waits for the answer to a request id.
#pragma once

#include "ctdbd/database/record/record_outputs.hpp"
#include "ctdbd/routing/request_ids.hpp"

#include <unordered_map>

namespace ctdb::ctdbd {

class call_routes final : public call_ids {
public:
    // `ids` is shared with the node's controls and outlives this.
    explicit call_routes(request_ids& ids) noexcept : ids_(ids) {}

    [[nodiscard]] reqid allocate(record_engine& owner) override {
        const reqid id = ids_.allocate();
        routes_.emplace(id, &owner);
        return id;
    }
    void release(reqid id) override {
        if (routes_.erase(id) != 0) {
            ids_.release(id);
        }
    }
    // Null: nobody waits (a late answer, or an invented one).
    [[nodiscard]] record_engine* find(reqid id) const {
        const auto found = routes_.find(id);
        return found == routes_.end() ? nullptr : found->second;
    }

private:
    request_ids& ids_;
    std::unordered_map<reqid, record_engine*> routes_;
};

} // namespace ctdb::ctdbd
