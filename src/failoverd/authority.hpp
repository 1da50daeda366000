// authority: may this node keep its addresses (failover.md 15.8)? Pure.
//
// Yes while all hold: our own loop is on time, ctdbd's provider socket is alive, the node is
// active, and somebody vouches for it: it leads (and, where a cluster lock is configured, has been
// told within 5 s that it is held), or a leader has answered a status of ours that is less than A
// old. The age is that of our status, not of the answer: delays on the way do not add.
#pragma once

#include "common/async/runtime.hpp"

#include <chrono>
#include <string>

namespace ctdb::failoverd {

class authority_rule {
public:
    using time_point = async::time_point;
    static constexpr std::chrono::seconds lock_age_max{5};
    static constexpr std::chrono::seconds first_contact{4};

    struct settings {
        std::chrono::milliseconds timeout{20000}; // A
        std::chrono::milliseconds lease{6000};    // L; 0: no renewals
    };
    explicit authority_rule(settings s) : settings_(s) {}
    void set(settings s) { settings_ = s; }

    // The first contact is worth a little: what was adopted may stay until a leader has spoken.
    void ctdbd_is(bool alive, time_point now) {
        ctdbd_ = alive;
        if (alive) {
            vouched_for(now + first_contact - settings_.timeout);
        }
    }
    void active_is(bool active) { active_ = active; }
    void leading_is(bool leading, bool lock_configured) {
        leading_ = leading;
        lock_configured_ = lock_configured;
    }
    void lock_verified(time_point when) { lock_verified_ = when; }
    void vouched_for(time_point when) { vouched_ = vouched_ < when ? when : vouched_; }

    // "" while the addresses may stay; else why they have to go.
    [[nodiscard]] std::string objection(time_point now) const {
        if (!ctdbd_) {
            return "ctdbd is gone";
        }
        if (!active_) {
            return "the node is inactive";
        }
        if (leading_) {
            const bool verified = now - lock_verified_ <= lock_age_max;
            return lock_configured_ && !verified ? "the cluster lock is not verified" : "";
        }
        return now - vouched_ <= settings_.timeout ? "" : "no leader has answered";
    }

    // Renewals every L/4; one that comes later than L/2 after the last is not made.
    [[nodiscard]] std::chrono::milliseconds renewal_interval() const { return settings_.lease / 4; }
    [[nodiscard]] bool too_late_to_renew(time_point last, time_point now) const {
        return settings_.lease.count() != 0 && now - last > settings_.lease / 2;
    }

private:
    settings settings_;
    bool ctdbd_ = false;
    bool active_ = false;
    bool leading_ = false;
    bool lock_configured_ = false;
    time_point lock_verified_{};
    time_point vouched_{};
};

} // namespace ctdb::failoverd
