// SPDX-License-Identifier: Apache-2.0

package where

import (
	"math"
	"strings"

	"github.com/expr-lang/expr/types"

	"github.com/boathook/boathook/event"
	"github.com/boathook/boathook/internal/output"
)

// names are the fields that an expression may read.
type names struct {
	fields []output.Field
	kinds  map[string]event.Kind
	// above are the paths on the way to a field: "link", "event", "event.src".
	above map[string]bool
}

const labels = "container.labels"

func newNames(schemas []*event.Schema) *names {
	n := &names{
		fields: append(output.KnownFields(schemas...), output.Field{Name: "containers", Kind: event.Array}),
		kinds:  map[string]event.Kind{},
		above:  map[string]bool{},
	}
	for _, field := range n.fields {
		n.kinds[field.Name] = field.Kind
		for i, c := range field.Name {
			if c == '.' {
				n.above[field.Name[:i]] = true
			}
		}
	}
	return n
}

func (n *names) check(p path) error {
	name := strings.Join(p, ".")
	_, known := n.kinds[name]
	if known || n.above[name] || strings.HasPrefix(name, labels+".") {
		return nil
	}
	list := make([]string, len(n.fields))
	for i, field := range n.fields {
		list[i] = field.Name
	}
	return &output.UnknownFieldError{Name: name, Known: list}
}

// types returns the names as a tree of types, against which expr checks that
// numbers are compared with numbers.
func (n *names) types() types.Map {
	root := types.Map{}
	for _, field := range n.fields {
		parts := strings.Split(field.Name, ".")
		at := root
		for _, part := range parts[:len(parts)-1] {
			below, ok := at[part].(types.Map)
			if !ok {
				below = types.Map{}
				at[part] = below
			}
			at = below
		}
		at[parts[len(parts)-1]] = typeOf(field)
	}
	return root
}

//nolint:ireturn // what the expression language takes is an interface
func typeOf(field output.Field) types.Type {
	if field.Name == labels {
		return types.TypeOf(map[string]any{})
	}
	switch field.Kind {
	case event.Int:
		return types.Int64
	case event.Uint, event.Duration:
		return types.Uint64
	case event.Bool:
		return types.Bool
	case event.Float:
		return types.Float64
	case event.Text, event.Addr, event.MAC, event.Bytes, event.Pointer, event.Timestamp:
		return types.String
	case event.Enum, event.Array:
		// An enum is a string or, without a name, a number; arrays hold anything.
	}
	return types.Any
}

// complete gives the parts of a record's tree that are not known their zero
// value, so that comparing with them is no error.
func complete(tree map[string]any) {
	fill(tree, map[string]any{
		"time": "", "gadget": "", "netns": uint64(0), "direction": "", "lost": uint64(0),
		"containers": []any{},
	})
	tree["pod"] = filled(tree["pod"], map[string]any{"namespace": "", "name": "", "uid": ""})
	tree["link"] = filled(tree["link"], map[string]any{
		"name": "", "ifindex": int64(0), "host": "", "host_ifindex": int64(0),
	})
}

// widen turns integers that only a uint64 holds into floating point numbers:
// the expression language compares all integers as int64, where they would be
// negative. They lose their last digits by it.
func widen(tree map[string]any) {
	for key, value := range tree {
		switch v := value.(type) {
		case uint64:
			if v > math.MaxInt64 {
				tree[key] = float64(v)
			}
		case map[string]any:
			widen(v)
		}
	}
}

func completeContainer(one any) map[string]any {
	return filled(one, map[string]any{
		"runtime": "", "id": "", "name": "", "image": "", "labels": map[string]any{},
	})
}

func filled(part any, zero map[string]any) map[string]any {
	known, ok := part.(map[string]any)
	if !ok {
		return zero
	}
	fill(known, zero)
	return known
}

func fill(tree, zero map[string]any) {
	for key, value := range zero {
		if _, ok := tree[key]; !ok {
			tree[key] = value
		}
	}
}
