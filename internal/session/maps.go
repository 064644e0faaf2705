// SPDX-License-Identifier: Apache-2.0

package session

import (
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
	out     io.Writer
	names   []string
	readers map[string]*event.MapReader
}

func newMapPrinter(cfg Config) (*mapPrinter, error) {
	p := &mapPrinter{out: cfg.Env.Stdout, readers: map[string]*event.MapReader{}}
	readable := event.Readable(cfg.Object.Spec)
	p.names = splitCommas(cfg.Maps)
	if slices.Contains(p.names, "all") {
		p.names = readable
	}
	for _, name := range p.names {
		if !slices.Contains(readable, name) {
			return nil, fault.Usage("maps: "+strings.Join(readable, ", ")+"; or all", "--map %s: no map to print", name)
		}
		reader, err := event.NewMapReader(cfg.Object.Spec.Maps[name])
		if err != nil {
			return nil, fault.Failure("", "read the types of map %s: %w", name, err)
		}
		p.readers[name] = reader
	}
	return p, nil
}

// print writes every entry on a line of its own, as JSON.
func (p *mapPrinter) print(maps map[string]*ebpf.Map) error {
	for _, name := range p.names {
		m := maps[name]
		if m == nil {
			continue // the programs chosen do not use it
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
