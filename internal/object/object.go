// SPDX-License-Identifier: Apache-2.0

// Package object reads compiled tc programs that nobody wrote for us: it finds
// out which programs an ELF file offers and for which direction, and applies
// what the user chose, set and filled in. It makes no system calls but reading.
package object

import (
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/cilium/ebpf"
	"golang.org/x/sys/unix"

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
	// A pipe without a writer must not hold us up where no signal ends us.
	f, err := os.OpenFile(path, os.O_RDONLY|unix.O_NONBLOCK, 0)
	if err != nil {
		return nil, fault.Failure("boathook run OBJECT: the file of a compiled program, as prog.o", "read object: %w", err)
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
	spec, err := parse(r)
	if err != nil {
		return nil, fault.Failure("an object of clang -target bpf is wanted", "read object %s: %w", name, err)
	}
	o := &Object{Path: name, Spec: spec}
	if err := o.readLegacy(); err != nil {
		return nil, fault.Failure("", "read object %s: %w", name, err)
	}
	return o, nil
}

// parse reads the ELF file. The parser is another's and the file may be anybody's:
// should it panic, that is an error here, as nothing is left half done.
func parse(r io.ReaderAt) (spec *ebpf.CollectionSpec, err error) {
	defer func() {
		if reason := recover(); reason != nil {
			spec, err = nil, fmt.Errorf("the file is damaged: %v", reason)
		}
	}()
	return ebpf.LoadCollectionSpecFromReader(r)
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
