#include "ctdbd/database/tdb_store/lineage_file.hpp"

#include "common/base/log.hpp"
#include "common/base/unique_fd.hpp"
#include "ctdbd/database/tdb_store/sync_directory.hpp"

#include <cerrno>
#include <cstdio>
#include <fstream>
#include <iterator>

#include <fcntl.h>
#include <unistd.h>

namespace ctdb::ctdbd {

namespace {

constexpr std::string_view magic = "CTDBLIN1";

void put_block(writer& out, byte_view block) {
    out.put(static_cast<std::uint32_t>(block.size()));
    out.put_bytes(block);
}

byte_view get_block(reader& in) {
    return in.take(in.get<std::uint32_t>());
}

bytes encode(const std::map<std::string, bytes>& lineages) {
    writer out;
    out.put_bytes(view_of(magic));
    out.put(static_cast<std::uint32_t>(lineages.size()));
    for (const auto& [name, lineage] : lineages) {
        put_block(out, view_of(name));
        put_block(out, lineage);
    }
    return out.take();
}

} // namespace

lineage_file::lineage_file(std::string path) : path_(std::move(path)) {
    if (const auto loaded = load(); !loaded) {
        log_warning("{}, it is ignored", loaded.error().what);
        lineages_.clear();
    }
}

result<> lineage_file::load() {
    std::ifstream file(path_, std::ios::binary);
    if (!file) {
        return errno == ENOENT ? result<>{} : fail_errno("read {}", path_);
    }
    const std::string content{std::istreambuf_iterator<char>(file), {}};
    reader in(view_of(content));
    if (text_of(in.take(magic.size())) != magic) {
        return fail(EBADMSG, "{} does not hold lineages", path_);
    }
    const auto count = in.get<std::uint32_t>();
    for (std::uint32_t i = 0; i < count && in.ok(); ++i) {
        const std::string name(text_of(get_block(in)));
        lineages_[name] = to_bytes(get_block(in));
    }
    if (!in.ok() || in.remaining() != 0) {
        return fail(EBADMSG, "{} is damaged", path_);
    }
    return {};
}

bytes lineage_file::of(const std::string& name) const {
    const auto found = lineages_.find(name);
    return found == lineages_.end() ? bytes{} : found->second;
}

result<> lineage_file::save(const std::map<std::string, bytes>& lineages) {
    if (lineages == lineages_) {
        return {};
    }
    const auto written = write(encode(lineages));
    if (written) {
        lineages_ = lineages;
        return {};
    }
    std::remove(path_.c_str()); // none is better than one that is too old
    lineages_.clear();
    return written;
}

result<> lineage_file::write(byte_view content) const {
    const std::string fresh = path_ + ".new";
    const unique_fd fd(::open(fresh.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
    if (!fd) {
        return fail_errno("make {}", fresh);
    }
    while (!content.empty()) {
        const ssize_t done = ::write(fd.get(), content.data(), content.size());
        if (done < 0 && errno != EINTR) {
            return fail_errno("write {}", fresh);
        }
        content = content.subspan(done > 0 ? static_cast<std::size_t>(done) : 0);
    }
    if (fdatasync(fd.get()) != 0) {
        return fail_errno("sync {}", fresh);
    }
    if (std::rename(fresh.c_str(), path_.c_str()) != 0) {
        return fail_errno("rename {} to {}", fresh, path_);
    }
    return sync_directory_of(path_);
}

} // namespace ctdb::ctdbd
