// event_outcome: the results of one run as they come in, and what the run's caller is answered.
// Pure.
//
// A failed script ends the run unless all are to be run; a disabled one does not. The answer is
// upstream's: 0, ECANCELED, ETIMEDOUT or ENOEXEC for every other failure (events.md 1.5).
#pragma once

#include "common/event/event_protocol.hpp"

namespace ctdb::eventd {

class event_outcome {
public:
    explicit event_outcome(bool run_all) noexcept : run_all_(run_all) {}

    void add(event::script_result ended);

    [[nodiscard]] bool goes_on() const noexcept { return goes_on_; }
    // A script reported ECANCELED (legacy): answered, not stored.
    [[nodiscard]] bool cancelled() const noexcept { return cancelled_; }
    [[nodiscard]] std::int32_t answer() const noexcept;
    [[nodiscard]] const event::event_status& status() const noexcept { return status_; }

private:
    event::event_status status_;
    bool run_all_;
    bool goes_on_ = true;
    bool cancelled_ = false;
};

} // namespace ctdb::eventd
