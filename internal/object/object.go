// SPDX-License-Identifier: Apache-2.0

// Package object reads compiled tc programs that nobody wrote for us: it finds
// out which programs an ELF file offers and for which direction, and applies
// what the user chose, set and filled in. It makes no system calls but reading.
package object

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/cilium/ebpf"

	"github.com/boathook/boathook/internal/fault"
)

// Object is an ELF file with programs. Not safe for concurrent use.
type Object struct {
	// Path is the file, Spec what it holds.
	Path string
	Spec *ebpf.CollectionSpec
	// Notes say what of the file is ignored, for the user.
	Notes []string
}

// Open reads the object at path. An error says whether the file is missing, no
// ELF file, or broken.
func Open(path string) (*Object, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fault.Failure("", "read object: %w", err)
	}
	defer f.Close() //nolint:errcheck // only read
	return Read(f, path)
}

// Read is Open for a file that is open; name is for messages.
func Read(r io.ReaderAt, name string) (*Object, error) {
	var magic [4]byte
	if _, err := r.ReadAt(magic[:], 0); err != nil || string(magic[:]) != "\x7fELF" {
		return nil, fault.Failure("compile it with: clang -O2 -g -target bpf -c prog.c -o prog.o", "%s is not an ELF file", name)
	}
	spec, err := ebpf.LoadCollectionSpecFromReader(r)
	if err != nil {
		return nil, fault.Failure("an object of clang -target bpf is wanted", "read object %s: %w", name, err)
	}
	o := &Object{Path: name, Spec: spec}
	if err := o.readLegacy(); err != nil {
		return nil, fault.Failure("", "read object %s: %w", name, err)
	}
	return o, nil
}

// tailSection is iproute2's name for the section of a program that belongs into
// the prog array with an id, at an index. Source: iproute2, lib/bpf_legacy.c.
var tailSection = regexp.MustCompile(`^(\d+)/(\d+)$`)

// readLegacy understands map definitions of iproute2: id and pinning behind the
// fields that every loader knows, and tail-called programs in sections "id/index".
func (o *Object) readLegacy() error {
	byID := map[string]*ebpf.MapSpec{}
	for _, name := range sortedKeys(o.Spec.Maps) {
		m := o.Spec.Maps[name]
		if m.Extra == nil {
			continue
		}
		extra, err := io.ReadAll(m.Extra)
		if err != nil {
			return fmt.Errorf("map %s: %w", name, err)
		}
		m.Extra = bytes.NewReader(nil)
		if len(extra) >= 4 {
			byID[strconv.FormatUint(uint64(binary.NativeEndian.Uint32(extra)), 10)] = m
		}
		if len(extra) >= 8 && binary.NativeEndian.Uint32(extra[4:]) != 0 {
			o.Notes = append(o.Notes, fmt.Sprintf("map %s: its pinning is ignored, the map is private", name))
		}
	}
	for _, name := range sortedKeys(o.Spec.Programs) {
		prog := o.Spec.Programs[name]
		at := tailSection.FindStringSubmatch(prog.SectionName)
		if at == nil || byID[at[1]] == nil {
			continue
		}
		index, err := strconv.ParseUint(at[2], 10, 32)
		if err != nil {
			return fmt.Errorf("section %s: %w", prog.SectionName, err)
		}
		m := byID[at[1]]
		m.Contents = append(m.Contents, ebpf.MapKV{Key: uint32(index), Value: name})
	}
	return nil
}

// Tail puts a program into a prog array: "MAP[N]=PROGRAM".
func (o *Object) Tail(text string) error {
	bad := func(why string, args ...any) error {
		return fault.Usage("--tail MAP[N]=PROGRAM; prog arrays: "+or(o.progArrays(), "none")+"; programs: "+or(sortedKeys(o.Spec.Programs), "none"), "--tail %s: "+why, append([]any{text}, args...)...)
	}
	slot, prog, ok := strings.Cut(text, "=")
	name, rest, ok2 := strings.Cut(slot, "[")
	number, end, ok3 := strings.Cut(rest, "]")
	if !ok || !ok2 || !ok3 || end != "" {
		return bad("not of the form MAP[N]=PROGRAM")
	}
	m := o.Spec.Maps[name]
	switch {
	case m == nil || m.Type != ebpf.ProgramArray:
		return bad("no prog array %s", name)
	case o.Spec.Programs[prog] == nil:
		return bad("no program %s", prog)
	}
	index, err := strconv.ParseUint(number, 0, 32)
	if err != nil || uint32(index) >= m.MaxEntries {
		return bad("index %s is not below %d", number, m.MaxEntries)
	}
	m.Contents = slices.DeleteFunc(m.Contents, func(kv ebpf.MapKV) bool { return kv.Key == uint32(index) })
	m.Contents = append(m.Contents, ebpf.MapKV{Key: uint32(index), Value: prog})
	return nil
}

func (o *Object) progArrays() []string {
	var names []string
	for _, name := range sortedKeys(o.Spec.Maps) {
		if o.Spec.Maps[name].Type == ebpf.ProgramArray {
			names = append(names, name)
		}
	}
	return names
}

// errNoCandidate is wrapped by the error for an object without a program for us.
var errNoCandidate = errors.New("no tc program in it")

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

func or(list []string, none string) string {
	if len(list) == 0 {
		return none
	}
	return strings.Join(list, ", ")
}
