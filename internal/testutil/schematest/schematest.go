// SPDX-License-Identifier: Apache-2.0

// Package schematest holds what the code prints against docs/schema.
package schematest

import (
	"bytes"
	"path/filepath"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/boathook/boathook/internal/testutil"
)

// Check fails the test unless each line of printed is a JSON value that the
// schema with that name ("record" for docs/schema/record.json) allows.
func Check(tb testing.TB, name string, printed []byte) {
	tb.Helper()
	schema := compile(tb, name)
	for line := range bytes.Lines(printed) {
		value, err := jsonschema.UnmarshalJSON(bytes.NewReader(line))
		if err != nil {
			tb.Errorf("not one JSON value a line: %v: %s", err, line)
			continue
		}
		if err := schema.Validate(value); err != nil {
			tb.Errorf("docs/schema/%s.json: %v: %s", name, err, line)
		}
	}
}

// Refuses reports whether the schema with that name forbids the JSON value in
// text, for tests that a schema is not too lenient.
func Refuses(tb testing.TB, name, text string) bool {
	tb.Helper()
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader([]byte(text)))
	if err != nil {
		tb.Fatal(err)
	}
	return compile(tb, name).Validate(value) != nil
}

func compile(tb testing.TB, name string) *jsonschema.Schema {
	tb.Helper()
	path := filepath.Join(testutil.ModuleRoot(tb), "docs", "schema", name+".json")
	compiler := jsonschema.NewCompiler()
	compiler.DefaultDraft(jsonschema.Draft2020)
	compiler.AssertFormat()
	schema, err := compiler.Compile(path)
	if err != nil {
		tb.Fatal(err)
	}
	return schema
}
