#include "times.hpp"

#include <algorithm>
#include <cmath>

namespace ctdb::bench {

namespace {

constexpr double least_us = 0.1;

} // namespace

void times::add(async::duration took) {
    const double us = std::chrono::duration<double, std::micro>(took).count();
    const double place = std::log2(std::max(us, least_us) / least_us) * steps;
    ++buckets_[std::min(static_cast<std::size_t>(place), buckets_.size() - 1)];
    ++count_;
}

void times::add(const times& others) {
    for (std::size_t i = 0; i < buckets_.size(); ++i) {
        buckets_[i] += others.buckets_[i];
    }
    count_ += others.count_;
}

double times::quantile_us(double part) const {
    const double wanted = std::ceil(part * static_cast<double>(count_));
    std::uint64_t seen = 0;
    for (std::size_t i = 0; i < buckets_.size(); ++i) {
        seen += buckets_[i];
        if (seen > 0 && static_cast<double>(seen) >= wanted) {
            const double middle = (static_cast<double>(i) + 0.5) / steps;
            return least_us * std::exp2(middle);
        }
    }
    return 0;
}

} // namespace ctdb::bench
