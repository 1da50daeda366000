#include "ctdbd/database/record/call_rule.hpp"

#include "common/protocol/constants.hpp"

namespace ctdb::ctdbd {

using protocol::record_flag;
using protocol::record_header;

namespace {

constexpr std::uint64_t first_delegation_step = 3;
constexpr std::uint64_t delegated_behind = 2;
constexpr std::uint64_t revoked_behind = 1;

call_action decide_elsewhere(const call_situation& s) {
    if (s.header.flags.has_any(
            record_flag::ro_revoking_readonly | record_flag::ro_have_delegations
        )) {
        return call_action::recover;
    }
    if (s.origin != call_origin::client) {
        return call_action::redirect;
    }
    const bool readable = s.header.flags.has(record_flag::ro_have_readonly);
    return s.wants_to_read && readable ? call_action::serve : call_action::send_out;
}

} // namespace

call_action decide_call(const call_situation& s) {
    if (s.header.dmaster != s.me) {
        return decide_elsewhere(s);
    }
    if (s.header.flags.has(record_flag::ro_revoking_readonly)) {
        return call_action::wait_for_revoke;
    }
    const bool shared =
        s.header.flags.has_any(record_flag::ro_have_delegations | record_flag::ro_have_readonly);
    if (shared && !s.wants_to_read) {
        return call_action::revoke;
    }
    if (s.origin != call_origin::peer) {
        return call_action::serve;
    }
    if (s.wants_to_read) {
        return call_action::delegate;
    }
    return s.commit_running ? call_action::wait_for_commit : call_action::hand_over;
}

record_header header_of_missing(pnn lmaster) {
    record_header header;
    header.dmaster = lmaster;
    header.flags = record_flag::automatic;
    return header;
}

record_header delegating(const record_header& mine) {
    record_header h = mine;
    if (!h.flags.has(record_flag::ro_have_delegations)) {
        h.rsn = rsn{h.rsn.value + first_delegation_step};
        h.flags.set(record_flag::ro_have_delegations);
    }
    return h;
}

namespace {

// Nothing of the delegation stays in the flags.
record_header settled(const record_header& delegating, std::uint64_t new_rsn) {
    record_header h = delegating;
    h.rsn = rsn{new_rsn};
    h.flags.clear(protocol::readonly_mask);
    return h;
}

} // namespace

record_header delegated_copy(const record_header& delegating) {
    record_header h = settled(delegating, delegating.rsn.value - delegated_behind);
    h.flags.set(record_flag::ro_have_readonly);
    return h;
}

record_header revoked_copy(const record_header& delegating) {
    record_header h = settled(delegating, delegating.rsn.value - revoked_behind);
    h.flags.set(record_flag::migrated_with_data);
    return h;
}

record_header after_revoke(const record_header& delegating) {
    return settled(delegating, delegating.rsn.value + 1);
}

} // namespace ctdb::ctdbd
