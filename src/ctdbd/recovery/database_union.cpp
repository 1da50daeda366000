#include "ctdbd/recovery/database_union.hpp"

#include <algorithm>
#include <map>

namespace ctdb::ctdbd {
namespace {

constexpr protocol::db_flags kind_mask =
    protocol::db_flag::persistent | protocol::db_flag::replicated;

} // namespace

std::vector<database_plan> unite_databases(const std::vector<node_databases>& nodes) {
    std::vector<database_plan> plans;
    std::map<db_id, std::size_t> places;
    for (const node_databases& node : nodes) {
        for (const protocol::dbid& db : node.map.dbs) {
            const auto kind = db.flags & kind_mask;
            const auto [place, is_new] = places.try_emplace(db.db_id, plans.size());
            if (is_new) {
                database_plan plan;
                plan.id = db.db_id;
                plan.kind = kind;
                plans.push_back(std::move(plan));
            }
            database_plan& plan = plans[place->second];
            plan.kinds_differ = plan.kinds_differ || plan.kind != kind;
            if (plan.having.empty() || plan.having.back() != node.node) { // listed twice
                plan.having.push_back(node.node);
            }
        }
    }
    for (database_plan& plan : plans) {
        for (const node_databases& node : nodes) {
            if (std::find(plan.having.begin(), plan.having.end(), node.node) == plan.having.end()) {
                plan.lacking.push_back(node.node);
            }
        }
    }
    return plans;
}

} // namespace ctdb::ctdbd
