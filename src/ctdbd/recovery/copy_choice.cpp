#include "ctdbd/recovery/copy_choice.hpp"

#include "common/base/ensure.hpp"
#include "ctdbd/database/record/planted_bug.hpp"

#include <algorithm>
#include <optional>

namespace ctdb::ctdbd {

namespace {

using steps = std::vector<lineage_step>;

bool same_recovery(const lineage_step& a, const lineage_step& b) {
    return a.epoch == b.epoch && a.generation == b.generation;
}

// The last recovery that both went through: positions just after it; nothing: none is remembered.
struct fork {
    std::size_t first;
    std::size_t second;
};
std::optional<fork> last_common(const steps& a, const steps& b) {
    for (std::size_t i = a.size(); i > 0; --i) {
        const auto there = std::find_if(b.begin(), b.end(), [&](const lineage_step& step) {
            return same_recovery(step, a[i - 1]);
        });
        if (there != b.end()) {
            return fork{i, static_cast<std::size_t>(there - b.begin()) + 1};
        }
    }
    return {};
}

// What was done since the recovery at `position`, the first of a branch.
std::uint64_t done_since(const copy_state& copy, std::size_t position) {
    const std::uint64_t base = copy.history.steps[position].base;
    return copy.sequence_number > base ? copy.sequence_number - base : 0;
}

bool related(const copy_state& a, const copy_state& b) {
    return a.history.known() && b.history.known() && a.history.birth == b.history.birth;
}

std::uint32_t standing_since(const steps& branch, std::size_t position) {
    std::uint32_t highest = 0;
    for (; position < branch.size(); ++position) {
        highest = std::max(highest, branch[position].standing);
    }
    return highest;
}

bool branch_speaks_louder(const lineage& challenger, const lineage& holder, const fork& at) {
    const std::uint32_t theirs = standing_since(challenger.steps, at.first);
    const std::uint32_t ours = standing_since(holder.steps, at.second);
    return theirs != ours ? theirs > ours : challenger.epoch() > holder.epoch();
}

// C1. Requires: both known.
bool lineage_beats(const lineage& challenger, const lineage& holder) {
    const auto common = last_common(challenger.steps, holder.steps);
    if (!common) {
        return challenger.epoch() > holder.epoch();
    }
    if (common->first == challenger.steps.size() || common->second == holder.steps.size()) {
        return common->first != challenger.steps.size(); // one descends from the other
    }
    return branch_speaks_louder(challenger, holder, *common);
}

// Two branches that began after a common recovery (C3).
bool branch_beats(const copy_state& challenger, const copy_state& holder, const fork& at) {
    const std::uint64_t theirs = done_since(challenger, at.first);
    const std::uint64_t ours = done_since(holder, at.second);
    if ((theirs == 0) != (ours == 0)) {
        return ours == 0;
    }
    if (theirs == 0 && challenger.sequence_number != holder.sequence_number) {
        return challenger.sequence_number > holder.sequence_number;
    }
    return branch_speaks_louder(challenger.history, holder.history, at);
}

bool more_by_number(const copy_state& challenger, const copy_state& holder) {
    if (challenger.sequence_number != holder.sequence_number) {
        return challenger.sequence_number > holder.sequence_number;
    }
    if (!challenger.history.known() || !holder.history.known()) {
        return challenger.history.known();
    }
    const fork nowhere{0, 0};
    return branch_speaks_louder(challenger.history, holder.history, nowhere);
}

bool beats(const copy_state& challenger, const copy_state& holder) {
    if (!related(challenger, holder)) {
        return more_by_number(challenger, holder); // C4
    }
    const auto common = last_common(challenger.history.steps, holder.history.steps);
    if (!common) {
        return challenger.history.epoch() > holder.history.epoch();
    }
    const bool challenger_stayed = common->first == challenger.history.steps.size();
    const bool holder_stayed = common->second == holder.history.steps.size();
    if (challenger_stayed && holder_stayed) { // one lineage: a commit was under way
        return challenger.sequence_number > holder.sequence_number;
    }
    if (challenger_stayed || holder_stayed) { // C2
        return holder_stayed;
    }
    return branch_beats(challenger, holder, *common);
}

} // namespace

volatile_choice counting_copies(const std::vector<lineage>& histories) {
    volatile_choice choice;
    for (const lineage& history : histories) {
        if (history.known() &&
            (!choice.history.known() || lineage_beats(history, choice.history))) {
            choice.history = history;
        }
    }
    for (std::size_t i = 0; i < histories.size(); ++i) {
        if (!histories[i].known() || planted(planted_bug::older_epochs_counted) ||
            same_recovery(histories[i].steps.back(), choice.history.steps.back())) {
            choice.counting.push_back(i);
        }
    }
    return choice;
}

std::size_t winning_copy(const std::vector<copy_state>& copies) {
    ensure(!copies.empty());
    std::size_t best = 0;
    for (std::size_t i = 1; i < copies.size(); ++i) {
        if (beats(copies[i], copies[best])) {
            best = i;
        }
    }
    return best;
}

std::uint64_t number_after_divergence(const std::vector<copy_state>& copies) {
    std::uint64_t highest = 0;
    for (const copy_state& copy : copies) {
        highest = std::max(highest, copy.sequence_number);
    }
    return highest + 2;
}

bool has_diverged(const copy_state& loser, const copy_state& winner) {
    if (loser.sequence_number == 0) {
        return false;
    }
    if (!related(loser, winner)) {
        // Two unknown ones: nobody can tell, and every recovery of a mixed cluster is like that.
        return loser.history.known() || winner.history.known();
    }
    const auto common = last_common(loser.history.steps, winner.history.steps);
    if (!common) {
        return loser.history.epoch() >= winner.history.steps.front().epoch;
    }
    if (common->second == winner.history.steps.size()) {
        return common->first != loser.history.steps.size() && done_since(loser, common->first) > 0;
    }
    return loser.sequence_number > winner.history.steps[common->second].base ||
           (common->first != loser.history.steps.size() && done_since(loser, common->first) > 0);
}

} // namespace ctdb::ctdbd
