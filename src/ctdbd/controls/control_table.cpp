#include "ctdbd/controls/control_table.hpp"

#include "common/base/ensure.hpp"
#include "common/base/log.hpp"

namespace ctdb::ctdbd {

void control_table::add(std::uint32_t opcode, raw_handler handler) {
    ensure(handlers_.emplace(opcode, std::move(handler)).second);
}

client::control_answer
control_table::rejected(std::string_view name, const request_origin& origin, const error& why) {
    log_warning(
        "{} from node {} client {} rejected: {}", name, origin.node, origin.client, why.what
    );
    return {};
}

void control_table::dispatch(const control_request& request, control_reply reply) const {
    const auto found = handlers_.find(request.opcode);
    if (found == handlers_.end()) {
        log_info(
            "control {} ({}) from node {} is not served",
            request.opcode,
            protocol::opcode_name(request.opcode),
            request.origin.node
        );
        reply(client::control_answer{});
        return;
    }
    found->second(request, std::move(reply));
}

} // namespace ctdb::ctdbd
