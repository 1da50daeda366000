// tdb_store: the walk over a file, chain by chain, frozen or among those who use it.
#include "ctdbd/database/tdb_store/tdb_store.hpp"

#include <algorithm>

namespace ctdb::ctdbd {

namespace {

// Empty chains cost time too: how many of them are worth one record (foundation: 15 ns a chain
// under the mark, 60 ns with a mutex, 1.6 us with fcntl; a record some 100 ns).
constexpr std::size_t chains_per_record_frozen = 16;
constexpr std::size_t chains_per_record_mutex = 4;
constexpr std::size_t chains_per_record_fcntl = 1;
constexpr std::uint32_t chains_at_a_stretch = 1'000'000; // by libtdb itself, 1 ns each
constexpr std::size_t busy_chains_max = 64; // kept for later; beyond it the walk stands still

} // namespace

result<walk_state> tdb_store::walk(
    walk_position& position,
    std::size_t records,
    const std::function<void(byte_view key, byte_view value)>& visit
) {
    position.blocked = false;
    if (auto unchanged = check_unchanged(); !unchanged) {
        return pass(unchanged);
    }
    return file_.frozen() ? walk_frozen(position, records, visit)
                          : walk_live(position, records, visit);
}

result<walk_state> tdb_store::walk_frozen(
    walk_position& position,
    std::size_t records,
    const std::function<void(byte_view key, byte_view value)>& visit
) {
    for (; !position.busy.empty(); position.busy.pop_back()) { // left over from before the freeze
        const std::uint32_t chain = position.busy.back();
        const auto walked = file_.walk_chains(chain, chain + 1, records, visit);
        if (!walked) {
            return pass(walked);
        }
    }
    const std::uint32_t all = file_.raw().chains();
    const std::size_t budget = std::max<std::size_t>(records, 1) * chains_per_record_frozen;
    const auto end =
        static_cast<std::uint32_t>(std::min<std::size_t>(all, position.chain + budget));
    const bool starts = position.chain == 0 && all <= chains_at_a_stretch;
    const auto reached = starts ? file_.walk_from_start(records, visit)
                                : file_.walk_chains(position.chain, end, records, visit);
    if (!reached) {
        return pass(reached);
    }
    position.chain = *reached;
    return position.chain >= all ? walk_state::finished : walk_state::more;
}

result<walk_state> tdb_store::walk_live(
    walk_position& position,
    std::size_t records,
    const std::function<void(byte_view key, byte_view value)>& visit
) {
    const bool mutexes = (open_flags() & tdb::open_flag::mutex_locking) != 0;
    const std::uint32_t all = file_.raw().chains();
    std::size_t budget = std::max<std::size_t>(records, 1) *
                         (mutexes ? chains_per_record_mutex : chains_per_record_fcntl);
    std::size_t visited = 0;
    while (position.chain < all && visited < records && budget-- > 0) {
        const auto here = file_.walk_chain(position.chain, visit);
        if (!here) {
            return pass(here);
        }
        if (!*here && position.busy.size() >= busy_chains_max) {
            position.blocked = visited == 0;
            return walk_state::more;
        }
        if (*here) {
            visited += **here;
        } else {
            position.busy.push_back(position.chain);
        }
        ++position.chain;
    }
    if (position.chain < all) {
        return walk_state::more;
    }
    return walk_busy(position, visit);
}

result<walk_state> tdb_store::walk_busy(
    walk_position& position, const std::function<void(byte_view key, byte_view value)>& visit
) {
    const std::vector<std::uint32_t> chains = std::exchange(position.busy, {});
    for (const std::uint32_t chain : chains) {
        const auto here = file_.walk_chain(chain, visit);
        if (!here) {
            return pass(here);
        }
        if (!*here) {
            position.busy.push_back(chain);
        }
    }
    position.blocked = !position.busy.empty();
    return position.busy.empty() ? walk_state::finished : walk_state::more;
}

} // namespace ctdb::ctdbd
