// How structures are described: layout<T>::describe(archive, value) names every field in wire
// order, once.
//
// Archives: writing (layout/archives.hpp), reading (same), and the tests' JSON reader. Operations
// of an archive:
//   a(name, field)                    a field of any type with a codec
//   a.pad(n)                          n filler bytes
//   a.count(name, list, size)         u32 number of elements of `size` bytes each, checked against
//   what remains a.elements(name, list)            the elements counted before a.blob(name, bytes)
//   u32 length, bytes a.text_n(name, text)              u32 length with NUL, text, NUL
//   a.terminated_text_n(name, text)   the same, optional, a NUL is demanded
//   a.fixed_text(name, text, size)    text in a field of `size` bytes, NUL-terminated inside it
//   a.array(name, numbers)            std::array of numbers
#pragma once

#include <cstddef>

namespace ctdb::protocol {

template <class T>
struct layout;

// count followed at once by the elements
template <class Archive, class List>
void counted(Archive& a, const char* name, List& list, std::size_t element_size) {
    a.count(name, list, element_size);
    a.elements(name, list);
}

} // namespace ctdb::protocol
