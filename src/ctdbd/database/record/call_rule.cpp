#include "ctdbd/database/record/call_rule.hpp"

namespace ctdb::ctdbd {

using protocol::record_flag;

call_action decide_call(const call_situation& s) {
    const bool dmaster = s.header.dmaster == s.me;
    if (s.header.flags.has(record_flag::ro_revoking_readonly) ||
        s.header.flags.has(record_flag::ro_have_delegations)) {
        return call_action::recover;
    }
    if (!dmaster) {
        return s.origin == call_origin::client ? call_action::send_out : call_action::redirect;
    }
    if (s.header.flags.has(record_flag::ro_have_readonly)) {
        return call_action::recover;
    }
    if (s.origin != call_origin::peer) {
        return call_action::serve;
    }
    return s.commit_running ? call_action::wait_for_commit : call_action::hand_over;
}

protocol::record_header header_of_missing(pnn lmaster) {
    protocol::record_header header;
    header.dmaster = lmaster;
    header.flags = record_flag::automatic;
    return header;
}

} // namespace ctdb::ctdbd
