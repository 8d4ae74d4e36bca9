package domain

import (
	"iter"
	"maps"
)

// sharedParts is the number of parts of a SharedMap. A change copies one part and the list of parts.
const sharedParts = 256

// SharedMap is an immutable map. With and Without return a changed map that shares all parts but one with the old one,
// so that a change of a large map is cheap and readers of the old one are not affected. The zero value is empty.
type SharedMap[K ~string, V any] struct {
	parts *[sharedParts]map[K]*V // nil for an empty map
	n     int
}

// NewSharedMap returns a map of the values, each under its key.
func NewSharedMap[K ~string, V any](values iter.Seq2[K, V]) SharedMap[K, V] {
	m := SharedMap[K, V]{parts: new([sharedParts]map[K]*V)}
	for key, value := range values {
		part := &m.parts[partOf(key)]
		if *part == nil {
			*part = map[K]*V{}
		}
		if _, ok := (*part)[key]; !ok {
			m.n++
		}
		(*part)[key] = &value
	}
	return m
}

// partOf returns the part of a key: its FNV-1a hash.
func partOf[K ~string](key K) uint32 {
	hash := uint32(2166136261)
	for i := range len(key) {
		hash = (hash ^ uint32(key[i])) * 16777619
	}
	return (hash ^ hash>>16) % sharedParts
}

// Get returns the value of the key.
func (m SharedMap[K, V]) Get(key K) (value V, ok bool) {
	if m.parts == nil {
		return value, false
	}
	if found, ok := m.parts[partOf(key)][key]; ok {
		return *found, true
	}
	return value, false
}

// Len returns the number of values.
func (m SharedMap[K, V]) Len() int { return m.n }

// All yields the values in no particular order.
func (m SharedMap[K, V]) All() iter.Seq[V] {
	return func(yield func(V) bool) {
		if m.parts == nil {
			return
		}
		for _, part := range m.parts {
			for _, value := range part {
				if !yield(*value) {
					return
				}
			}
		}
	}
}

// With returns the map with the value under the key.
func (m SharedMap[K, V]) With(key K, value V) SharedMap[K, V] {
	next, part := m.change(key)
	if _, ok := part[key]; !ok {
		next.n++
	}
	part[key] = &value
	return next
}

// Without returns the map without the key.
func (m SharedMap[K, V]) Without(key K) SharedMap[K, V] {
	if _, ok := m.Get(key); !ok {
		return m
	}
	next, part := m.change(key)
	delete(part, key)
	next.n--
	return next
}

// change returns a copy of the map with a part of its own for the key.
func (m SharedMap[K, V]) change(key K) (SharedMap[K, V], map[K]*V) {
	next := SharedMap[K, V]{parts: new([sharedParts]map[K]*V), n: m.n}
	if m.parts != nil {
		*next.parts = *m.parts
	}
	at := partOf(key)
	part := maps.Clone(next.parts[at])
	if part == nil {
		part = map[K]*V{}
	}
	next.parts[at] = part
	return next, part
}
