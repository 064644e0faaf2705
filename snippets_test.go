// SPDX-License-Identifier: Apache-2.0

package boathook_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/go-quicktest/qt"
)

// What a document shows of the library is compiled, and as a rule run: it stands,
// line by line, in an example.
func TestSnippetsOfDocumentsAreExamples(t *testing.T) {
	t.Parallel()
	examples := map[string]string{}
	documents := map[string]string{}
	err := filepath.WalkDir(".", func(file string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() && file != "." && skipped(entry.Name()) {
			return filepath.SkipDir
		}
		into := documents
		switch {
		case strings.HasSuffix(file, "example_test.go"):
			into = examples
		case filepath.Ext(file) != ".md":
			return nil
		}
		text, err := os.ReadFile(file)
		into[file] = string(text)
		return err
	})
	qt.Assert(t, qt.IsNil(err))
	snippets := 0
	for file, text := range documents {
		for _, snippet := range snippetsOf(text) {
			snippets++
			if in(examples, snippet) == "" {
				t.Errorf("%s shows what is in no example_test.go:\n%s", file, snippet)
			}
		}
	}
	qt.Check(t, qt.IsTrue(snippets > 0))
}

func snippetsOf(document string) []string {
	var snippets []string
	for _, block := range regexp.MustCompile("(?ms)^```go\n(.*?)^```$").FindAllStringSubmatch(document, -1) {
		snippets = append(snippets, block[1])
	}
	return snippets
}

// in is the file with an example that has the snippet in its body.
func in(examples map[string]string, snippet string) string {
	var indented strings.Builder
	for line := range strings.Lines(snippet) {
		if line != "\n" {
			indented.WriteString("\t")
		}
		indented.WriteString(line)
	}
	for file, text := range examples {
		for body := range strings.SplitSeq(text, "\nfunc Example") {
			if strings.Contains(body, "\n"+indented.String()) {
				return file
			}
		}
	}
	return ""
}

func TestASnippetIsFoundWholeOrNotAtAll(t *testing.T) {
	t.Parallel()
	examples := map[string]string{"x_example_test.go": "package x\n\nfunc Example() {\n\tif a {\n\t\tb()\n\t}\n\n\tc()\n}\n"}
	for snippet, found := range map[string]bool{
		"if a {\n\tb()\n}\n\nc()\n": true,
		"c()\n":                     true,
		"if a {\n\tc()\n}\n":        false,
		"()\n":                      false,
	} {
		qt.Check(t, qt.Equals(in(examples, snippet) != "", found), qt.Commentf(snippet))
	}
	qt.Check(t, qt.DeepEquals(snippetsOf("text\n```go\na\nb\n```\n```sh\nc\n```\n```go\nd\n```\n"), []string{"a\nb\n", "d\n"}))
}
