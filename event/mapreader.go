// SPDX-License-Identifier: Apache-2.0

package event

import (
	"bytes"
	"errors"
	"fmt"
	"slices"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/btf"
)

// ErrNotReadable is returned for maps whose entries mean nothing outside the
// kernel, or that lose entries by being read.
var ErrNotReadable = errors.New("map has no entries to print")

// MapReader reads all entries of maps of one type. It never changes and is
// safe for concurrent use.
type MapReader struct {
	name  string
	kind  ebpf.MapType
	key   *Schema // nil: hex
	value *Schema
}

// NewMapReader returns a reader for maps made from spec. Keys and values
// without BTF are integers if they have the size of one, else bytes.
//
// Returns an error that wraps [ErrNotReadable] if spec is a map of programs,
// maps, sockets or events, or a queue.
func NewMapReader(spec *ebpf.MapSpec) (*MapReader, error) {
	if !readable(spec.Type) {
		return nil, fmt.Errorf("read map %s (%s): %w", spec.Name, spec.Type, ErrNotReadable)
	}
	key, err := partSchema(spec.Key, spec.KeySize)
	if err != nil {
		return nil, fmt.Errorf("read keys of map %s: %w", spec.Name, err)
	}
	value, err := partSchema(spec.Value, spec.ValueSize)
	if err != nil {
		return nil, fmt.Errorf("read values of map %s: %w", spec.Name, err)
	}
	return &MapReader{name: spec.Name, kind: spec.Type, key: key, value: value}, nil
}

// Readable returns the names of the maps that [NewMapReader] accepts, sorted.
// Those of constants are left out, and global data that consists of markers.
func Readable(spec *ebpf.CollectionSpec) []string {
	var names []string
	for name, m := range spec.Maps {
		if readable(m.Type) && !isConstant(name) && !isEmptySection(m.Value) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// isConstant is true for the map of a read-only data section.
func isConstant(name string) bool { return len(name) >= 7 && name[:7] == ".rodata" }

// isEmptySection is true for global data without a variable to print.
func isEmptySection(t btf.Type) bool {
	if _, ok := t.(*btf.Datasec); !ok {
		return false
	}
	s, err := NewSchema(t)
	return err == nil && len(s.columns) == 0
}

// Each calls emit for every entry of m, in order of the keys: arrays by index,
// others byte by byte. Values of per-CPU maps are summed field by field; see
// [Schema.Add]. Of an array with more than one element those that are all
// zeros are left out. key and value belong to emit.
//
// Returns what emit returns, or an error that wraps
// [ebpf.ErrIterationAborted], after the entries that were found, if a map
// changed too fast to be read completely.
func (r *MapReader) Each(m *ebpf.Map, emit func(key, value []byte) error) error {
	entries, readErr := r.entries(m)
	if readErr != nil && !errors.Is(readErr, ebpf.ErrIterationAborted) {
		return fmt.Errorf("read map %s: %w", r.name, readErr)
	}
	keys := make([]string, 0, len(entries))
	for key := range entries {
		keys = append(keys, key)
	}
	slices.SortFunc(keys, r.compare)
	for _, key := range keys {
		value := entries[key]
		if len(keys) > 1 && r.isArray() && isZero(value) {
			continue
		}
		if err := emit([]byte(key), value); err != nil {
			return err
		}
	}
	if readErr != nil {
		return fmt.Errorf("read map %s: %w", r.name, readErr)
	}
	return nil
}

// AppendJSON appends one entry as {"map":"<name>","key":...,"value":...}.
func (r *MapReader) AppendJSON(dst, key, value []byte) []byte {
	dst = appendString(append(dst, `{"map":`...), r.name)
	dst = r.key.AppendJSON(append(dst, `,"key":`...), key)
	dst = r.value.AppendJSON(append(dst, `,"value":`...), value)
	return append(dst, '}')
}

// entries collects by key: while somebody deletes, the kernel starts again
// from the first key and would return entries twice.
func (r *MapReader) entries(m *ebpf.Map) (map[string][]byte, error) {
	entries := make(map[string][]byte)
	iterate := m.Iterate()
	var key []byte
	if !perCPU(r.kind) {
		var value []byte
		for iterate.Next(&key, &value) {
			entries[string(key)] = bytes.Clone(value) // the next one takes its place
		}
		return entries, iterate.Err()
	}
	cpus, err := ebpf.PossibleCPU()
	if err != nil {
		return nil, err
	}
	values := make([][]byte, cpus)
	for iterate.Next(&key, values) {
		sum := values[0]
		for _, value := range values[1:] {
			r.value.Add(sum, value)
		}
		entries[string(key)] = sum
	}
	return entries, iterate.Err()
}

func (r *MapReader) compare(a, b string) int {
	if r.isArray() && r.key.Fits([]byte(a)) && r.key.Fits([]byte(b)) {
		return int(r.key.root.uint([]byte(a))) - int(r.key.root.uint([]byte(b)))
	}
	return bytes.Compare([]byte(a), []byte(b))
}

func (r *MapReader) isArray() bool {
	return r.kind == ebpf.Array || r.kind == ebpf.PerCPUArray
}

func isZero(b []byte) bool {
	return !slices.ContainsFunc(b, func(c byte) bool { return c != 0 })
}

func perCPU(t ebpf.MapType) bool {
	return t == ebpf.PerCPUArray || t == ebpf.PerCPUHash || t == ebpf.LRUCPUHash
}

func readable(t ebpf.MapType) bool {
	return perCPU(t) || t == ebpf.Array || t == ebpf.Hash || t == ebpf.LRUHash || t == ebpf.LPMTrie
}

// partSchema returns the schema of a key or value of size bytes.
func partSchema(t btf.Type, size uint32) (*Schema, error) {
	if t == nil || t.TypeName() == "" && isVoid(t) {
		t = plainType(size)
	}
	s, err := NewSchema(t)
	if err != nil || s.Size() == int(size) {
		return s, err
	}
	return NewSchema(plainType(size))
}

func isVoid(t btf.Type) bool {
	_, ok := t.(*btf.Void)
	return ok
}

// plainType is what size bytes are taken for when there is no BTF.
func plainType(size uint32) btf.Type { //nolint:ireturn // an integer or an array
	switch size {
	case 1, 2, 4, 8:
		return &btf.Int{Name: "unsigned", Size: size}
	}
	return &btf.Array{Index: &btf.Int{Size: 4}, Type: &btf.Int{Name: "unsigned char", Size: 1}, Nelems: size}
}
