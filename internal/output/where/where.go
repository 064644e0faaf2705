// SPDX-License-Identifier: Apache-2.0

// Package where filters records by an expression over their parts, as in
//
//	container.name == "web" && event.dport in [53, 853]
//
// The language is that of expr-lang, the names are those of the record's JSON.
package where

import (
	"errors"
	"fmt"

	"github.com/expr-lang/expr"
	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/file"
	"github.com/expr-lang/expr/parser"
	"github.com/expr-lang/expr/vm"

	"github.com/boathook/boathook/event"
)

// Where is a compiled expression. It is not safe for concurrent use.
type Where struct {
	program *vm.Program
	// used are the paths that the expression reads.
	used    []path
	machine vm.VM
}

// Compile reads an expression over records whose events have one of the
// schemas; without a schema the only field of the event is event.raw.
//
// Returns an output.UnknownFieldError, wrapped, for a name that no record has,
// and an error that shows the column for everything else.
func Compile(text string, schemas ...*event.Schema) (*Where, error) {
	tree, err := parser.Parse(text)
	if err != nil {
		return nil, explain(err)
	}
	known := newNames(schemas)
	used := usedPaths(&tree.Node)
	for _, p := range used {
		if err := known.check(p); err != nil {
			return nil, fmt.Errorf("read expression: %w", err)
		}
	}
	program, err := expr.Compile(text, expr.Env(known.types()), expr.AsBool())
	if err != nil {
		return nil, explain(err)
	}
	return &Where{program: program, used: used}, nil
}

// Match reports whether the expression holds for r. A record that may belong
// to several containers matches if it does with one of them. What is not known
// of where a record came from is "" or 0. A comparison with a field that the
// record's event does not have makes the expression false.
func (w *Where) Match(r *event.Record) (bool, error) {
	tree := r.Map()
	candidates := []any{tree["container"]}
	if several, ok := tree["containers"].([]any); ok {
		candidates = several
	}
	complete(tree)
	widen(tree)
	for _, one := range candidates {
		tree["container"] = completeContainer(one)
		matches, err := w.eval(tree)
		if err != nil || matches {
			return matches, err
		}
	}
	return false, nil
}

func (w *Where) eval(tree map[string]any) (bool, error) {
	result, err := w.machine.Run(w.program, tree)
	if err != nil {
		if w.lacksField(tree) {
			return false, nil
		}
		return false, explain(err)
	}
	matches, ok := result.(bool)
	if !ok {
		return false, fmt.Errorf("evaluate expression: result is %T, want bool", result)
	}
	return matches, nil
}

// lacksField tells whether the record has no value for something that the
// expression reads.
func (w *Where) lacksField(tree map[string]any) bool {
	for _, p := range w.used {
		var value any = tree
		for _, key := range p {
			below, ok := value.(map[string]any)
			if !ok {
				break
			}
			value = below[key]
		}
		if value == nil {
			return true
		}
	}
	return false
}

// explain makes one line of an error of the expression language, which draws a
// picture of several.
func explain(err error) error {
	if located, ok := errors.AsType[*file.Error](err); ok {
		return fmt.Errorf("read expression: %s (column %d)", located.Message, located.Column+1)
	}
	return fmt.Errorf("read expression: %w", err)
}

// path is the name of a field, in parts.
type path []string

// pathsVisitor collects the paths of fields that an expression reads, and
// those of what lies on the way to them.
type pathsVisitor struct {
	paths []path
	own   map[string]bool // variables that the expression itself declares
}

// Visit implements ast.Visitor.
func (v *pathsVisitor) Visit(node *ast.Node) {
	switch n := (*node).(type) {
	case *ast.VariableDeclaratorNode:
		v.own[n.Name] = true
	case *ast.IdentifierNode, *ast.MemberNode:
		if p := pathOf(n); p != nil {
			v.paths = append(v.paths, p)
		}
	}
}

func usedPaths(root *ast.Node) []path {
	visitor := &pathsVisitor{own: map[string]bool{}}
	ast.Walk(root, visitor)
	var paths []path
	for _, p := range visitor.paths {
		if !visitor.own[p[0]] && p[0] != "$env" {
			paths = append(paths, p)
		}
	}
	return paths
}

// pathOf returns the path that a chain of names means, nil if the node is
// something else, such as an element of a list.
func pathOf(node ast.Node) path {
	switch n := node.(type) {
	case *ast.IdentifierNode:
		return path{n.Value}
	case *ast.ChainNode:
		return pathOf(n.Node)
	case *ast.MemberNode:
		key, ok := n.Property.(*ast.StringNode)
		above := pathOf(n.Node)
		if !ok || above == nil {
			return nil
		}
		return append(append(path{}, above...), key.Value)
	}
	return nil
}
