// deferred_attaches: attaches of own clients that wait for the end of a recovery
// (databases.md 1.2 step 3).
//
// Each is tried again in the turn after replay_soon(), and may then be put off again; is refused
// after DeferredAttachTO since it was first put off; is forgotten when its client goes. Upstream
// lets them wait for another second, in which the client is blocked (samba-client.md 5.2).
#pragma once

#include "common/async/runtime.hpp"
#include "ctdbd/database/answer.hpp"

#include <functional>
#include <list>
#include <string>

namespace ctdb::ctdbd {

struct attach_request {
    protocol::db_flags kind;
    std::string name;
    asker who;
    answer_to<db_id> done;
};

class deferred_attaches {
public:
    // Retry decides what becomes of a request: answer it, or hand it back to put_off().
    deferred_attaches(async::runtime& rt, std::function<void(attach_request)> retry);

    void put_off(attach_request request, async::duration limit);
    void replay_soon();
    void client_gone(client_id client);
    [[nodiscard]] std::size_t size() const noexcept { return waiting_.size(); }

private:
    struct item {
        attach_request request;
        async::time_point deadline;
    };
    void replay();
    void expire();
    void arm_expiry();

    async::runtime& rt_;
    std::function<void(attach_request)> retry_;
    std::list<item> waiting_;
    std::optional<async::time_point> retried_deadline_; // of the request being retried
    async::timer replay_;
    async::timer expiry_;
};

} // namespace ctdb::ctdbd
