#include "failoverd/messages.hpp"

namespace ctdb::failoverd {

namespace {

// One function per direction for each type of field; a message is the list of its fields.
struct encoder {
    writer out;
    void operator()(std::uint32_t v) { out.put(v); }
    void operator()(std::uint64_t v) { out.put(v); }
    void operator()(bool v) { out.put<std::uint8_t>(v ? 1 : 0); }
    void operator()(verdict v) { out.put(v); }
    void operator()(take_failure v) { out.put(v); }
    void operator()(pnn v) { out.put(v.value); }
    void operator()(stamp v) { out.put(v.count()); }
    void operator()(std::chrono::milliseconds v) { out.put<std::int64_t>(v.count()); }
    void operator()(const std::string& v) {
        out.put(static_cast<std::uint32_t>(v.size()));
        out.put_bytes(view_of(v));
    }
    template <class A, class B>
    void operator()(const std::map<A, B>& all) {
        out.put(static_cast<std::uint32_t>(all.size()));
        for (const auto& [name, value] : all) {
            (*this)(name);
            (*this)(value);
        }
    }
    void operator()(const item_set& all) {
        out.put(static_cast<std::uint32_t>(all.size()));
        for (const item& one : all) {
            (*this)(one);
        }
    }
    void operator()(const std::vector<pnn>& all) {
        out.put(static_cast<std::uint32_t>(all.size()));
        for (const pnn one : all) {
            (*this)(one);
        }
    }
};

struct decoder {
    reader in;
    void operator()(std::uint32_t& v) { v = in.get<std::uint32_t>(); }
    void operator()(std::uint64_t& v) { v = in.get<std::uint64_t>(); }
    void operator()(bool& v) { v = in.get<std::uint8_t>() != 0; }
    void operator()(verdict& v) {
        v = in.get<verdict>();
        if (v > verdict::failed) {
            in.reject();
        }
    }
    void operator()(take_failure& v) {
        v = in.get<take_failure>();
        if (v > take_failure::stale) {
            in.reject();
        }
    }
    void operator()(pnn& v) { v = pnn(in.get<std::uint32_t>()); }
    void operator()(stamp& v) { v = stamp(in.get<std::int64_t>()); }
    void operator()(std::chrono::milliseconds& v) {
        v = std::chrono::milliseconds(in.get<std::int64_t>());
    }
    void operator()(std::string& v) { v = text_of(in.take(in.get<std::uint32_t>())); }
    std::uint32_t count(std::size_t smallest) {
        const auto n = in.get<std::uint32_t>();
        if (n > items_max || n * smallest > in.remaining()) {
            in.reject();
            return 0;
        }
        return n;
    }
    template <class A, class B>
    void operator()(std::map<A, B>& all) {
        for (std::uint32_t left = count(5); left != 0 && in.ok(); --left) {
            A name{};
            B value{};
            (*this)(name);
            (*this)(value);
            all.insert_or_assign(std::move(name), value);
        }
    }
    void operator()(item_set& all) {
        for (std::uint32_t left = count(4); left != 0 && in.ok(); --left) {
            item one;
            (*this)(one);
            all.insert(std::move(one));
        }
    }
    void operator()(std::vector<pnn>& all) {
        for (std::uint32_t left = count(4); left != 0 && in.ok(); --left) {
            pnn one;
            (*this)(one);
            all.push_back(one);
        }
    }
};

template <class F, class... T>
void each(F& f, T&... fields) {
    (f(fields), ...);
}

// clang-format off
template <class F, class M> requires std::is_same_v<std::remove_const_t<M>, status>
void fields(F& f, M& m) { each(f, m.now, m.accepted, m.heard, m.known, m.available, m.held, m.closed); }
template <class F, class M> requires std::is_same_v<std::remove_const_t<M>, prepared>
void fields(F& f, M& m) { each(f, m.of, m.outcome, m.accepted, m.held, m.text); }
template <class F, class M> requires std::is_same_v<std::remove_const_t<M>, released>
void fields(F& f, M& m) { each(f, m.of, m.held); }
template <class F, class M> requires std::is_same_v<std::remove_const_t<M>, taken>
void fields(F& f, M& m) { each(f, m.of, m.round, m.held, m.failures); }
template <class F, class M> requires std::is_same_v<std::remove_const_t<M>, finalised>
void fields(F& f, M& m) { each(f, m.of, m.outcome, m.text); }
template <class F, class M> requires std::is_same_v<std::remove_const_t<M>, authority>
void fields(F& f, M& m) { each(f, m.current, m.echo, m.fenced); }
template <class F, class M> requires std::is_same_v<std::remove_const_t<M>, prepare>
void fields(F& f, M& m) { each(f, m.of, m.echo, m.members, m.plan, m.key, m.limit); }
template <class F, class M> requires std::is_same_v<std::remove_const_t<M>, release>
void fields(F& f, M& m) { each(f, m.of, m.limit); }
template <class F, class M> requires std::is_same_v<std::remove_const_t<M>, take>
void fields(F& f, M& m) { each(f, m.of, m.round, m.echo, m.items, m.limit); }
template <class F, class M> requires std::is_same_v<std::remove_const_t<M>, finalise>
void fields(F& f, M& m) { each(f, m.of, m.limit); }
// clang-format on

template <std::size_t I = 0>
bool decode_kind(decoder& in, std::size_t kind, message& out) {
    if constexpr (I < std::variant_size_v<message>) {
        if (kind != I) {
            return decode_kind<I + 1>(in, kind, out);
        }
        std::variant_alternative_t<I, message> value;
        fields(in, value);
        out = std::move(value);
        return true;
    } else {
        return false;
    }
}

} // namespace

bytes encode(pnn origin, const message& m) {
    encoder e;
    e(message_version);
    e(origin);
    e(static_cast<std::uint32_t>(m.index()));
    std::visit([&e](const auto& body) { fields(e, body); }, m);
    return e.out.take();
}

bytes encode(const released_all& d) {
    encoder e;
    e(message_version);
    e(d.origin);
    e(d.key);
    e(d.now);
    return e.out.take();
}

result<released_all> decode_released_all(byte_view data) {
    decoder d{reader(data)};
    released_all got;
    std::uint32_t version = 0;
    each(d, version, got.origin, got.key, got.now);
    if (!d.in.ok() || d.in.remaining() != 0 || version != message_version) {
        return fail(EBADMSG, "datagram of {} bytes", data.size());
    }
    return got;
}

result<envelope> decode(byte_view data) {
    decoder d{reader(data)};
    envelope got;
    std::uint32_t version = 0;
    std::uint32_t kind = 0;
    each(d, version, got.origin, kind);
    if (!d.in.ok() || version != message_version) {
        return fail(EBADMSG, "failover message of version {}, {} bytes", version, data.size());
    }
    if (!decode_kind(d, kind, got.message) || !d.in.ok() || d.in.remaining() != 0) {
        return fail(EBADMSG, "failover message of kind {}: malformed, {} bytes", kind, data.size());
    }
    return got;
}

} // namespace ctdb::failoverd
