// make_private_corpus DIRECTORY: one file per kind of message, with values in every field that
// counts.
#include "common/provider/messages.hpp"
#include "ctdbd/database/lineage.hpp"
#include "failoverd/messages.hpp"

#include <filesystem>
#include <fstream>
#include <iostream>

namespace {

using namespace ctdb;

class corpus {
public:
    explicit corpus(std::filesystem::path directory) : directory_(std::move(directory)) {
        std::filesystem::create_directories(directory_);
    }
    // As fuzz_private's table has the decoders.
    void add(char decoder, const bytes& data) {
        std::ofstream file(directory_ / std::to_string(count_++), std::ios::binary);
        file.put(decoder);
        const auto text = text_of(data);
        file.write(text.data(), static_cast<std::streamsize>(text.size()));
    }

private:
    std::filesystem::path directory_;
    int count_ = 0;
};

void add_lineages(corpus& to) {
    ctdbd::lineage known;
    for (std::uint64_t epoch = 7; epoch < 10; ++epoch) {
        known.add({epoch, generation{0x1234}, 42, ctdbd::lineage_step::whole});
    }
    writer alone;
    put(alone, known);
    to.add(0, alone.take());
    to.add(1, encode(ctdbd::lineage_question{pnn{1}, srvid{0x9E01000000000005}}));
    ctdbd::lineage_answer answer;
    answer.node = pnn{2};
    answer.highest_epoch = 9;
    answer.copies[db_id{0x1111}] = known;
    answer.copies[db_id{0x2222}] = {};
    to.add(2, encode(answer));
    to.add(3, encode(ctdbd::epoch_number{generation{0x1234}, 9, {pnn{0}, pnn{1}}}));
    to.add(4, encode(ctdbd::lineage_verdict{generation{0x1234}, db_id{0x1111}, known, {pnn{2}}}));
}

// Every alternative of a variant, as it is made.
template <class Variant, class Add, std::size_t... I>
void each_kind(Add add, std::index_sequence<I...>) {
    (add(Variant(std::in_place_index<I>)), ...);
}

void add_failover(corpus& to) {
    each_kind<failoverd::message>(
        [&to](const failoverd::message& m) { to.add(5, failoverd::encode(pnn{1}, m)); },
        std::make_index_sequence<std::variant_size_v<failoverd::message>>{}
    );
    failoverd::take take;
    take.items["10.0.0.1"] = true;
    to.add(5, failoverd::encode(pnn{0}, take));
    to.add(6, failoverd::encode(failoverd::released_all{pnn{2}, 77}));
}

void add_provider(corpus& to) {
    each_kind<provider::message>(
        [&to](const provider::message& m) { to.add(7, provider::encode(3, m)); },
        std::make_index_sequence<std::variant_size_v<provider::message>>{}
    );
    provider::register_provider who;
    who.name = "contrackd";
    who.opcodes = {44, 45, 46};
    who.srvids = {srvid{0xF300000000000000}};
    to.add(7, provider::encode(0, who));
    provider::answer said;
    said.status = -1;
    said.data = to_bytes("data");
    said.text = "no";
    to.add(7, provider::encode(4, said));
}

} // namespace

int main(int argc, char** argv) {
    if (argc != 2) {
        std::cerr << "usage: make_private_corpus DIRECTORY\n";
        return 2;
    }
    corpus to(argv[1]);
    add_lineages(to);
    add_failover(to);
    add_provider(to);
    return 0;
}
