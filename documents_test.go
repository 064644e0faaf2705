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

// A file that a document names, by a link or in backquotes, is there, so that nobody
// looks for one that was renamed.
func TestDocumentsNameFilesThatAreThere(t *testing.T) {
	t.Parallel()
	names, documents := map[string]bool{}, []string{}
	err := filepath.WalkDir(".", func(file string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && len(entry.Name()) > 1 && strings.HasPrefix(entry.Name(), "."):
			return filepath.SkipDir
		case filepath.Ext(file) == ".md":
			documents = append(documents, file)
		}
		names[entry.Name()] = true
		return nil
	})
	qt.Assert(t, qt.IsNil(err))
	link, quoted := regexp.MustCompile(`\]\(([^):#]+)\)`), regexp.MustCompile("`([\\w./-]+\\.(?:go|c|h|sh|md))`")
	found := 0
	for _, document := range documents {
		text, err := os.ReadFile(document)
		qt.Assert(t, qt.IsNil(err))
		for _, match := range link.FindAllStringSubmatch(string(text), -1) {
			found++
			_, err := os.Stat(filepath.Join(filepath.Dir(document), match[1]))
			qt.Check(t, qt.IsNil(err), qt.Commentf("%s links it", document))
		}
		for _, match := range quoted.FindAllStringSubmatch(string(text), -1) {
			found++
			qt.Check(t, qt.IsTrue(names[filepath.Base(match[1])]), qt.Commentf("%s names %s", document, match[1]))
		}
	}
	qt.Check(t, qt.IsTrue(found > 0))
}

func TestEveryDecisionIsListed(t *testing.T) {
	t.Parallel()
	const dir = "docs/decisions"
	list, err := os.ReadFile(dir + "/README.md")
	qt.Assert(t, qt.IsNil(err))
	files, err := filepath.Glob(dir + "/*.md")
	qt.Assert(t, qt.IsNil(err))
	for _, file := range files {
		name := filepath.Base(file)
		qt.Check(t, qt.IsTrue(name == "README.md" || strings.Contains(string(list), "]("+name+")")), qt.Commentf("%s", file))
	}
}
