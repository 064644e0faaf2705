// SPDX-License-Identifier: Apache-2.0

package session

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/cilium/ebpf"

	"github.com/boathook/boathook/event"
	"github.com/boathook/boathook/internal/fault"
)

// mapPrinter prints maps of the program, decoded.
type mapPrinter struct {
	out   io.Writer
	names []string // to print
	known []string // that could be
	// all says that no map was named.
	all     bool
	readers map[string]*event.MapReader
}

func newMapPrinter(cfg Config) (*mapPrinter, error) {
	p := &mapPrinter{out: cfg.Env.Stdout, readers: map[string]*event.MapReader{}}
	readable := event.Readable(cfg.Object.Spec)
	switch {
	case cfg.Interval < 0:
		return nil, fault.Usage("--interval 5s", "--interval %s: time does not run back", cfg.Interval)
	case cfg.Interval > 0 && len(cfg.Maps) == 0:
		return nil, fault.Usage("--map all, or the names of maps", "--interval %s: no map to print is named", cfg.Interval)
	}
	p.known, p.names = readable, splitCommas(cfg.Maps)
	if slices.Contains(p.names, "all") {
		p.names, p.all = readable, true
	}
	for _, name := range p.names {
		if !slices.Contains(readable, name) {
			return nil, fault.Usage("maps: "+cmp.Or(strings.Join(readable, ", "), "none")+"; or all", "--map %s: no map to print", name)
		}
		reader, err := event.NewMapReader(cfg.Object.Spec.Maps[name])
		if err != nil {
			return nil, fault.Failure("", "read the types of map %s: %w", name, err)
		}
		p.readers[name] = reader
	}
	return p, nil
}

// unused lists the maps that were asked for by name and are not there, as the
// programs chosen do not use them.
func (p *mapPrinter) unused(maps map[string]*ebpf.Map) []string {
	if p.all {
		return nil
	}
	return slices.DeleteFunc(slices.Clone(p.names), func(name string) bool { return maps[name] != nil })
}

// hint is for a program that has nothing else to print.
func (p *mapPrinter) hint() string {
	if len(p.known) == 0 {
		return "the summary counts its packets and verdicts"
	}
	return "--map all prints its maps at the end"
}

// print writes every entry on a line of its own, as JSON.
func (p *mapPrinter) print(maps map[string]*ebpf.Map) error {
	for _, name := range p.names {
		m := maps[name]
		if m == nil {
			continue // see unused
		}
		reader := p.readers[name]
		err := reader.Each(m, func(key, value []byte) error {
			_, err := fmt.Fprintf(p.out, "%s\n", reader.AppendJSON(nil, key, value))
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}
