// SPDX-License-Identifier: Apache-2.0

package session

import (
	"cmp"
	"errors"
	"slices"
	"strings"

	"github.com/boathook/boathook/event"
	"github.com/boathook/boathook/internal/fault"
	"github.com/boathook/boathook/internal/object"
)

func schemaList(schemas map[string]*event.Schema) []*event.Schema {
	var list []*event.Schema
	for _, s := range schemas {
		if s != nil {
			list = append(list, s)
		}
	}
	return list
}

// schemasOf finds the record type of each event map. explicit are "MAP:STRUCT".
func schemasOf(o *object.Object, explicit []string) (map[string]*event.Schema, []string, error) {
	structs := map[string]string{}
	for _, value := range explicit {
		name, typ, _ := strings.Cut(value, ":")
		hint := "--event MAP:STRUCT; event maps: " + cmp.Or(strings.Join(event.Maps(o.Spec), ", "), "none")
		switch {
		case typ == "":
			return nil, nil, fault.Usage(hint, "--event %s: not of the form MAP:STRUCT", value)
		case !slices.Contains(event.Maps(o.Spec), name):
			return nil, nil, fault.Usage(hint, "--event %s: no event map %s", value, name)
		}
		structs[name] = typ
	}
	schemas := map[string]*event.Schema{}
	var raw []string
	for _, name := range event.Maps(o.Spec) {
		schema, err := event.Find(o.Spec, name, structs[name])
		switch {
		case errors.Is(err, event.ErrNoType) && structs[name] == "":
			raw = append(raw, name)
		case err != nil:
			return nil, nil, fault.Usage("--event MAP:STRUCT", "%w", err)
		}
		schemas[name] = schema
	}
	return schemas, raw, nil
}

// perLink says whether a link needs a copy of the program for its records to say
// whose they are.
func perLink(schemas map[string]*event.Schema) bool {
	for _, s := range schemas {
		if s == nil || !s.HasNetns() {
			return true
		}
	}
	return false
}
