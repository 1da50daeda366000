#include "ctdbd/routing/pending_controls.hpp"

#include <vector>

namespace ctdb::ctdbd {

namespace {

client::control_answer own_answer(const char* text) {
    client::control_answer answer;
    answer.text = text;
    return answer;
}

} // namespace

reqid pending_controls::add(
    pnn to, client_id owner, std::optional<async::time_point> deadline, control_completion done
) {
    const reqid id = ids_.allocate();
    entry added{to, owner, std::move(done), nullptr};
    if (deadline) {
        added.timer = std::make_unique<async::timer>(runtime_, [this, id] {
            ++timeouts_;
            finish(id, control_end::timed_out, own_answer(text_timed_out));
        });
        added.timer->arm(*deadline);
    }
    waiting_.emplace(id, std::move(added));
    return id;
}

bool pending_controls::answered(pnn from, reqid id, const protocol::reply_control& reply) {
    const auto found = waiting_.find(id);
    if (found == waiting_.end() || found->second.to != from) {
        return false;
    }
    client::control_answer answer;
    answer.status = reply.status;
    answer.data = to_bytes(reply.data);
    answer.text = protocol::text_until_nul(reply.error_text);
    finish(id, control_end::answered, std::move(answer));
    return true;
}

void pending_controls::node_lost(pnn node) {
    std::vector<reqid> lost;
    for (const auto& [id, waiting] : waiting_) {
        if (waiting.to == node) {
            lost.push_back(id);
        }
    }
    for (const reqid id : lost) {
        finish(id, control_end::node_lost, own_answer(text_node_lost));
    }
}

void pending_controls::owner_gone(client_id owner) {
    for (auto it = waiting_.begin(); it != waiting_.end();) {
        if (it->second.owner == owner) {
            ids_.release(it->first);
            it = waiting_.erase(it);
        } else {
            ++it;
        }
    }
}

void pending_controls::cancel(reqid id) {
    if (waiting_.erase(id) != 0) {
        ids_.release(id);
    }
}

void pending_controls::finish(reqid id, control_end end, client::control_answer answer) {
    auto ended = waiting_.extract(id);
    if (ended.empty()) {
        return; // an earlier completion of the same batch cancelled it
    }
    ids_.release(id);
    ended.mapped().done(end, std::move(answer));
}

} // namespace ctdb::ctdbd
