// SPDX-License-Identifier: Apache-2.0

package dispatch

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"strconv"
)

// symbolTable is the text of /proc/kallsyms, read no further than was asked
// for: the kernel takes longer to write it all than to load a program. Not safe
// for concurrent use.
type symbolTable struct {
	lines *bufio.Scanner
	read  []symbol // in the order of the text
	names []byte   // theirs, one behind the other
	base  uint64   // of __bpf_call_base; 0: not read yet
	// called are the names of what was asked for, by distance from base.
	called map[int32][]string
	// passing are those distances at which a module is, or nothing: another
	// module may be there later.
	passing map[int32]bool
}

type symbol struct {
	address    uint64
	begin, end uint32 // of its name
	module     bool   // it belongs to a module; those come last and in any order
}

func newSymbolTable(kallsyms io.Reader) *symbolTable {
	return &symbolTable{lines: bufio.NewScanner(kallsyms), called: map[int32][]string{}, passing: map[int32]bool{}}
}

// nameCalls adds to names the symbols at distances from __bpf_call_base. Returns
// errNoSymbols if the kernel hides addresses.
func (t *symbolTable) nameCalls(distances map[int32]bool, names map[string]bool) error {
	missing := map[int32]bool{}
	for distance := range distances {
		if _, ok := t.called[distance]; !ok {
			missing[distance] = true
		}
	}
	if err := t.find(missing); err != nil {
		return err
	}
	for distance := range distances {
		for _, name := range t.called[distance] {
			names[name] = true
		}
		if len(t.called[distance]) == 0 {
			names[fmt.Sprintf("an unknown function at %+d", distance)] = true
		}
	}
	return nil
}

// find enters into called all that is missing there.
func (t *symbolTable) find(missing map[int32]bool) error {
	if len(missing) == 0 {
		return nil
	}
	if err := t.findBase(); err != nil {
		return err
	}
	highest := t.base
	for distance := range missing {
		highest = max(highest, t.base+uint64(int64(distance)))
	}
	found := map[int32][]string{}
	for i := 0; ; i++ {
		s, ok, err := t.at(i)
		if err != nil {
			return err
		}
		// The kernel's own symbols are sorted, so that no other name of a called
		// function follows.
		if !ok || len(found) == len(missing) && !s.module && s.address > highest {
			break
		}
		distance := int32(s.address - t.base)
		if missing[distance] && t.base+uint64(int64(distance)) == s.address {
			found[distance] = append(found[distance], string(t.names[s.begin:s.end]))
			t.passing[distance] = t.passing[distance] || s.module
		}
	}
	for distance := range missing {
		t.called[distance] = found[distance]
		t.passing[distance] = t.passing[distance] || len(found[distance]) == 0
	}
	return nil
}

// lasting is called without what belongs to modules, which come and go.
func (t *symbolTable) lasting() map[int32][]string {
	names := map[int32][]string{}
	for distance, list := range t.called {
		if !t.passing[distance] {
			names[distance] = list
		}
	}
	return names
}

// findBase reads as far as __bpf_call_base.
func (t *symbolTable) findBase() error {
	for i := len(t.read); t.base == 0; i++ {
		s, ok, err := t.at(i)
		if err != nil {
			return err
		}
		if !ok {
			return errNoSymbols
		}
		if string(t.names[s.begin:s.end]) != "__bpf_call_base" {
			continue
		}
		if s.address == 0 {
			return errNoSymbols
		}
		t.base = s.address
	}
	return nil
}

// at returns symbol i, which is at most the first that was not read yet, and
// false at the end.
func (t *symbolTable) at(i int) (symbol, bool, error) {
	for i == len(t.read) {
		if !t.lines.Scan() {
			return symbol{}, false, t.lines.Err()
		}
		if err := t.add(t.lines.Bytes()); err != nil {
			return symbol{}, false, err
		}
	}
	return t.read[i], true, nil
}

// add takes a line in: address, type, name and, behind a tab, a module.
func (t *symbolTable) add(line []byte) error {
	hex, rest, ok := bytes.Cut(line, []byte(" "))
	_, name, ok2 := bytes.Cut(rest, []byte(" "))
	if !ok || !ok2 {
		return nil
	}
	address, err := strconv.ParseUint(string(hex), 16, 64)
	if err != nil {
		return fmt.Errorf("read kernel symbols: %w", err)
	}
	name, _, module := bytes.Cut(name, []byte("\t"))
	begin := uint32(len(t.names))
	t.names = append(t.names, name...)
	t.read = append(t.read, symbol{address, begin, uint32(len(t.names)), module})
	return nil
}
